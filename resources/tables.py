"""How a Delta table of the lake is opened, checked, read and committed.

Parquet files are written here, so that a commit is one log entry that adds and removes files: no row predicate and no
text ever enters the log, and a commit that replaces documents is as atomic as one that appends.
Each commit raises the table's `writer` transaction from what its snapshot saw, which makes it a compare-and-swap.
"""

from __future__ import annotations

import io
import json
import secrets
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, cast

import pyarrow as pa
import pyarrow.parquet as pq
from obstore.exceptions import NotFoundError

from resources.actions import ID_COLUMN, actions
from resources.contracts import Change, Snapshot, TableFile, TableSpec
from resources.errors import Conflict, Damaged, NotFound
from resources.store import reason_of

if TYPE_CHECKING:
    from deltalake import DeltaTable

    from resources.lake import ObjectLake

WRITER = "writer"
CONFIGURATION = {
    "delta.dataSkippingStatsColumns": ID_COLUMN,
    "delta.logRetentionDuration": "interval 30 days",
    "delta.checkpointInterval": "10",  # opening a table reads every entry since its last checkpoint
}
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
    """Whether the table has a log; refuses one that a power cut damaged. Cost: one small read, and a listing of what
    came since the last checkpoint, which is all that opening the table reads.

    An empty log file reads as an empty commit, and a pointer to a checkpoint that is gone hides the newest versions:
    both would open silently at an older state. A torn pointer leads nowhere either.
    """
    checkpoint = _checkpoint(lake, spec)
    entries = log_entries(lake, spec, after=-1 if checkpoint is None else checkpoint - 1)
    versions = {name: size for name, size in entries.items() if name.endswith(".json") and name[:20].isdigit()}
    if any(size == 0 for size in versions.values()):
        raise _damaged(spec, "an empty file in its log")
    if checkpoint is not None and not entries.get(f"{checkpoint:020}.checkpoint.parquet"):
        raise _damaged(spec, "a pointer to a checkpoint that is not there")
    return bool(versions) or checkpoint is not None


def log_entries(lake: ObjectLake, spec: TableSpec, *, after: int = -1) -> dict[str, int]:
    """Name and size of each file of the table's log, of versions above ``after``; the pointer is always among them."""
    root = f"{folder(spec)}/_delta_log"
    found = lake.sizes(root, after=f"{root}/{after:020}.z" if after >= 0 else None)
    return {key.rsplit("/", 1)[1]: size for key, size in found.items()}


def _checkpoint(lake: ObjectLake, spec: TableSpec) -> int | None:
    """The version of the last checkpoint, or None where there is none yet. Raises Damaged on a torn pointer."""
    try:
        pointer: Any = json.loads(lake.get(f"{folder(spec)}/_delta_log/_last_checkpoint"))
        return int(pointer["version"])
    except NotFound:
        return None
    except (ValueError, KeyError, TypeError, OverflowError):
        raise _damaged(spec, "an unreadable pointer to a checkpoint") from None


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
    """Read one Parquet file, or some of its columns.

    From a store all columns come in one request, some of them each in its own, and this thread alone takes them: one of
    Arrow's threads that lets go of Python's bytes while the interpreter ends is ended by it, and the process with it,
    by SIGABRT (7 of 25 short processes on a busy machine).
    """
    names, source = None if columns is None else list(columns), lake.reader(key)
    if isinstance(source, str):
        return pq.ParquetFile(source).read(columns=names)
    whole = pa.BufferReader(lake.get(key)) if names is None else source
    return pq.ParquetFile(whole, pre_buffer=False).read(columns=names, use_threads=False)


def commit(lake: ObjectLake, base: Snapshot, change: Change, *, cursors: Mapping[str, int]) -> int:
    """Make ``change`` on top of ``base`` in one log entry. Raises Conflict, Damaged, Unavailable."""
    from deltalake import CommitProperties
    from deltalake.exceptions import DeltaError
    from deltalake.transaction import Transaction

    snapshot = cast(DeltaSnapshot, base)
    delta = snapshot.delta or _created(lake, snapshot.spec)
    adds, removes = actions(lake, snapshot, change, root=folder(snapshot.spec))
    nonce = secrets.token_hex(16)
    transactions = [Transaction(WRITER, snapshot.cursor(WRITER) + 1), *(Transaction(k, v) for k, v in cursors.items())]
    keys = [f"{folder(snapshot.spec)}/{add.path}" for add in adds]
    lake.settle(keys)
    if not all(_there(lake, key) for key in keys):  # an entry that names a file that is gone is the table's end
        raise Conflict("Files of a commit were removed before it", subject=snapshot.spec.name, fix="Run it again.")
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


def _there(lake: ObjectLake, key: str) -> bool:
    """Whether a file can be opened as Parquet. Cost: its end is read."""
    try:
        read_file(lake, key, [])
        return True
    except (FileNotFoundError, NotFoundError):
        return False


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
    names = (name for name in log_entries(lake, spec, after=version) if name.endswith(".json"))
    return sorted(int(name[:20]) for name in names if name[:20].isdigit())


def _settle_log(lake: ObjectLake, spec: TableSpec, *, after: int) -> None:
    """Make the log entries since ``after``, and checkpoints made with them, survive a power cut."""
    lake.settle([f"{folder(spec)}/_delta_log/{name}" for name in log_entries(lake, spec, after=after)])


def repair(lake: ObjectLake, spec: TableSpec) -> list[str]:
    """Move the damaged tail of a table's log aside, to `damaged/`, and return the names moved.

    What is moved was never durable: an empty or unreadable entry and all after it, and a pointer to a checkpoint that
    is gone. The table then opens at its last durable version. An entry that a whole checkpoint covers goes alone.
    """
    root = f"{folder(spec)}/_delta_log"
    entries = log_entries(lake, spec)
    covered = _whole_checkpoint(lake, spec)
    bad = [name for name in sorted(entries) if name.endswith(".json") and not _readable(lake, f"{root}/{name}")]
    needed = [name for name in bad if not name[:20].isdigit() or int(name[:20]) > covered]
    tail = {name for name in entries if needed and name[:20].isdigit() and name[:20] >= needed[0][:20]} | set(bad)
    if "_last_checkpoint" in entries and covered < 0:
        tail.add("_last_checkpoint")
    for name in tail:
        lake.put(f"damaged/{spec.name}/{name}-{secrets.token_hex(4)}", lake.get(f"{root}/{name}"))
        lake.delete([f"{root}/{name}"])
    return sorted(tail)


def _whole_checkpoint(lake: ObjectLake, spec: TableSpec) -> int:
    """The version of the last checkpoint if it can be read, else -1."""
    try:
        version = _checkpoint(lake, spec)
        if version is not None:
            read_file(lake, f"{folder(spec)}/_delta_log/{version:020}.checkpoint.parquet", [])
            return version
    except (Damaged, FileNotFoundError, NotFoundError, pa.ArrowInvalid):
        pass  # torn, gone or cut short: what it covers has to be read from the entries
    return -1


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
