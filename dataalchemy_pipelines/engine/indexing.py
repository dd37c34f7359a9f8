"""The index of the chunks as they stand: only new passages are embedded; the pointer moves when it is whole."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import polars as pl
from numpy.typing import NDArray

from dataalchemy_pipelines.core.outcomes import KEPT, content_digest, frame
from dataalchemy_pipelines.core.records import CHUNKS
from dataalchemy_pipelines.publishing.release import advance, current
from dataalchemy_pipelines.retrieval.index import IndexRef, fetch, passages, store
from resources.contracts import Lake, Llm, Progress

POINTER = "index"
BATCH = 64


@dataclass(frozen=True)
class Indexed:
    """What the index holds now, and how many passages had to be embedded for it."""

    ref: IndexRef
    chunks: int
    embedded: int
    documents: int


def build_index(lake: Lake, llm: Llm, progress: Progress) -> Indexed:
    """Bring the index up to date with the chunks. Raises Conflict when another run moved the pointer meanwhile."""
    snapshot = lake.snapshot(CHUNKS)
    basis = f"{content_digest(snapshot)}:{llm.describe()}"
    pointer = current(lake, POINTER)
    chunks = frame(snapshot.read()).filter(pl.col("outcome") == KEPT).sort("chunk_id")
    documents = chunks["doc_id"].n_unique()
    if pointer is not None and pointer.value["basis"] == basis:
        return Indexed(_ref(pointer.value), chunks.height, 0, documents)
    known = {} if pointer is None else _known(lake, pointer.value, llm.describe())
    vectors, embedded = _vectors(passages(chunks), known, llm, progress)
    ref = store(lake, chunks, vectors)
    value = {**ref.as_value(), "basis": basis, "embedder": llm.describe()}
    advance(lake, POINTER, value, expected=pointer.number if pointer else 0)
    return Indexed(ref, chunks.height, embedded, documents)


def chunks_beside_the_index(lake: Lake) -> tuple[int, int]:
    """How many chunks are kept, and how many of them the standing index lacks or holds though they are gone."""
    rows = frame(lake.snapshot(CHUNKS).read(["chunk_id", "outcome"]))
    kept = set(rows.filter(pl.col("outcome") == KEPT)["chunk_id"])
    pointer = current(lake, POINTER)
    held = set() if pointer is None else set(fetch(lake, _ref(pointer.value)).chunks["chunk_id"])
    return len(kept), len(kept ^ held)


def _ref(value: Mapping[str, Any]) -> IndexRef:
    return IndexRef(value["chunks"], value["vectors"])


def _known(lake: Lake, value: Mapping[str, Any], embedder: str) -> dict[str, NDArray[np.float32]]:
    """Vectors of the index before, by the hash of their passage, where the same embedder made them."""
    if value["embedder"] != embedder:
        return {}
    index = fetch(lake, _ref(value))
    return {_hash(text): vector for text, vector in zip(passages(index.chunks), index.vectors, strict=True)}


def _vectors(
    texts: list[str], known: dict[str, NDArray[np.float32]], llm: Llm, progress: Progress
) -> tuple[NDArray[np.float32], int]:
    """(n, d) vectors in the order of the texts; each distinct new text is embedded once."""
    new = list({_hash(text): text for text in texts if _hash(text) not in known}.items())
    for start in range(0, len(new), BATCH):
        batch = new[start : start + BATCH]
        made = llm.embed([text for _, text in batch])
        known |= {key: vector for (key, _), vector in zip(batch, made, strict=True)}
        progress.step("index", start + len(batch), len(new), unit="passages")
    if not texts:
        return np.zeros((0, 1), np.float32), 0
    return np.stack([known[_hash(text)] for text in texts]), len(new)


def _hash(text: str) -> str:
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()
