"""What a copy of a lake has to hold: read from a lake that may be written to meanwhile, or from a backup's manifest.

A lake is written from what is referred to to what refers: payloads before rows, rows before the rows made from them,
all of these before pointers. A plan looks at it the other way round, pointers first, objects last, so that whatever a
planned key refers to was there when the plan came to it.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime

import pyarrow as pa

from dataalchemy_pipelines.core.errors import WrongInput
from dataalchemy_pipelines.core.outcomes import content_digest
from dataalchemy_pipelines.core.records import TABLES
from resources.contracts import Lake, Snapshot, TableSpec
from resources.errors import Damaged, NotFound

RECORD = "copy"
PARTS = f"{RECORD}/parts"
WHOLE = f"{RECORD}/whole.json"
POINTERS = "pointers"
TABLE_ROOTS = ("tables", "private/tables")
PROBES = "objects/checks/"
"""What `doctor` writes to see whether it can, and the ballast of `maintain`."""
LEFT_OUT = (f"{RECORD}/", f"{POINTERS}/", "tables/", "private/tables/", PROBES, "damaged/")
"""Planned apart, or no part of a lake: records of copies, probes, what a repair moved aside."""


@dataclass(frozen=True)
class Entry:
    """One object of a copy; no digest where it is only begun."""

    key: str
    sha256: str = ""
    size_bytes: int = 0


@dataclass(frozen=True)
class TableState:
    """A table at one version: its rows, and its content digest where its rows have hashes."""

    version: int
    rows: int
    digest: str | None


@dataclass(frozen=True)
class Plan:
    """Keys in the order in which they are to be written, each table's state, and digests where they are known.

    ``purpose`` is `migrate`, `backup` or `restore`: of the three only a backup is restored from, since the other two
    make lakes that are then written to.
    """

    keys: tuple[str, ...]
    tables: Mapping[str, TableState]
    at: str
    purpose: str = "migrate"
    digests: Mapping[str, str] = field(default_factory=dict)


def plan_of_lake(source: Lake) -> Plan:
    """Everything that stands in a lake now, beside writers or not. Cost: its listings, and each table's row hashes.

    Of a table come its log up to one version and the files that live in that version. ``_last_checkpoint`` stays
    behind: it is only a hint, and may speak of a later version. Raises WrongInput where the source is an unfinished
    copy or holds nothing.
    """
    refuse_unfinished(source)
    at = datetime.now(UTC).isoformat(timespec="seconds")
    pointers = list(source.listing(POINTERS))
    snapshots = {folder: source.snapshot(_spec(folder)) for folder in _table_folders(source)}
    logs = [key for folder, snapshot in snapshots.items() for key in _log(source, folder, snapshot.version)]
    files = [file.key for snapshot in snapshots.values() for file in snapshot.files()]
    objects = [key for key in source.listing("") if not key.startswith(LEFT_OUT)]
    keys = (*objects, *sorted(files), *sorted(logs), *pointers)
    if not keys:
        raise WrongInput("There is no lake here", subject=source.describe(), fix="Give the address of one that is.")
    return Plan(keys, {folder: _state(snapshot) for folder, snapshot in snapshots.items()}, at)


def plan_for_backup(source: Lake, *, target: Lake) -> Plan:
    """`plan_of_lake`, unless ``target`` holds a whole backup: that one stays as it is. Raises WrongInput."""
    if WHOLE in set(target.listing(RECORD)):
        raise WrongInput("There is a backup here already", subject=target.describe(), fix="Choose an empty place.")
    return replace(plan_of_lake(source), purpose="backup")


def plan_of_backup(source: Lake) -> Plan:
    """What a backup says that it holds. Raises WrongInput where it is not whole, Damaged where its manifest is not."""
    try:
        whole = json.loads(source.get(WHOLE))
    except NotFound:
        raise _not_whole(source) from None
    if whole["purpose"] != "backup":
        raise WrongInput("This is a lake and no backup", subject=source.describe(), fix="Use `lake migrate`.")
    body = source.get(f"{PARTS}/{whole['manifest']}.jsonl")
    if hashlib.sha256(body).hexdigest() != whole["manifest"]:
        fix = "Use another backup; this one was changed after it was made."
        raise Damaged("The manifest differs from its digest", subject=source.describe(), fix=fix)
    entries = entries_of(body)
    tables = {folder: TableState(**state) for folder, state in whole["tables"].items()}
    digests = {entry.key: entry.sha256 for entry in entries}
    return Plan(tuple(digests), tables, whole["at"], purpose="restore", digests=digests)


def entries_of(body: bytes) -> list[Entry]:
    """The lines of a part or of a manifest."""
    return [Entry(**json.loads(line)) for line in body.splitlines()]


def state_of(lake: Lake, folder: str) -> TableState:
    """The newest state of the table in a folder."""
    return _state(lake.snapshot(_spec(folder)))


def unfinished(lake: Lake) -> bool:
    """Whether a lake is a copy that was begun and not brought to its end."""
    record = set(lake.listing(RECORD))
    return bool(record) and WHOLE not in record


def refuse_unfinished(lake: Lake) -> None:
    """Raises WrongInput where a lake is `unfinished`: what was written into it, its copy would not go on over."""
    if unfinished(lake):
        raise _not_whole(lake)


def _not_whole(source: Lake) -> WrongInput:
    return WrongInput(
        "This is no whole copy of a lake",
        subject=source.describe(),
        fix="Run the command that was making it again, or choose another backup.",
    )


def _table_folders(source: Lake) -> Iterable[str]:
    """Folders of all tables, those that refer before those that are referred to, unknown ones first."""
    order = {name: number for number, name in enumerate(TABLES)}
    found = {
        f"{root}/{key.removeprefix(f'{root}/').split('/')[0]}" for root in TABLE_ROOTS for key in source.listing(root)
    }
    return sorted(found, key=lambda folder: (-order.get(folder.rsplit("/", 1)[1], len(order)), folder))


def _spec(folder: str) -> TableSpec:
    root, _, name = folder.rpartition("/")
    return TABLES.get(name) or TableSpec(name, pa.schema([]), private=root.startswith("private/"))


def _log(source: Lake, folder: str, version: int) -> list[str]:
    """Keys of the log's entries and checkpoints up to a version."""
    keys = source.listing(f"{folder}/_delta_log")
    numbered = [key for key in keys if key.rsplit("/", 1)[1][:20].isdigit()]
    return [key for key in numbered if int(key.rsplit("/", 1)[1][:20]) <= version]


def _state(snapshot: Snapshot) -> TableState:
    hashed = "row_sha256" in snapshot.spec.schema.names
    return TableState(snapshot.version, snapshot.count(), content_digest(snapshot) if hashed else None)
