"""The records that stages hand on, and the shape of every table. Keep behaviour out; it lives with the stages."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime

import pyarrow as pa

from resources.contracts import TableSpec

STRINGS = pa.list_(pa.string())
WHEN = pa.timestamp("us", tz="UTC")

_IDENTITY = [
    ("doc_id", pa.string()),
    ("source", pa.string()),
    ("native_id", pa.string()),
    ("version", pa.int32()),
]
_OUTCOME = [
    ("outcome", pa.string()),
    ("reason", pa.string()),
    ("recipe_version", pa.string()),
    ("input_sha256", pa.string()),
    ("row_sha256", pa.string()),
]


def doc_id_of(source: str, native_id: str) -> str:
    """The stable id of a document: 32 hex digits of sha256 over its source and its key there."""
    return hashlib.sha256(f"{source}\0{native_id}".encode()).hexdigest()[:32]


HELD_OUT_BELOW = "40"
"""A document whose id starts below these hex digits, one in four, is held out: no adapter ever learns from it."""


SOURCES, INBOX = "private/sources", "private/inbox"
"""Where sources are registered, and where a person's machine lays what it reads for them."""


@dataclass(frozen=True)
class Source:
    """A folder or file that is read again at each ingestion. Source names are part of every document's id.

    ``kind`` is its line in the catalogue of connectors.
    """

    name: str
    root: str
    access: tuple[str, ...]
    exclude: tuple[str, ...] = ()
    kind: str = "folder"

    @property
    def key(self) -> str:
        """Its object in the lake."""
        return f"{SOURCES}/{self._digest}.json"

    @property
    def drops(self) -> str:
        """The folder of the lake into which a person's machine lays what it reads of an inbox source."""
        return f"{INBOX}/{self._digest}"

    @property
    def _digest(self) -> str:
        return hashlib.sha256(self.name.encode()).hexdigest()[:32]


@dataclass(frozen=True)
class RawRecord:
    """One item as its source gave it.

    ``native_id`` is the source's own key: for a file its path under the root with ``/``, for an item of an export
    ``path#KEY``. ``kind`` is what the item is: ``file``, ``jira_issue``, ``confluence_page``, ``github_pull``,
    ``github_issue``. ``payload`` is None where the source could not be read; ``reason`` then says why.
    """

    native_id: str
    payload: bytes | None
    kind: str = "file"
    media_type: str = "application/octet-stream"
    access: tuple[str, ...] = ()
    updated_at: datetime | None = None
    reason: str = ""


@dataclass(frozen=True)
class Document:
    """A parsed document: Markdown text and what the format itself says of it."""

    text: str
    title: str = ""
    media_type: str = "text/plain"
    kind: str = "file"
    authors: tuple[str, ...] = ()
    created_at: datetime | None = None
    updated_at: datetime | None = None
    links: tuple[str, ...] = field(default=())


@dataclass(frozen=True)
class Rejected:
    """A parser's or a step's verdict instead of a document: the outcome and a reason from a closed vocabulary."""

    outcome: str
    reason: str


def _spec(
    name: str, *columns: tuple[str, pa.DataType], outside: frozenset[str] = frozenset(), private: bool = False
) -> TableSpec:
    schema = pa.schema([pa.field(column, kind) for column, kind in (*_IDENTITY, *columns, *_OUTCOME)])
    return TableSpec(name=name, schema=schema, outside_digest=outside, private=private)


RAW_RECORDS = _spec(
    "raw_records",
    ("kind", pa.string()),
    ("media_type", pa.string()),
    ("content_sha256", pa.string()),
    ("payload_key", pa.string()),
    ("size_bytes", pa.int64()),
    ("access", STRINGS),
    ("access_sha256", pa.string()),
    ("access_read_at", WHEN),
    ("updated_at", WHEN),
    ("ingested_at", WHEN),
    outside=frozenset({"access_read_at", "updated_at", "ingested_at"}),
    private=True,
)
DOCUMENTS = _spec(
    "documents",
    ("kind", pa.string()),
    ("media_type", pa.string()),
    ("content_sha256", pa.string()),
    ("title", pa.string()),
    ("text", pa.string()),
    ("authors", STRINGS),
    ("links", STRINGS),
    ("access", STRINGS),
    ("created_at", WHEN),
    ("updated_at", WHEN),
    private=True,
)
COUNTS = pa.list_(pa.struct([("kind", pa.string()), ("count", pa.int32())]))
CLEAN_DOCUMENTS = _spec(
    "clean_documents",
    ("kind", pa.string()),
    ("content_sha256", pa.string()),
    ("title", pa.string()),
    ("text", pa.string()),
    ("language", pa.string()),
    ("access", STRINGS),
    ("redactions", COUNTS),
    ("created_at", WHEN),
    ("updated_at", WHEN),
)
SIGNATURES = _spec(
    "signatures",
    ("content_sha256", pa.string()),
    ("shingles", pa.int32()),
    ("bands", pa.list_(pa.int64())),
)
CLUSTERS = _spec(
    "clusters",
    ("content_sha256", pa.string()),
    ("cluster_id", pa.string()),
    ("matched_doc_id", pa.string()),
    ("jaccard", pa.float64()),
)
CHUNKS = _spec(
    "chunks",
    ("chunk_id", pa.string()),
    ("position", pa.int32()),
    ("title", pa.string()),
    ("heading_path", STRINGS),
    ("text", pa.string()),
    ("language", pa.string()),
    ("access", STRINGS),
    ("content_sha256", pa.string()),
)
SFT_PAIRS = _spec(
    "sft_pairs",
    ("pair_id", pa.string()),
    ("kind", pa.string()),
    ("prompt", pa.string()),
    ("completion", pa.string()),
    ("chunk_ids", STRINGS),
    ("access", STRINGS),
)
TRAINING_SETS = _spec(
    "training_sets",
    ("training_set_id", pa.string()),
    ("pair_id", pa.string()),
    ("split", pa.string()),
    ("kind", pa.string()),
    ("prompt", pa.string()),
    ("completion", pa.string()),
    ("access", STRINGS),
)
EVALUATIONS = TableSpec(
    name="evaluations",
    schema=pa.schema(
        [
            ("evaluation_id", pa.string()),
            ("doc_id", pa.string()),
            ("question_id", pa.string()),
            ("held_out", pa.string()),
            ("arm", pa.string()),
            ("nll", pa.float64()),
            ("tokens", pa.int32()),
            ("verbatim", pa.bool_()),
            ("stopped", pa.bool_()),
            ("f1", pa.float64()),
            ("adapter", pa.string()),
        ]
    ),
)

STAGES: tuple[tuple[TableSpec, TableSpec], ...] = (
    (RAW_RECORDS, DOCUMENTS),
    (DOCUMENTS, CLEAN_DOCUMENTS),
    (CLEAN_DOCUMENTS, SIGNATURES),
    (CLEAN_DOCUMENTS, CLUSTERS),
    (CLUSTERS, CHUNKS),
    (CHUNKS, SFT_PAIRS),
)
"""Each stage that accounts for every document of the one before it: (from, to)."""

TABLES: Mapping[str, TableSpec] = {
    spec.name: spec
    for spec in (
        RAW_RECORDS,
        DOCUMENTS,
        CLEAN_DOCUMENTS,
        SIGNATURES,
        CLUSTERS,
        CHUNKS,
        SFT_PAIRS,
        TRAINING_SETS,
        EVALUATIONS,
    )
}
