"""The parse step."""

from __future__ import annotations

from typing import Any

import polars as pl
import pytest

from dataalchemy_pipelines.core.records import DOCUMENTS, RAW_RECORDS, doc_id_of
from dataalchemy_pipelines.parsing.sandbox import Sandbox
from dataalchemy_pipelines.parsing.step import parse_batch

PAYLOADS = {
    "k/text": b"\xef\xbb\xbfHello\r\nthere",
    "k/broken": b"{",
    "k/issue": b'{"key":"A-1","fields":{"summary":"S","updated":"2020-01-01"}}',
}


def raw(native_id: str, key: str | None, **columns: Any) -> dict[str, Any]:
    return {
        "doc_id": doc_id_of("s", native_id),
        "source": "s",
        "native_id": native_id,
        "version": 3,
        "kind": "file",
        "media_type": "application/octet-stream",
        "content_sha256": "0" * 64,
        "payload_key": key,
        "access": ["group:a", "public"],
        "outcome": "kept",
        "reason": "",
        **columns,
    }


def frame(*rows: dict[str, Any]) -> pl.DataFrame:
    return pl.DataFrame(list(rows), schema=pl.DataFrame(RAW_RECORDS.schema.empty_table()).schema)


def test_every_row_that_comes_in_goes_out_with_one_outcome(sandbox: Sandbox) -> None:
    rows = frame(
        raw("a.txt", "k/text"),
        raw("b.json", "k/broken"),
        raw("c.txt", None),
        raw("d.txt", None, outcome="quarantined", reason="unreadable"),
        raw("e.jsonl#A-1", "k/issue", kind="jira_issue", media_type="application/json"),
    )
    documents = parse_batch(rows, PAYLOADS.__getitem__, sandbox)
    assert documents.select("native_id", "outcome", "reason").rows() == [
        ("a.txt", "kept", ""),
        ("b.json", "quarantined", "broken"),
        ("c.txt", "rejected", "empty"),
        ("d.txt", "quarantined", "unreadable"),
        ("e.jsonl#A-1", "kept", ""),
    ]
    assert documents["text"].to_list() == ["Hello\nthere", None, None, None, "- Key: A-1"]
    assert documents["title"].to_list() == ["a", None, None, None, "S"]


def test_identity_access_and_payload_are_carried_and_times_come_from_the_format(sandbox: Sandbox) -> None:
    rows = frame(raw("a.txt", "k/text"), raw("e#A-1", "k/issue", kind="jira_issue"))
    documents = parse_batch(rows, PAYLOADS.__getitem__, sandbox)
    carried = ["doc_id", "source", "native_id", "version", "kind", "content_sha256", "access"]
    assert documents.select(carried).equals(rows.select(carried))
    assert [when and when.year for when in documents["updated_at"]] == [None, 2020]
    assert documents["media_type"].to_list() == ["text/plain", "application/json"]


def test_the_columns_are_those_of_the_table_without_what_the_engine_fills(sandbox: Sandbox) -> None:
    empty = parse_batch(frame(), PAYLOADS.__getitem__, sandbox)
    assert empty.columns == [
        name for name in DOCUMENTS.schema.names if name not in {"recipe_version", "input_sha256", "row_sha256"}
    ]
    assert empty.height == 0


def test_a_payload_that_cannot_be_fetched_is_no_verdict_on_the_document(sandbox: Sandbox) -> None:
    with pytest.raises(KeyError):
        parse_batch(frame(raw("a.txt", "k/gone")), PAYLOADS.__getitem__, sandbox)
