"""A writer for the kill tests: commits row after row, says what was acknowledged, and goes on where the cursor stands.

python writer.py ADDRESS          one line `ack N` after commit N; append, replace and a checkpoint by turns
"""

from __future__ import annotations

import sys

import pyarrow as pa

from resources.contracts import Change, TableSpec
from resources.lake import open_lake

SPEC = TableSpec("killed", pa.schema([("doc_id", pa.string()), ("text", pa.string())]))


def rows(*ids: str) -> pa.Table:
    """Rows of these ids with some text."""
    return pa.table({"doc_id": list(ids), "text": ["x" * 2000] * len(ids)}, schema=SPEC.schema)


def main(address: str) -> None:
    """Commit until killed. Every fifth commit also replaces the row of the commit before."""
    lake = open_lake(address)
    print("ready", flush=True)
    while True:
        base = lake.snapshot(SPEC)
        number = base.cursor("source:kill") + 1
        replaced = [f"row-{number - 1}"] if number % 5 == 0 else []
        change = Change(rows=rows(f"row-{number}", *replaced), replaces=frozenset(replaced))
        version = lake.commit(base, change, cursors={"source:kill": number})
        if version % 20 == 0 and base.delta is not None:  # type: ignore[attr-defined]
            base.delta.create_checkpoint()  # type: ignore[attr-defined]
        print(f"ack {number}", flush=True)


if __name__ == "__main__":
    main(sys.argv[1])
