"""How a Delta table of the lake is opened, checked, read and committed.

Parquet files are written here, so that a commit is one log entry that adds and removes files: no row predicate and no
text ever enters the log, and a commit that replaces documents is as atomic as one that appends.
Each commit raises the table's `writer` transaction from what its snapshot saw, which makes it a compare-and-swap.
"""

from __future__ import annotations

import io
import json
import secrets
import time
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, cast

import pyarrow as pa
import pyarrow.parquet as pq

from resources.contracts import Change, Snapshot, TableFile, TableSpec
from resources.errors import Conflict, Damaged, NotFound
from resources.store import reason_of

if TYPE_CHECKING:
    from deltalake import DeltaTable
    from deltalake.transaction import AddAction, RemoveAction

    from resources.lake import ObjectLake

WRITER = "writer"
ID_COLUMN = "doc_id"
CONFIGURATION = {"delta.dataSkippingStatsColumns": ID_COLUMN, "delta.logRetentionDuration": "interval 30 days"}
ROW_GROUP_ROWS = 20_000


def folder(spec: TableSpec) -> str:
    """The folder of a table below the lake's root."""
    return f"private/tables/{spec.name}" if spec.private else f"tables/{spec.name}"


class DeltaSnapshot:
    """One version of one table, opened once (`resources.contracts.Snapshot`)."""

    def __init__(self, lake: ObjectLake, spec: TableSpec, delta: DeltaTable | None) -> None:
        self.spec, self._lake, self.delta = spec, lake, delta
        self.version = -1 if delta is None else delta.version()

    def files(self) -> list[TableFile]:
        """The live Parquet files."""
        if self.delta is None:
            return []
        actions = pa.table(self.delta.get_add_actions(flatten=True)).to_pylist()
        return [
            TableFile(key=f"{folder(self.spec)}/{row['path']}", rows=row["num_records"], size_bytes=row["size_bytes"])
            for row in actions
        ]

    def count(self) -> int:
        """How many rows; from the log alone."""
        return sum(file.rows for file in self.files())

    def read(self, columns: Sequence[str] | None = None) -> pa.Table:
        """All rows, in no particular order; an empty table of the right schema where there is none."""
        names = list(columns) if columns is not None else self.spec.schema.names
        schema = pa.schema([self.spec.schema.field(name) for name in names])
        parts = [self._lake.read_file(file.key, names) for file in self.files()]
        return pa.concat_tables(parts) if parts else schema.empty_table()

    def cursor(self, app: str) -> int:
        """The last number committed for ``app`` in this snapshot, or 0."""
        found = None if self.delta is None else self.delta.transaction_version(app)
        return found or 0


def open_table(lake: ObjectLake, spec: TableSpec) -> DeltaSnapshot:
    """Open the newest version after a look at the log's tail. Raises Damaged, Unavailable."""
    from deltalake import DeltaTable
    from deltalake.exceptions import DeltaError, TableNotFoundError

    if not check_log(lake, spec):
        return DeltaSnapshot(lake, spec, None)
    try:
        return DeltaSnapshot(lake, spec, DeltaTable(lake.table_uri(spec), storage_options=lake.storage_options()))
    except TableNotFoundError:
        return DeltaSnapshot(lake, spec, None)
    except (DeltaError, ValueError) as error:
        if reason_of(error) != type(error).__name__:  # the store, not the log
            raise
        raise _damaged(spec, "its log does not open") from None


def check_log(lake: ObjectLake, spec: TableSpec) -> bool:
    """Whether the table has a log; refuses one that a power cut damaged. Cost: one listing, one small read.

    An empty log file reads as an empty commit, and a pointer to a checkpoint that is gone hides the newest versions:
    both would open silently at an older state. A torn pointer leads nowhere either.
    """
    entries = log_entries(lake, spec)
    versions = {name: size for name, size in entries.items() if name.endswith(".json") and name[:20].isdigit()}
    if any(size == 0 for size in versions.values()):
        raise _damaged(spec, "an empty file in its log")
    if "_last_checkpoint" in entries:
        name = _pointed_to(lake, f"{folder(spec)}/_delta_log/_last_checkpoint")
        if name is None:
            raise _damaged(spec, "an unreadable pointer to a checkpoint")
        if not entries.get(name):
            raise _damaged(spec, "a pointer to a checkpoint that is not there")
    return bool(versions)


