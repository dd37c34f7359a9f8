"""What one commit does to a table's files: new rows come, replaced ones go, and small files are merged on the way.

Each small commit adds a small file, and every reader opens every file, so a table of a thousand small commits would be
slow to read. The commit that finds too many small files also puts fewer larger ones in their place, in its own log
entry: there is nothing else to run, and no moment at which rows are missing or doubled.
"""

from __future__ import annotations

import json
import secrets
import time
from collections.abc import Sequence
from typing import TYPE_CHECKING

import pyarrow as pa

from resources.contracts import Change, Snapshot, TableFile

if TYPE_CHECKING:
    from deltalake.transaction import AddAction, RemoveAction

    from resources.lake import ObjectLake

ID_COLUMN = "doc_id"
SMALL_FILES = 4
"""So many small files may stand; one more, and the next commit merges them."""
SMALL_ROWS, SMALL_BYTES = 1_000, 4 * 2**20
FULL_ROWS, FULL_BYTES = 2 * SMALL_ROWS, 2 * SMALL_BYTES
"""What a merged file may hold: no more than one worker reads at once, so that merging takes no parallelism away."""


def actions(
    lake: ObjectLake, snapshot: Snapshot, change: Change, *, root: str
) -> tuple[list[AddAction], list[RemoveAction]]:
    """The files to add and to remove; those to add are written already."""
    from deltalake.transaction import AddAction, RemoveAction

    now_ms = int(time.time() * 1000)
    live = snapshot.files()
    removed, new = _replaced(lake, live, change.replaces, root=root)
    new += change.files
    if change.rows is not None and change.rows.num_rows:
        new.append(_written(lake, change.rows.select(snapshot.spec.schema.names).cast(snapshot.spec.schema), root=root))
    gone = {file.key for file in removed}
    merged = bundle([file for file in live if file.key not in gone])
    adds = [_add(AddAction, file, root, now_ms, changes=True) for file in new if file.rows]
    removes = [_remove(RemoveAction, file, root, now_ms, changes=True) for file in removed]
    if merged:
        rows = pa.concat_tables([lake.read_file(file.key) for file in merged])
        adds.append(_add(AddAction, _written(lake, rows, root=root), root, now_ms, changes=False))
        removes += [_remove(RemoveAction, file, root, now_ms, changes=False) for file in merged]
    return adds, removes


def bundle(files: Sequence[TableFile]) -> list[TableFile]:
    """The files to be made one, where a table has too many small ones; else none.

    The smallest first, up to one that weighs more than twice all before it: so a row is written again only each time
    that its file doubles, some ten times in all, however many commits there are.
    """
    small = [file for file in files if file.rows < SMALL_ROWS and file.size_bytes < SMALL_BYTES]
    if len(small) <= SMALL_FILES:
        return []
    chosen: list[TableFile] = []
    for file in sorted(small, key=lambda one: (one.size_bytes, one.key)):
        rows, size = sum(one.rows for one in chosen), sum(one.size_bytes for one in chosen)
        full = rows + file.rows > FULL_ROWS or size + file.size_bytes > FULL_BYTES
        if len(chosen) > 1 and (full or file.size_bytes > 2 * size):
            break
        chosen.append(file)
    return chosen


def _replaced(
    lake: ObjectLake, live: Sequence[TableFile], doomed: frozenset[str], *, root: str
) -> tuple[list[TableFile], list[TableFile]]:
    """The files that hold a replaced document, and new ones with what stays of them."""
    import pyarrow.compute as pc

    removed: list[TableFile] = []
    new: list[TableFile] = []
    ids = pa.array(sorted(doomed), pa.string())
    for file in live if doomed else ():
        stays = pc.invert(pc.is_in(lake.read_file(file.key, [ID_COLUMN])[ID_COLUMN], value_set=ids))
        kept = pc.sum(stays).as_py() or 0
        if kept == file.rows:
            continue
        removed.append(file)
        if kept:
            new.append(_written(lake, lake.read_file(file.key).filter(stays), root=root))
    return removed, new


def _written(lake: ObjectLake, rows: pa.Table, *, root: str) -> TableFile:
    return lake.write_file(f"{root}/parts/{secrets.token_hex(16)}.parquet", rows)


def _add(action: type[AddAction], file: TableFile, root: str, now_ms: int, *, changes: bool) -> AddAction:
    stats = json.dumps({"numRecords": file.rows})
    return action(file.key.removeprefix(f"{root}/"), file.size_bytes, {}, now_ms, changes, stats)


def _remove(action: type[RemoveAction], file: TableFile, root: str, now_ms: int, *, changes: bool) -> RemoveAction:
    return action(file.key.removeprefix(f"{root}/"), changes, now_ms, file.size_bytes)
