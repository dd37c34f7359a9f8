"""The index follows the chunks: all of them, no others, and only new ones are embedded."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import polars as pl
import pytest
from numpy.typing import NDArray

from dataalchemy_pipelines.core.records import CHUNKS
from dataalchemy_pipelines.engine.batch import complete
from dataalchemy_pipelines.engine.indexing import build_index, chunks_beside_the_index
from resources.contracts import Change
from resources.lake import LocalLake
from resources.progress import LogProgress


class Lengths:
    """An embedder that turns lengths into directions, and remembers what it was given."""

    def __init__(self) -> None:
        self.given: list[str] = []

    def describe(self) -> str:
        return "lengths"

    def embed(self, texts: Sequence[str]) -> NDArray[np.float32]:
        self.given += texts
        angles = np.array([len(text) / 100 for text in texts])
        return np.stack([np.cos(angles), np.sin(angles)], axis=1).astype(np.float32)


def put(lake: LocalLake, *texts: str, gone: frozenset[str] = frozenset()) -> None:
    """Commit a chunk for each text, under ids that are their first word, and take others away."""
    schema = pl.DataFrame(pl.from_arrow(CHUNKS.schema.empty_table())).schema
    rows = [
        {"doc_id": f"d-{text.split()[0]}", "chunk_id": text.split()[0], "text": text, "access": ["public"]}
        | {"source": "s", "native_id": text, "version": 1, "outcome": "kept", "reason": "", "heading_path": []}
        for text in texts
    ]
    frame = pl.DataFrame(rows, schema=schema).drop("recipe_version", "input_sha256", "row_sha256")
    inputs = frame.select("doc_id", pl.col("chunk_id").alias("row_sha256"))
    lake.commit(lake.snapshot(CHUNKS), Change(rows=complete(frame, inputs, CHUNKS, recipe_version="1"), replaces=gone))


@pytest.fixture
def lake(tmp_path: Path) -> LocalLake:
    lake = LocalLake(root=(tmp_path / "lake").as_uri())
    put(lake, "a boiler", "b crane")
    return lake


def test_a_second_build_embeds_only_what_is_new(lake: LocalLake) -> None:
    llm = Lengths()
    assert build_index(lake, llm, LogProgress()).embedded == 2  # type: ignore[arg-type]
    assert build_index(lake, llm, LogProgress()).embedded == 0  # type: ignore[arg-type]
    put(lake, "c lathe")
    made = build_index(lake, llm, LogProgress())  # type: ignore[arg-type]
    assert (made.embedded, made.chunks) == (1, 3) and len(llm.given) == 3


def test_a_chunk_that_came_or_went_without_the_index_is_counted(lake: LocalLake) -> None:
    assert chunks_beside_the_index(lake) == (2, 2), "no index yet"
    build_index(lake, Lengths(), LogProgress())  # type: ignore[arg-type]
    assert chunks_beside_the_index(lake) == (2, 0)
    put(lake, "c lathe")
    assert chunks_beside_the_index(lake) == (3, 1)
    put(lake, gone=frozenset({"d-a", "d-c"}))
    assert chunks_beside_the_index(lake) == (1, 1)
