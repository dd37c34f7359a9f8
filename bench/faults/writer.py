"""A writer for kills and power cuts: commits row after row and goes on where the cursor stands, until it is killed."""

from __future__ import annotations

import multiprocessing
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from multiprocessing.connection import Connection
from multiprocessing.process import BaseProcess

import pyarrow as pa

from resources.contracts import Change, TableSpec
from resources.lake import ObjectLake, open_lake
from resources.settings import child_environment, export

CURSOR = "source:kill"
SPEC = TableSpec("killed", pa.schema([("doc_id", pa.string()), ("text", pa.string())]))


def rows(*ids: str) -> pa.Table:
    """Rows of these ids with some text."""
    return pa.table({"doc_id": list(ids), "text": ["x" * 2000] * len(ids)}, schema=SPEC.schema)


def write(address: str, environment: Mapping[str, str], acknowledged: Connection) -> None:
    """Commit until killed, and send the number of each commit once it is done.

    Every fifth commit also replaces the row of the commit before; every twentieth version is a checkpoint.
    """
    export(**environment)
    lake = open_lake(address)
    while True:
        base = lake.snapshot(SPEC)
        number = base.cursor(CURSOR) + 1
        replaced = [f"row-{number - 1}"] if number % 5 == 0 else []
        change = Change(rows=rows(f"row-{number}", *replaced), replaces=frozenset(replaced))
        version = lake.commit(base, change, cursors={CURSOR: number})
        if version % 20 == 0 and base.delta is not None:  # type: ignore[attr-defined]
            base.delta.create_checkpoint()  # type: ignore[attr-defined]
        acknowledged.send(number)


@contextmanager
def writer(lake: ObjectLake) -> Iterator[tuple[BaseProcess, Connection]]:
    """A writer in a process of its own and the pipe of its acknowledgements; killed at the end of the block.

    It is forked from a server that has imported all of this, so that 200 of them cost no 200 imports.
    """
    forking = multiprocessing.get_context("forkserver")
    forking.set_forkserver_preload([__name__])
    reader, sender = forking.Pipe(duplex=False)
    process = forking.Process(target=write, args=(lake.address(), child_environment(), sender), daemon=True)
    process.start()
    sender.close()
    try:
        yield process, reader
    finally:
        process.kill()
        process.join()
        reader.close()
