"""Outcomes: what stands of several versions, accounts that count documents, hashes of inputs, names in the ledger."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import polars as pl
import pyarrow as pa
import pytest

from dataalchemy_pipelines.core.outcomes import (
    balances,
    current,
    frame,
    input_digests,
    landing_balances,
    ledger,
    row_digests,
)
from dataalchemy_pipelines.core.records import CHUNKS, CLEAN_DOCUMENTS, DOCUMENTS, RAW_RECORDS, SFT_PAIRS
from resources.contracts import Change, TableSpec
from resources.lake import LocalLake


@pytest.fixture
def lake(tmp_path: Path) -> LocalLake:
    """An empty lake."""
    return LocalLake(root=(tmp_path / "lake").as_uri())


def write(lake: LocalLake, spec: TableSpec, *rows: dict[str, Any]) -> None:
    """Append rows; what a row does not say is version 1 of a kept document of the source `s`."""
    usual = {"source": "s", "version": 1, "outcome": "kept", "reason": ""}
    full = [{"native_id": row["doc_id"], **usual, **row} for row in rows]
    table = pa.Table.from_pylist(full, schema=spec.schema)
    place = spec.schema.names.index("row_sha256")
    table = table.set_column(place, spec.schema.field(place), row_digests(table, spec))
    lake.commit(lake.snapshot(spec), Change(rows=table))


def test_of_several_versions_the_newest_stands_even_where_its_rows_are_fewer(lake: LocalLake) -> None:
    old = [{"doc_id": "a", "version": 2, "chunk_id": f"old-{number}"} for number in range(3)]
    write(lake, CHUNKS, *old, {"doc_id": "b", "chunk_id": "b-0"}, {"doc_id": "b", "chunk_id": "b-1"})
    write(lake, CHUNKS, {"doc_id": "a", "version": 10, "chunk_id": "new"})
    standing = current(lake.snapshot(CHUNKS), ["chunk_id"])
    assert standing.columns == ["chunk_id"]
    assert sorted(standing["chunk_id"]) == ["b-0", "b-1", "new"]


def test_the_columns_asked_for_come_once_and_in_order(lake: LocalLake) -> None:
    write(lake, CHUNKS, {"doc_id": "a"})
    assert current(lake.snapshot(CHUNKS), ["version", "outcome", "doc_id"]).rows() == [(1, "kept", "a")]
    assert current(lake.snapshot(SFT_PAIRS), ["doc_id"]).height == 0


def test_a_document_with_several_rows_is_one_document_of_the_account(lake: LocalLake) -> None:
    write(lake, CLEAN_DOCUMENTS, {"doc_id": "a"}, {"doc_id": "b"}, {"doc_id": "c", "source": "t"})
    chunks = [{"doc_id": "a", "chunk_id": f"a-{number}"} for number in range(5)]
    write(lake, CHUNKS, *chunks, {"doc_id": "b", "outcome": "rejected", "reason": "empty"})
    sheet = balances(lake, CLEAN_DOCUMENTS, CHUNKS)
    assert (sheet["s"].seen, sheet["s"].outcomes, sheet["s"].reasons, sheet["s"].lost) == (
        2,
        {"kept": 1, "rejected": 1},
        {"empty": 1},
        0,
    )
    assert (sheet["t"].seen, sheet["t"].outcomes, sheet["t"].lost) == (1, {}, 1)
    assert sum(sheet["s"].outcomes.values()) + sheet["s"].lost == sheet["s"].seen


def test_a_document_of_which_one_row_was_kept_is_kept_and_else_one_row_speaks_for_it(lake: LocalLake) -> None:
    write(lake, CHUNKS, *({"doc_id": name, "chunk_id": f"{name}-{number}"} for name in "ab" for number in range(2)))
    refused = {"outcome": "rejected", "reason": "no_informative_sentence"}
    write(lake, SFT_PAIRS, {"doc_id": "a", **refused}, {"doc_id": "a", "pair_id": "p"}, {"doc_id": "a", **refused})
    write(lake, SFT_PAIRS, {"doc_id": "b", **refused}, {"doc_id": "b", **refused, "reason": "beyond_max_samples"})
    sheet = balances(lake, CHUNKS, SFT_PAIRS)["s"]
    assert (sheet.seen, sheet.lost) == (2, 0)
    assert sheet.outcomes == {"kept": 1, "rejected": 1}
    assert sheet.reasons == {"beyond_max_samples": 1}


def test_an_older_version_and_what_is_gone_are_not_in_the_account(lake: LocalLake) -> None:
    write(lake, RAW_RECORDS, {"doc_id": "a", "outcome": "superseded"}, {"doc_id": "a", "version": 2})
    write(
        lake,
        RAW_RECORDS,
        {"doc_id": "b", "outcome": "superseded"},
        {"doc_id": "b", "version": 2, "outcome": "withdrawn"},
    )
    write(lake, DOCUMENTS, {"doc_id": "a", "version": 2}, {"doc_id": "b", "outcome": "withdrawn"})
    sheet = balances(lake, RAW_RECORDS, DOCUMENTS)["s"]
    assert (sheet.seen, sheet.outcomes, sheet.lost) == (1, {"kept": 1}, 0)
    landed = landing_balances(lake.snapshot(RAW_RECORDS))["s"]
    assert (landed.seen, landed.outcomes) == (4, {"superseded": 2, "kept": 1, "withdrawn": 1})


def test_a_document_that_the_later_stage_never_saw_is_lost(lake: LocalLake) -> None:
    write(lake, CLEAN_DOCUMENTS, {"doc_id": "a"}, {"doc_id": "b"}, {"doc_id": "c", "outcome": "rejected"})
    write(lake, CHUNKS, {"doc_id": "a"})
    assert balances(lake, CLEAN_DOCUMENTS, CHUNKS)["s"].counts()["lost"] == 1


def test_an_input_is_its_rows_hash_or_one_over_the_hashes_of_its_rows_in_any_order() -> None:
    rows = pl.DataFrame({"doc_id": ["a", "b", "b", "c", "c"], "row_sha256": ["1", "2", "3", "3", "2"]})
    digests = dict(input_digests(rows).iter_rows())
    assert digests["a"] == "1"
    assert digests["b"] == digests["c"] and len(digests["b"]) == 64
    assert dict(input_digests(rows.reverse()).iter_rows()) == digests
    assert dict(input_digests(rows[:2]).iter_rows())["b"] == "2", "one row less is another input"
    assert input_digests(rows[:0]).height == 0


def test_a_row_twice_is_not_the_row_once() -> None:
    rows = pl.DataFrame({"doc_id": ["a", "a", "b"], "row_sha256": ["1", "1", "1"]})
    digests = dict(input_digests(rows).iter_rows())
    assert digests["a"] != digests["b"]


def test_the_ledger_that_may_leave_the_lake_has_names_only_as_the_clean_stage_left_them(lake: LocalLake) -> None:
    write(lake, RAW_RECORDS, {"doc_id": "a", "native_id": "jane@works.example.md"})
    write(lake, RAW_RECORDS, {"doc_id": "b", "native_id": "joe@works.example.pdf"})
    write(lake, DOCUMENTS, {"doc_id": "a", "native_id": "jane@works.example.md"})
    write(lake, DOCUMENTS, {"doc_id": "b", "native_id": "joe@works.example.pdf", "outcome": "quarantined"})
    write(lake, CLEAN_DOCUMENTS, {"doc_id": "a", "native_id": "[EMAIL].md"})
    names = {(row["stage"], row["doc_id"]): row["native_id"] for row in ledger(lake, redacted=True)}
    assert names == {
        ("raw_records", "a"): "[EMAIL].md",
        ("raw_records", "b"): None,
        ("documents", "a"): "[EMAIL].md",
        ("documents", "b"): None,
        ("clean_documents", "a"): "[EMAIL].md",
    }
    assert {row["native_id"] for row in ledger(lake, "b")} == {"joe@works.example.pdf"}
    assert frame(lake.snapshot(RAW_RECORDS).read()).height == 2
