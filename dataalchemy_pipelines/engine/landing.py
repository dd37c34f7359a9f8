"""Landing: what a source gives becomes rows of `raw_records`, once, with its payload kept byte for byte.

New and changed items come in, edits supersede, and what is gone within the listed scope is withdrawn; a listing that
failed, or one in which too much is missing, withdraws nothing.
"""

from __future__ import annotations

import hashlib
import json
import secrets
from collections.abc import Iterable, Iterator, Mapping, Sequence, Set
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

import polars as pl

from dataalchemy_pipelines.connectors.catalogue import CATALOGUE, Connector
from dataalchemy_pipelines.core.errors import WrongInput
from dataalchemy_pipelines.core.outcomes import GONE, KEPT, QUARANTINED, SUPERSEDED, WITHDRAWN, frame
from dataalchemy_pipelines.core.records import RAW_RECORDS, RawRecord, doc_id_of
from dataalchemy_pipelines.engine.batch import complete
from dataalchemy_pipelines.engine.moving_plan import refuse_unfinished
from dataalchemy_pipelines.engine.sources import registered
from dataalchemy_pipelines.publishing.release import advance, current
from resources.contracts import Change, Lake, Progress, Snapshot, TableFile

PAYLOADS = "private/objects/raw"
LISTINGS = "private/objects/listings"
LISTED = "listed-"
"""Start of the names of the pointers to the newest listing of each source."""
RECIPE = "raw-1"
WITHDRAW_SHARE = 0.2
UPLOADS = 16
FILE_ROWS = 500


@dataclass
class Landed:
    """What one ingestion of one source did, in documents."""

    source: str
    seen: int = 0
    new: int = 0
    changed: int = 0
    unchanged: int = 0
    withdrawn: int = 0
    awaiting: int = 0
    unreadable: int = 0
    rows: list[dict[str, Any]] = field(default_factory=list)
    replaces: set[str] = field(default_factory=set)

    def counts(self) -> dict[str, int]:
        """Numbers under stable keys."""
        names = ("seen", "new", "changed", "unchanged", "withdrawn", "awaiting", "unreadable")
        return {name: getattr(self, name) for name in names}


def land(
    lake: Lake, connector: Connector, *, source: str, progress: Progress, confirm_withdrawals: bool = False
) -> Landed:
    """Read one source into `raw_records` in one commit that also moves the source's cursor.

    More than a fifth of the documents missing, or all, waits for ``confirm_withdrawals``; ``awaiting`` counts them.
    Raises Conflict when another ingestion was first: read the source again.
    """
    base = lake.snapshot(RAW_RECORDS)
    standing = _standing(base, source)
    landed = Landed(source)
    seen_ids: set[str] = set()
    for record, sha256 in _uploaded(lake, connector.records(), kept=_kept(lake, standing)):
        doc_id = doc_id_of(source, record.native_id)
        seen_ids.add(doc_id)
        _account(landed, record, sha256, before=standing.get(doc_id))
        progress.step("raw_records", landed.seen, None, note=source)
    _remember(lake, source, seen_ids)
    _withdraw(landed, standing, seen_ids, confirmed=confirm_withdrawals)
    if landed.rows:
        app = f"source:{source}"
        change = Change(files=_files(lake, base, landed), replaces=frozenset(landed.replaces))
        lake.commit(base, change, cursors={app: base.cursor(app) + 1})
    progress.step("raw_records", landed.seen, landed.seen, note=source)
    return landed


def _remember(lake: Lake, source: str, ids: Set[str]) -> None:
    """Keep the listing itself, before the rows that answer to it: a check holds the two against each other."""
    body = "\n".join(sorted(ids)).encode()
    key = f"{LISTINGS}/{hashlib.sha256(body).hexdigest()}"
    name = f"{LISTED}{hashlib.sha256(source.encode()).hexdigest()[:32]}"
    pointer = current(lake, name)
    if pointer is None or pointer.value["listing"] != key:
        lake.put(key, body)
        advance(lake, name, {"source": source, "listing": key}, expected=pointer.number if pointer else 0)


def listings(lake: Lake) -> dict[str, list[str]]:
    """The ids of what each source listed when it was last read to its end."""
    names = {key.split("/")[1] for key in lake.listing("pointers") if key.startswith(f"pointers/{LISTED}")}
    pointers = [pointer for name in sorted(names) if (pointer := current(lake, name)) is not None]
    return {one.value["source"]: lake.get(one.value["listing"]).decode().split() for one in pointers}


def _standing(base: Snapshot, source: str) -> dict[str, dict[str, Any]]:
    """The newest row of each document of the source."""
    columns = ["doc_id", "source", "native_id", "version", "content_sha256", "access_sha256", "outcome"]
    rows = frame(base.read(columns)).filter(pl.col("source") == source).sort("version")
    return {row["doc_id"]: row for row in rows.iter_rows(named=True)}


def _kept(lake: Lake, standing: Mapping[str, Mapping[str, Any]]) -> set[str]:
    """Payloads that need no upload: a row names them, so nothing removes them, and they are there."""
    named = {row["content_sha256"] for row in standing.values()}
    there = {key.removeprefix(f"{PAYLOADS}/") for key in lake.listing(PAYLOADS)} if named else set()
    return named & there


