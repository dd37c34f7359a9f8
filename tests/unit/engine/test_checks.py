"""The checks' own counts: each fault that they are there for is planted once and found."""

from __future__ import annotations

import io
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import polars as pl
import pyarrow as pa
import pytest

from dataalchemy_pipelines.core.outcomes import frame
from dataalchemy_pipelines.core.records import CHUNKS, RAW_RECORDS, SFT_PAIRS, RawRecord
from dataalchemy_pipelines.defs.ingest import every_input_has_one_outcome
from dataalchemy_pipelines.engine.checks import inputs_unaccounted, pairs_across_the_line
from dataalchemy_pipelines.engine.landing import PAYLOADS, land
from dataalchemy_pipelines.engine.training_set import build_training_set, standing
from resources.contracts import Change, TableSpec
from resources.lake import LocalLake
from resources.progress import LogProgress

SOUND = {"not_landed": 0, "doubled": 0, "without_payload": 0}


class Given:
    """A source that holds these items."""

    def __init__(self, *names: str) -> None:
        self._names = names

    def records(self) -> Iterator[RawRecord]:
        """A readable item of each name, one that is empty, and one that cannot be read."""
        for name in self._names:
            yield RawRecord(name, name.encode(), access=("local",))
        yield RawRecord("empty", b"", access=("local",))
        yield RawRecord("locked", None, access=("local",), reason="unreadable")


@pytest.fixture
def lake(tmp_path: Path) -> LocalLake:
    """Two sources, one of which was edited and lost an item since."""
    lake = LocalLake(root=(tmp_path / "lake").as_uri())
    land(lake, Given(*"abcdefgh"), source="one", progress=LogProgress())
    land(lake, Given(*"abcdefg"), source="one", progress=LogProgress())
    land(lake, Given("a"), source="two", progress=LogProgress())
    return lake


def kept_row(lake: LocalLake) -> dict[str, Any]:
    """One kept row with a payload of its own."""
    rows = frame(lake.snapshot(RAW_RECORDS).read())
    (row,) = rows.filter((pl.col("native_id") == "b") & (pl.col("outcome") == "kept")).to_dicts()
    return row


def passed(lake: LocalLake) -> bool:
    """What the blocking check says."""
    return bool(every_input_has_one_outcome(lake=lake).passed)  # type: ignore[union-attr]


def test_what_was_listed_has_landed(lake: LocalLake) -> None:
    assert inputs_unaccounted(lake) == (9 + 3, SOUND)
    assert passed(lake)


def test_a_listed_item_whose_row_vanished_is_missed(lake: LocalLake) -> None:
    lake.commit(lake.snapshot(RAW_RECORDS), Change(replaces=frozenset({kept_row(lake)["doc_id"]})))
    assert inputs_unaccounted(lake)[1] == {**SOUND, "not_landed": 1}
    assert not passed(lake)


def test_a_listed_item_that_was_withdrawn_all_the_same_is_missed(lake: LocalLake) -> None:
    row = {**kept_row(lake), "version": 2, "outcome": "withdrawn", "payload_key": None}
    lake.commit(lake.snapshot(RAW_RECORDS), Change(rows=pa.Table.from_pylist([row], schema=RAW_RECORDS.schema)))
    assert inputs_unaccounted(lake)[1] == {**SOUND, "not_landed": 1}


def test_a_version_that_stands_twice_is_found(lake: LocalLake) -> None:
    row = {**kept_row(lake), "outcome": "quarantined"}
    lake.commit(lake.snapshot(RAW_RECORDS), Change(rows=pa.Table.from_pylist([row], schema=RAW_RECORDS.schema)))
    assert inputs_unaccounted(lake)[1] == {**SOUND, "doubled": 1}
    assert not passed(lake)


def test_a_kept_row_without_its_payload_is_found(lake: LocalLake) -> None:
    key = kept_row(lake)["payload_key"]
    assert key.startswith(PAYLOADS)
    lake.delete([key])
    assert inputs_unaccounted(lake)[1] == {**SOUND, "without_payload": 1}
    assert not passed(lake)


def write(lake: LocalLake, spec: TableSpec, *rows: dict[str, Any]) -> None:
    """Append kept rows."""
    full = [{"outcome": "kept", "access": ["public"], "row_sha256": str(row), **row} for row in rows]
    lake.commit(lake.snapshot(spec), Change(rows=pa.Table.from_pylist(full, schema=spec.schema)))


@pytest.fixture
def learning(tmp_path: Path) -> LocalLake:
    """Documents on both sides of the line, one pair of each, and a training set of them."""
    lake = LocalLake(root=(tmp_path / "learning").as_uri())
    documents = ("00held", "3fheld", "40valid", "99learnt", "ffshowing")
    write(lake, CHUNKS, *({"doc_id": name, "chunk_id": f"c-{name}"} for name in documents))
    pairs = [{"doc_id": name, "pair_id": f"p-{name}", "chunk_ids": [f"c-{name}"]} for name in documents]
    write(lake, SFT_PAIRS, *pairs)
    build_training_set(lake, audience=["local"], max_samples=None)
    return lake


def given(lake: LocalLake) -> pl.DataFrame:
    """The rows that a training reads."""
    return pl.read_parquet(io.BytesIO(lake.get(standing(lake).key)))


def test_a_training_set_as_it_is_built_keeps_to_its_side_of_the_line(learning: LocalLake) -> None:
    assert set(given(learning)["pair_id"]) == {"p-40valid", "p-99learnt", "p-ffshowing"}
    assert pairs_across_the_line(learning) == (3, 0)


@pytest.mark.parametrize("pair", ["p-3fheld", "p-of-nobody"])
def test_a_pair_that_the_training_reads_though_its_table_does_not_have_it_to_learn_is_found(
    learning: LocalLake, pair: str
) -> None:
    rows = given(learning)
    sink = io.BytesIO()
    pl.concat([rows, rows[:1].with_columns(pair_id=pl.lit(pair))]).write_parquet(sink)
    learning.put(standing(learning).key, sink.getvalue())
    assert pairs_across_the_line(learning) == (4, 1)


def test_a_pair_that_shows_a_chunk_of_a_held_out_document_is_found(learning: LocalLake) -> None:
    pair = {"doc_id": "ffshowing", "pair_id": "p-ffshowing", "chunk_ids": ["c-00held", "c-ffshowing"]}
    base = learning.snapshot(SFT_PAIRS)
    learning.commit(base, Change(replaces=frozenset({"ffshowing"})))
    write(learning, SFT_PAIRS, pair)
    assert pairs_across_the_line(learning) == (3, 1)
