"""The parse step: rows of ``raw_records`` in, rows of ``documents`` out, one for one."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import polars as pl
import pyarrow as pa

from dataalchemy_pipelines.core.records import DOCUMENTS, Document
from dataalchemy_pipelines.parsing.sandbox import Sandbox
from dataalchemy_pipelines.parsing.verdict import Input

PARSER_VERSION = "2"
"""Raised by hand whenever the same bytes give another document. It stands here, since the parsers are loaded by their
child process alone."""

_ENGINE_FILLS = ("recipe_version", "input_sha256", "row_sha256")
_CARRIED = ("doc_id", "source", "native_id", "version", "kind", "media_type", "content_sha256", "access")
_SCHEMA = pa.schema([column for column in DOCUMENTS.schema if column.name not in _ENGINE_FILLS])


def parse_batch(frame: pl.DataFrame, payloads: Callable[[str], bytes], sandbox: Sandbox) -> pl.DataFrame:
    """Parse every raw record that was kept; one that was not keeps its outcome, and has neither text nor title.

    Args:
        frame: rows of ``raw_records``.
        payloads: the bytes under a payload key; its errors (NotFound, Unavailable) end the batch as they are.
        sandbox: where the parsers run.
    Returns: (n, .) rows of ``documents`` in the order of ``frame``, without what the engine fills. Times come from
        inside the format, never from a file.
    """
    rows = [_row(row, payloads, sandbox) for row in frame.iter_rows(named=True)]
    return pl.DataFrame(pa.Table.from_pylist(rows, schema=_SCHEMA))


def _row(row: dict[str, Any], payloads: Callable[[str], bytes], sandbox: Sandbox) -> dict[str, Any]:
    kept = {name: row[name] for name in _CARRIED}
    if row["outcome"] != "kept":
        return {**kept, "outcome": row["outcome"], "reason": row["reason"]}
    key = row["payload_key"]  # None for an item that was read and has no bytes
    record = Input(row["native_id"], row["kind"], row["media_type"])
    parsed = sandbox.parse(payloads(key) if key is not None else b"", record)
    if not isinstance(parsed, Document):
        return {**kept, "outcome": parsed.outcome, "reason": parsed.reason}
    fields = ("title", "text", "media_type", "created_at", "updated_at")
    lists = {"authors": list(parsed.authors), "links": list(parsed.links)}
    return {**kept, **{name: getattr(parsed, name) for name in fields}, **lists, "outcome": "kept", "reason": ""}
