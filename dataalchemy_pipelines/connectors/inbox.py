"""What a person's machine read of a folder and laid into the lake, where the machines that work can reach it.

A drop is one reading: Parquet files of records, then the object that names them, so that half a drop is none. It lies
under `private/`, since nothing in it is redacted yet.
"""

from __future__ import annotations

import json
import secrets
from collections.abc import Iterable, Iterator

import pyarrow as pa

from dataalchemy_pipelines.core.errors import WrongInput
from dataalchemy_pipelines.core.records import STRINGS, WHEN, RawRecord
from resources.contracts import Lake

PART_BYTES = 32 * 2**20
SCHEMA = pa.schema(
    [
        ("native_id", pa.string()),
        ("payload", pa.large_binary()),
        ("kind", pa.string()),
        ("media_type", pa.string()),
        ("access", STRINGS),
        ("updated_at", WHEN),
        ("reason", pa.string()),
    ]
)


class Inbox:
    """The newest drop of one source, as its records were read."""

    def __init__(self, lake: Lake, folder: str) -> None:
        """``folder`` is where the source's drops lie. Raises WrongInput where there is none yet."""
        self._lake = lake
        drops = sorted(key for key in lake.listing(folder) if key.endswith(".json"))
        if not drops:
            fix = "Give the folder again: `dataalchemy ingest PATH`."
            raise WrongInput("Nothing was laid into the inbox", subject=folder, fix=fix)
        self._parts: list[str] = json.loads(lake.get(drops[-1]))["parts"]

    def records(self) -> Iterator[RawRecord]:
        """Each record as it was read. Memory: one part, 32 MB and its largest record."""
        for key in self._parts:
            for row in self._lake.read_file(key).to_pylist():
                yield RawRecord(**{**row, "access": tuple(row["access"])})


def lay_in(lake: Lake, folder: str, records: Iterable[RawRecord]) -> int:
    """Lay records down as the newest drop; returns how many. Older drops but the last one are removed.

    The last one stays, since a run may be reading it.
    """
    before = sorted(key for key in lake.listing(folder) if key.endswith(".json"))
    number = int(before[-1].rsplit("/", 1)[1].partition(".")[0]) + 1 if before else 1
    parts: list[str] = []
    count = 0
    for batch in _batches(records):
        key = f"{folder}/{secrets.token_hex(16)}.parquet"
        lake.write_file(key, pa.Table.from_pylist([vars(record) for record in batch], schema=SCHEMA))
        parts.append(key)
        count += len(batch)
    if not lake.create(f"{folder}/{number:012}.json", json.dumps({"parts": parts}).encode()):
        fix = "Run it again when the other one is done."
        raise WrongInput("The same folder is being ingested elsewhere", subject=folder, fix=fix)
    for key in before[:-1]:
        lake.delete([*json.loads(lake.get(key))["parts"], key])
    return count


def _batches(records: Iterable[RawRecord]) -> Iterator[list[RawRecord]]:
    batch: list[RawRecord] = []
    size = 0
    for record in records:
        batch.append(record)
        size += len(record.payload or b"")
        if size >= PART_BYTES:
            yield batch
            batch, size = [], 0
    if batch:
        yield batch