def log_entries(lake: ObjectLake, spec: TableSpec) -> dict[str, int]:
    """Name and size of each file of the table's log."""
    return {key.rsplit("/", 1)[1]: size for key, size in lake.sizes(f"{folder(spec)}/_delta_log").items()}


def _damaged(spec: TableSpec, what: str) -> Damaged:
    return Damaged(
        "A table cannot be trusted", subject=f"{spec.name} ({what})", fix="Run `dataalchemy lake verify --repair`."
    )


def write_file(lake: ObjectLake, key: str, rows: pa.Table) -> TableFile:
    """Write one Parquet file, zstd, without statistics of any column but ids (statistics hold text)."""
    sink = io.BytesIO()
    statistics = [name for name in rows.schema.names if name == ID_COLUMN]
    pq.write_table(rows, sink, compression="zstd", write_statistics=statistics, row_group_size=ROW_GROUP_ROWS)
    body = sink.getvalue()
    lake.put(key, body)
    return TableFile(key=key, rows=rows.num_rows, size_bytes=len(body))


def read_file(lake: ObjectLake, key: str, columns: Sequence[str] | None = None) -> pa.Table:
    """Read one Parquet file, or some of its columns."""
    names = None if columns is None else list(columns)
    return pq.ParquetFile(lake.reader(key)).read(columns=names)


def commit(lake: ObjectLake, base: Snapshot, change: Change, *, cursors: Mapping[str, int]) -> int:
    """Make ``change`` on top of ``base`` in one log entry. Raises Conflict, Damaged, Unavailable."""
    from deltalake import CommitProperties
    from deltalake.exceptions import DeltaError
    from deltalake.transaction import Transaction

    snapshot = cast(DeltaSnapshot, base)
    delta = snapshot.delta or _created(lake, snapshot.spec)
    adds, removes = _actions(lake, snapshot, change)
    nonce = secrets.token_hex(16)
    transactions = [Transaction(WRITER, snapshot.cursor(WRITER) + 1), *(Transaction(k, v) for k, v in cursors.items())]
    lake.settle([f"{folder(snapshot.spec)}/{add.path}" for add in adds])
    try:
        delta.create_write_transaction(
            [*adds, *removes],
            mode="append",
            schema=snapshot.spec.schema,
            commit_properties=CommitProperties(custom_metadata={"nonce": nonce}, app_transactions=transactions),
        )
        delta.update_incremental()
    except (DeltaError, OSError) as error:
        return _settled(lake, snapshot, nonce, error)
    _settle_log(lake, snapshot.spec, after=snapshot.version)
    return int(delta.version())


def _created(lake: ObjectLake, spec: TableSpec) -> DeltaTable:
    """A new table, or the one that another writer made in the same moment, still empty or not."""
    from deltalake import DeltaTable
    from deltalake.exceptions import DeltaError

    try:
        return DeltaTable.create(
            lake.table_uri(spec),
            schema=spec.schema,
            mode="error",
            configuration=CONFIGURATION,
            storage_options=lake.storage_options(),
        )
    except (DeltaError, OSError):
        found = open_table(lake, spec)
        if found.delta is None:
            raise
        if found.cursor(WRITER):
            raise _lost_race(spec) from None
        return found.delta


def _lost_race(spec: TableSpec) -> Conflict:
    return Conflict("Another run changed the table first", subject=spec.name, fix="Run it again.")


def _actions(lake: ObjectLake, snapshot: DeltaSnapshot, change: Change) -> tuple[list[AddAction], list[RemoveAction]]:
    """The files to add and to remove: new rows, and what stays of each file that holds a replaced document."""
    import pyarrow.compute as pc
    from deltalake.transaction import AddAction, RemoveAction

    root = folder(snapshot.spec)
    now_ms = int(time.time() * 1000)
    new = list(change.files)
    if change.rows is not None and change.rows.num_rows:
        rows = change.rows.select(snapshot.spec.schema.names).cast(snapshot.spec.schema)
        new.append(lake.write_file(f"{root}/parts/{secrets.token_hex(16)}.parquet", rows))
    removed: list[TableFile] = []
    if change.replaces:
        doomed = pa.array(sorted(change.replaces), pa.string())
        for file in snapshot.files():
            stays = pc.invert(pc.is_in(lake.read_file(file.key, [ID_COLUMN])[ID_COLUMN], value_set=doomed))
            kept = pc.sum(stays).as_py() or 0
            if kept == file.rows:
                continue
            removed.append(file)
            if kept:
                key = f"{root}/parts/{secrets.token_hex(16)}.parquet"
                new.append(lake.write_file(key, lake.read_file(file.key).filter(stays)))
    adds = [_add(AddAction, file, root, now_ms) for file in new if file.rows]
    removes = [RemoveAction(file.key.removeprefix(f"{root}/"), True, now_ms, file.size_bytes) for file in removed]
    return adds, removes


