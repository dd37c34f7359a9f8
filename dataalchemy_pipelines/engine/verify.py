"""Can the lake be trusted? Every log readable, every file there with its rows, every payload equal to its hash."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from dataclasses import dataclass

import pyarrow as pa

from dataalchemy_pipelines.core.outcomes import row_digests
from dataalchemy_pipelines.core.records import RAW_RECORDS, TABLES
from dataalchemy_pipelines.engine.landing import PAYLOADS
from resources.contracts import Lake, Progress, TableSpec
from resources.errors import Damaged, DataAlchemyError, NotFound


@dataclass(frozen=True)
class Finding:
    """One thing looked at: what, how it was found, and whether it can be trusted now."""

    what: str
    state: str
    sound: bool


def verify(lake: Lake, progress: Progress, *, repair: bool) -> list[Finding]:
    """Look at every table and payload; ``repair`` first moves damaged log tails aside. Cost: reads everything."""
    findings: list[Finding] = []
    for number, spec in enumerate(TABLES.values(), start=1):
        moved = lake.repair(spec) if repair else []
        findings.append(_table(lake, spec, moved=len(moved)))
        progress.step("tables", number, len(TABLES), unit="tables")
    return [*findings, _payloads(lake, progress)]


def _table(lake: Lake, spec: TableSpec, *, moved: int) -> Finding:
    """Every row of a table read, and its hash made again."""
    mended = f"{moved} damaged log files moved aside; " if moved else ""
    try:
        lake.read_log(spec)
        snapshot = lake.snapshot(spec)
        wrong = 0
        for file in snapshot.files():
            rows = lake.read_file(file.key)
            wrong += rows.num_rows != file.rows
            if "row_sha256" in spec.schema.names:
                wrong += _differing(rows, spec)
    except (DataAlchemyError, OSError, pa.ArrowException) as error:
        return Finding(
            spec.name, f"{mended}{error.what if isinstance(error, Damaged) else type(error).__name__}", False
        )
    state = "not made yet" if snapshot.version < 0 else f"version {snapshot.version}, {snapshot.count()} rows"
    return Finding(spec.name, f"{mended}{state}" + (f", {wrong} wrong" if wrong else ""), wrong == 0)


def _differing(rows: pa.Table, spec: TableSpec) -> int:
    pairs: Iterable[tuple[str, str]] = zip(
        rows["row_sha256"].to_pylist(), row_digests(rows, spec).to_pylist(), strict=True
    )
    return sum(stored != made for stored, made in pairs)


def _payloads(lake: Lake, progress: Progress) -> Finding:
    """Every payload that a standing row names, against its key."""
    keys = [key for key in lake.snapshot(RAW_RECORDS).read(["payload_key"])["payload_key"].unique().to_pylist() if key]
    wrong = missing = 0
    for number, key in enumerate(sorted(keys), start=1):
        try:
            wrong += hashlib.sha256(lake.get(key)).hexdigest() != key.removeprefix(f"{PAYLOADS}/")
        except NotFound:
            missing += 1
        progress.step("payloads", number, len(keys), unit="objects")
    state = f"{len(keys)} objects" + (f", {wrong} differ, {missing} missing" if wrong or missing else "")
    return Finding("payloads", state, not wrong and not missing)
