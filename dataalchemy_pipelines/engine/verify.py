"""Can the lake be trusted? Logs, rows and objects against their hashes, pointers followed, the ledger balanced."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

import pyarrow as pa

from dataalchemy_pipelines.core.outcomes import Balance, balances, row_digests
from dataalchemy_pipelines.core.records import RAW_RECORDS, STAGES, TABLES
from dataalchemy_pipelines.engine.moving_plan import unfinished
from dataalchemy_pipelines.engine.verify_objects import examine_objects
from dataalchemy_pipelines.engine.verify_pointers import follow
from resources.contracts import Lake, Progress, TableSpec
from resources.errors import Damaged, DataAlchemyError

SHOWN_KEYS = 3


@dataclass(frozen=True)
class Finding:
    """One thing looked at: what, how it was found, and whether it can be trusted now."""

    what: str
    state: str
    sound: bool


def verify(lake: Lake, progress: Progress, *, repair: bool) -> Iterator[Finding]:
    """Look at everything; ``repair`` first moves damaged log tails aside. Cost: reads the whole lake once.

    Where a table cannot be read, what is held against its rows is not looked at, and that is said.
    """
    tables: list[Finding] = []
    for number, spec in enumerate(TABLES.values(), start=1):
        moved = lake.repair(spec) if repair else []
        tables.append(_table(lake, spec, moved=len(moved)))
        progress.step("tables", number, len(TABLES), unit="tables")
    yield from tables
    readable = all(finding.sound for finding in tables)
    pointers = follow(lake)
    yield _counted("pointers", pointers.count, pointers.wrong)
    for kind in examine_objects(lake, pointers.named | (_payloads(lake) if readable else set()), progress=progress):
        yield _counted(kind.kind, kind.count, kind.wrong)
    yield from _ledger(lake) if readable else [Finding("ledger", "not looked at: a table cannot be trusted", False)]
    if unfinished(lake):
        yield Finding("copy", "this lake is a copy that was not finished: run the command that made it again", False)


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
        state = error.what if isinstance(error, Damaged) else type(error).__name__
        return Finding(spec.name, f"{mended}{state}", False)
    state = "not made yet" if snapshot.version < 0 else f"version {snapshot.version}, {snapshot.count()} rows"
    return Finding(spec.name, f"{mended}{state}" + (f", {wrong} wrong" if wrong else ""), wrong == 0)


def _differing(rows: pa.Table, spec: TableSpec) -> int:
    pairs: Iterable[tuple[str, str]] = zip(
        rows["row_sha256"].to_pylist(), row_digests(rows, spec).to_pylist(), strict=True
    )
    return sum(stored != made for stored, made in pairs)


def _payloads(lake: Lake) -> set[str]:
    """Keys of the payloads that standing rows name."""
    return {key for key in lake.snapshot(RAW_RECORDS).read(["payload_key"])["payload_key"].unique().to_pylist() if key}


def _counted(what: str, count: int, wrong: list[str]) -> Finding:
    which = f", {len(wrong)} missing or not what they must be: {', '.join(sorted(wrong)[:SHOWN_KEYS])}" if wrong else ""
    return Finding(what, f"{count} looked at{which}", not wrong)


def _ledger(lake: Lake) -> Iterator[Finding]:
    """Of each stage that was run: no document that came in is without an outcome."""
    for source, target in STAGES:
        if lake.snapshot(target).version < 0:
            continue
        total = sum(balances(lake, source, target).values(), Balance(target.name, 0))
        state = f"{total.seen} documents" + (f", {total.lost} without an outcome: run the stage" if total.lost else "")
        yield Finding(f"ledger: {source.name} to {target.name}", state, total.lost == 0)