def _add(action: type[AddAction], file: TableFile, root: str, now_ms: int) -> AddAction:
    stats = json.dumps({"numRecords": file.rows})
    return action(file.key.removeprefix(f"{root}/"), file.size_bytes, {}, now_ms, True, stats)


def _settled(lake: ObjectLake, base: DeltaSnapshot, nonce: str, error: Exception) -> int:
    """What became of a commit that raised: a store may have done it and lost the reply. The log alone can tell."""
    for version in _versions_after(lake, base.spec, base.version):
        entry = lake.get(f"{folder(base.spec)}/_delta_log/{version:020}.json")
        if nonce.encode() in entry:
            _settle_log(lake, base.spec, after=base.version)
            return version
    newest = open_table(lake, base.spec)
    if newest.version > base.version and newest.cursor(WRITER) > base.cursor(WRITER):
        raise _lost_race(base.spec) from None
    raise error


def _versions_after(lake: ObjectLake, spec: TableSpec, version: int) -> list[int]:
    names = (name for name in log_entries(lake, spec) if name.endswith(".json") and name[:20].isdigit())
    return sorted(number for number in (int(name[:20]) for name in names) if number > version)


def _settle_log(lake: ObjectLake, spec: TableSpec, *, after: int) -> None:
    """Make the log entries since ``after``, and checkpoints made with them, survive a power cut."""
    fresh = {f"{version:020}" for version in _versions_after(lake, spec, after)}
    names = [name for name in log_entries(lake, spec) if name[:20] in fresh or name == "_last_checkpoint"]
    lake.settle([f"{folder(spec)}/_delta_log/{name}" for name in names])


def repair(lake: ObjectLake, spec: TableSpec) -> list[str]:
    """Move the damaged tail of a table's log aside, to `damaged/`, and return the names moved.

    What is moved was never durable: an empty or unreadable entry and all after it, and a pointer to a checkpoint that
    is gone. The table then opens at its last durable version.
    """
    root = f"{folder(spec)}/_delta_log"
    entries = log_entries(lake, spec)
    bad = [name for name in sorted(entries) if name.endswith(".json") and not _readable(lake, f"{root}/{name}")]
    tail = [name for name in entries if bad and name[:20].isdigit() and name[:20] >= bad[0][:20]]
    checkpoints = {
        name for name in entries if name.endswith(".checkpoint.parquet") and name not in tail and entries[name]
    }
    if "_last_checkpoint" in entries:
        tail += [] if _pointed_to(lake, f"{root}/_last_checkpoint") in checkpoints else ["_last_checkpoint"]
    for name in tail:
        lake.move(f"{root}/{name}", f"damaged/{spec.name}/{name}-{secrets.token_hex(4)}")
    return sorted(tail)


def read_log(lake: ObjectLake, spec: TableSpec) -> int:
    """Read every entry of a table's log; return how many there are. Raises Damaged at one that is not whole."""
    check_log(lake, spec)
    names = [name for name in log_entries(lake, spec) if name.endswith(".json") and name[:20].isdigit()]
    if not all(_readable(lake, f"{folder(spec)}/_delta_log/{name}") for name in names):
        raise _damaged(spec, "an unreadable file in its log")
    return len(names)


def _readable(lake: ObjectLake, key: str) -> bool:
    try:
        lines = lake.get(key).splitlines()
        return bool(lines) and all(isinstance(json.loads(line), dict) for line in lines)
    except (ValueError, NotFound):
        return False


def _pointed_to(lake: ObjectLake, key: str) -> str | None:
    """The name of the checkpoint that ``_last_checkpoint`` names; None where it is not whole. It is only a hint."""
    try:
        pointer: Any = json.loads(lake.get(key))
        return f"{int(pointer['version']):020}.checkpoint.parquet"
    except (ValueError, KeyError, TypeError, OverflowError):
        return None
