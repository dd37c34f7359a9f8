"""Keeping the lake small: what is removed, what is merged, and how much it weighed before and after.

Nothing that a row or a pointer names is touched, and nothing younger than a day, so maintenance may run beside
everything else. Rows stay as they are, and with them every content digest.
"""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Iterator, Mapping, Set
from dataclasses import dataclass
from typing import Protocol

from dataalchemy_pipelines.core.records import RAW_RECORDS, TABLES
from dataalchemy_pipelines.engine.indexing import POINTER
from dataalchemy_pipelines.engine.landing import LISTED, LISTINGS, PAYLOADS
from resources.contracts import Lake, Progress, TableSpec

PROBES = "objects/checks"
INDEXES = ("objects/indexes", "objects/vectors")
STANDING = 2
"""So many of a pointer's newest entries count: a reader may just have read the one before the last."""


class Upkeep(Protocol):
    """What a lake must offer to be kept small."""

    def sizes(self) -> dict[str, tuple[int, int]]:
        """Files and bytes of each folder at the lake's root."""
        ...

    def check_clocks(self) -> None:
        """Raises Misconfigured where this machine and the store do not agree on the time."""
        ...

    def old(self, prefix: str) -> Set[str]:
        """Keys below a folder that were last written over a day ago."""
        ...

    def sweep(self, spec: TableSpec) -> int:
        """Remove a table's files that no version of the last day needs; returns how many."""
        ...

    def merge(self, spec: TableSpec) -> int:
        """Merge a table's small files where they are too many; returns how many."""
        ...

    def sweep_half_made(self) -> int:
        """Remove what killed processes left half written over a day ago; returns how many."""
        ...

    def drop_ballast(self) -> int:
        """Remove the ballast of a full disk; returns the bytes that came free."""
        ...

    def load_ballast(self) -> int:
        """Put the ballast back where there is room; returns its bytes."""
        ...


@dataclass(frozen=True)
class Maintained:
    """What one round did: sizes by folder before and after, files removed and merged by table, objects removed."""

    before: Mapping[str, tuple[int, int]]
    after: Mapping[str, tuple[int, int]]
    swept: Mapping[str, int]
    merged: Mapping[str, int]
    objects: Mapping[str, int]
    ballast_bytes: int

    def counts(self) -> dict[str, int]:
        """Numbers under stable keys."""
        return {
            "files_before": sum(files for files, _ in self.before.values()),
            "files_after": sum(files for files, _ in self.after.values()),
            "bytes_before": sum(size for _, size in self.before.values()),
            "bytes_after": sum(size for _, size in self.after.values()),
            "table_files_removed": sum(self.swept.values()),
            "table_files_merged": sum(self.merged.values()),
            **{f"{name}_removed": count for name, count in self.objects.items()},
            "ballast_bytes": self.ballast_bytes,
        }


def maintain(lake: Lake, upkeep: Upkeep, progress: Progress) -> Maintained:
    """One round: removals first, so that a full disk has room again before anything is written. Raises Misconfigured.

    Cost: lists the whole lake twice; reads one column of `raw_records` and, where files are merged, those files.
    """
    upkeep.drop_ballast()
    upkeep.check_clocks()
    before = upkeep.sizes()
    swept: dict[str, int] = {}
    for number, (name, spec) in enumerate(TABLES.items(), start=1):
        swept[name] = upkeep.sweep(spec)
        progress.step("swept", number, len(TABLES), unit="tables")
    objects = {"half_made": upkeep.sweep_half_made(), **_sweep_objects(lake, upkeep)}
    merged: dict[str, int] = {}
    for number, (name, spec) in enumerate(TABLES.items(), start=1):
        merged[name] = upkeep.merge(spec)
        progress.step("merged", number, len(TABLES), unit="tables")
    return Maintained(before, upkeep.sizes(), swept, merged, objects, upkeep.load_ballast())


def _sweep_objects(lake: Lake, upkeep: Upkeep) -> dict[str, int]:
    """Remove old objects that nothing names: payloads, listings, indexes, and probes of a process that died.

    What names them is read after their ages, so that what a run names meanwhile stays.
    """
    old = {
        "payloads": upkeep.old(PAYLOADS),
        "listings": upkeep.old(LISTINGS),
        "indexes": {key for folder in INDEXES for key in upkeep.old(folder)},
        "probes": upkeep.old(PROBES),
    }
    named = {*_payloads(lake), *_pointed_to(lake)}
    removed: dict[str, int] = {}
    for name, keys in old.items():
        doomed = sorted(keys - named)
        lake.delete(doomed)
        removed[name] = len(doomed)
    return removed


def _payloads(lake: Lake) -> Iterator[str]:
    """Every payload that a row names, of whatever version."""
    keys = lake.snapshot(RAW_RECORDS).read(["payload_key"])["payload_key"].unique().to_pylist()
    return (key for key in keys if key)


def _pointed_to(lake: Lake) -> Iterator[str]:
    """Listings and index files that the newest entries of their pointers name."""
    series: dict[str, list[str]] = defaultdict(list)
    for key in lake.listing("pointers"):
        series[key.split("/")[1]].append(key)
    for name, keys in series.items():
        if name == POINTER or name.startswith(LISTED):
            for value in (json.loads(lake.get(key))["value"] for key in sorted(keys)[-STANDING:]):
                listing, chunks, vectors = value.get("listing"), value.get("chunks"), value.get("vectors")
                yield from [listing] if listing else [f"{INDEXES[0]}/{chunks}.arrow", f"{INDEXES[1]}/{vectors}.npy"]