def _uploaded(lake: Lake, records: Iterable[RawRecord], *, kept: Set[str]) -> Iterator[tuple[RawRecord, str]]:
    """Each record with its payload's hash, once the payload is in the lake; a few uploads at a time."""
    with ThreadPoolExecutor(UPLOADS) as pool:
        waiting: list[tuple[RawRecord, str, Future[None] | None]] = []
        for record in records:
            sha256 = hashlib.sha256(record.payload or b"").hexdigest()
            needed = record.payload if sha256 not in kept else None
            upload = pool.submit(lake.put, f"{PAYLOADS}/{sha256}", needed) if needed else None
            waiting.append((record, sha256, upload))
            if len(waiting) >= UPLOADS:
                yield _settled(waiting.pop(0))
        while waiting:
            yield _settled(waiting.pop(0))


def _settled(entry: tuple[RawRecord, str, Future[None] | None]) -> tuple[RawRecord, str]:
    record, sha256, upload = entry
    if upload is not None:
        upload.result()
    return record, sha256


def _account(landed: Landed, record: RawRecord, sha256: str, *, before: dict[str, Any] | None) -> None:
    """Decide what one record is against what stands: new, changed, unchanged, or unreadable."""
    landed.seen += 1
    access_sha256 = hashlib.sha256(json.dumps(sorted(record.access)).encode()).hexdigest()
    unreadable = record.payload is None
    landed.unreadable += unreadable
    if before is not None and before["outcome"] not in GONE:
        same = (before["content_sha256"], before["access_sha256"]) == (sha256, access_sha256)
        if same or (unreadable and before["outcome"] == KEPT):  # could not read is not gone: what was read stands
            landed.unchanged += 1
            return
    landed.new += before is None
    landed.changed += before is not None
    version = 1 if before is None else before["version"] + 1
    if before is not None:
        landed.replaces.add(before["doc_id"])
    landed.rows.append(_row(landed.source, record, sha256, access_sha256=access_sha256, version=version))


def _row(source: str, record: RawRecord, sha256: str, *, access_sha256: str, version: int) -> dict[str, Any]:
    now = datetime.now(UTC)
    read = record.payload is not None
    return {
        "doc_id": doc_id_of(source, record.native_id),
        "source": source,
        "native_id": record.native_id,
        "version": version,
        "kind": record.kind,
        "media_type": record.media_type,
        "content_sha256": sha256,
        "payload_key": f"{PAYLOADS}/{sha256}" if record.payload else None,
        "size_bytes": len(record.payload or b""),
        "access": sorted(record.access),
        "access_sha256": access_sha256,
        "access_read_at": now,
        "updated_at": record.updated_at,
        "ingested_at": now,
        "outcome": KEPT if read else QUARANTINED,
        "reason": record.reason,
    }


def _withdraw(landed: Landed, standing: dict[str, dict[str, Any]], seen: set[str], *, confirmed: bool) -> None:
    """Mark what is gone from the listed scope, unless too much is gone to be believed without a person's word."""
    alive = {doc_id for doc_id, row in standing.items() if row["outcome"] not in GONE}
    gone = sorted(alive - seen)
    if gone and not confirmed and (not seen or len(gone) > WITHDRAW_SHARE * len(alive)):
        landed.awaiting = len(gone)
        return
    landed.withdrawn = len(gone)
    for doc_id in gone:
        landed.replaces.add(doc_id)
        row = standing[doc_id]
        identity = {name: row[name] for name in ("doc_id", "source", "native_id")}
        landed.rows.append(
            {**identity, "version": row["version"] + 1, "outcome": WITHDRAWN, "reason": "gone at source"}
        )


def _files(lake: Lake, base: Snapshot, landed: Landed) -> list[TableFile]:
    """The new rows, and the older versions of what they replace, as Parquet files of bounded size."""
    schema = pl.DataFrame(RAW_RECORDS.schema.empty_table()).schema
    rows = pl.DataFrame(landed.rows, schema=schema).with_columns(pl.col("content_sha256").alias("input_sha256"))
    table = complete(rows, None, RAW_RECORDS, recipe_version=RECIPE)
    if landed.replaces:
        older = frame(base.read()).filter(pl.col("doc_id").is_in(sorted(landed.replaces)))
        older = older.with_columns(
            outcome=pl.when(pl.col("outcome") == KEPT).then(pl.lit(SUPERSEDED)).otherwise(pl.col("outcome"))
        )
        past = complete(older, None, RAW_RECORDS, recipe_version=RECIPE)  # each version was made from its own payload
        table = pl.concat([frame(table), frame(past)]).to_arrow().cast(RAW_RECORDS.schema)
    folder = lake.staging(RAW_RECORDS)
    return [
        lake.write_file(f"{folder}/{secrets.token_hex(16)}.parquet", table.slice(start, FILE_ROWS))
        for start in range(0, table.num_rows, FILE_ROWS)
    ]


def land_sources(
    lake: Lake, names: Sequence[str], *, progress: Progress, confirm_withdrawals: bool = False
) -> list[Landed]:
    """Read the named sources, or all that are registered, one after the other.

    Raises WrongInput if there is none, or where the lake is a copy that is not whole yet.
    """
    refuse_unfinished(lake)
    sources = registered(lake, names)
    if not sources:
        raise WrongInput("There is no source yet", subject="ingest", fix="Give a folder: `dataalchemy ingest PATH`.")
    return [
        land(
            lake,
            CATALOGUE[source.kind](lake, source),
            source=source.name,
            progress=progress,
            confirm_withdrawals=confirm_withdrawals,
        )
        for source in sources
    ]
