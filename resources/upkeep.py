"""Keeping a lake small: files that no version of a table needs any more, small files, and a ballast for a full disk.

Only what is older than a day is removed, by the store's own clock: a file that no commit ever named, when it was
written a day ago; one that a commit replaced, a day after that commit. So readers of an older version, and writers
before their commit, have a day to finish.
"""

from __future__ import annotations

import json
import os
import re
from collections.abc import Iterator
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from pathlib import Path
from shutil import disk_usage
from typing import cast

from resources.actions import bundle
from resources.contracts import Change, TableSpec
from resources.errors import Conflict, Misconfigured
from resources.lake import LocalLake, ObjectLake
from resources.store import MEND_DISK, Speaking
from resources.tables import DeltaSnapshot, folder

RETENTION = timedelta(hours=24)
MAX_SKEW = timedelta(hours=1)
CHECKS = "objects/checks"
BALLAST = f"{CHECKS}/ballast"
BALLAST_BYTES = 16 * 2**20
_HALF_MADE = re.compile(r"#\d+$|^_commit_.*\.tmp$")
"""Names under which the store and the table's log write a file, before they give it its own name."""


class Keeper:
    """What keeps one lake small. On an S3 store there is no disk of ours to hold a ballast for."""

    def __init__(self, lake: ObjectLake) -> None:
        self._lake = lake

    def sizes(self) -> dict[str, tuple[int, int]]:
        """Files and bytes of each folder at the lake's root; what is half made counts too, the ballast does not."""
        found: dict[str, tuple[int, int]] = {}
        for key, size in [*self._lake.sizes("").items(), *self._half_made()]:
            if key != BALLAST:
                files, total = found.get(top := key.partition("/")[0], (0, 0))
                found[top] = (files + 1, total + size)
        return dict(sorted(found.items()))

    def old(self, prefix: str) -> set[str]:
        """Keys below the folder that were last written over a day ago."""
        limit = datetime.now(UTC) - RETENTION
        found = self._lake.objects(prefix).items()
        return {key for key, item in found if item["last_modified"] < limit and key != BALLAST}

    def check_clocks(self) -> None:
        """Ages decide what is removed, so this machine and the store must agree on the time. Raises Misconfigured."""
        key = f"{CHECKS}/clock"
        self._lake.put(key, b"")
        skew = abs(self._lake.objects(CHECKS)[key]["last_modified"] - datetime.now(UTC))
        self._lake.delete([key])
        if skew > MAX_SKEW:
            fix = "Set the clocks (NTP), then run it again; nothing was removed."
            raise Misconfigured("The clocks of this machine and of the lake differ", subject=f"by {skew}", fix=fix)

    def sweep(self, spec: TableSpec) -> int:
        """Remove a table's files that no version of the last day needs, and entries of its log past their time.

        Nothing is written, so that it works on a full disk too. Returns how many files went. Cost: two listings, and
        the log's entries of the last day are read.
        """
        old = self.old(f"{folder(spec)}/parts")  # before the table is opened: what is committed meanwhile is live
        base = cast(DeltaSnapshot, self._lake.snapshot(spec))
        unneeded = old - {file.key for file in base.files()} - self._replaced_lately(spec)
        self._lake.delete(sorted(unneeded))
        if base.delta is not None:
            with Speaking(self._lake.describe(), mend=MEND_DISK):
                base.delta.cleanup_metadata()
        return len(unneeded)

    def _replaced_lately(self, spec: TableSpec) -> set[str]:
        """Files that commits of the last day removed: a reader may have opened the version before."""
        entries = self._lake.objects(f"{folder(spec)}/_delta_log").keys() - self.old(f"{folder(spec)}/_delta_log")
        replaced: set[str] = set()
        for key in entries:
            if key.endswith(".json"):
                actions = [json.loads(line) for line in self._lake.get(key).splitlines()]
                replaced |= {f"{folder(spec)}/{one['remove']['path']}" for one in actions if "remove" in one}
        return replaced

    def merge(self, spec: TableSpec) -> int:
        """Merge small files that writers before this version left; returns how many went into larger ones."""
        merged = 0
        with suppress(Conflict):  # another writer was first, and its commit merged
            while chosen := bundle((base := self._lake.snapshot(spec)).files()):
                self._lake.commit(base, Change())
                merged += len(chosen)
        return merged

    def sweep_half_made(self) -> int:
        """Remove files that a killed process left under another name over a day ago. Returns how many."""
        limit = (datetime.now(UTC) - RETENTION).timestamp()
        removed = 0
        for path in self._half_made_paths():
            with suppress(FileNotFoundError):
                if path.stat().st_mtime < limit:
                    path.unlink()
                    removed += 1
        return removed

    def drop_ballast(self) -> int:
        """Remove the ballast, so that a full disk takes writes again. Returns the bytes that came free."""
        if not isinstance(self._lake, LocalLake) or not (self._lake.path / BALLAST).is_file():
            return 0
        self._lake.delete([BALLAST])
        return BALLAST_BYTES

    def load_ballast(self) -> int:
        """Put the ballast back, unless the disk has no room for twice as much. Returns its bytes, or 0."""
        if not isinstance(self._lake, LocalLake) or disk_usage(self._lake.path).free < 2 * BALLAST_BYTES:
            return 0
        self._lake.put(BALLAST, os.urandom(BALLAST_BYTES))  # no filesystem makes this smaller
        return BALLAST_BYTES

    def _half_made(self) -> Iterator[tuple[str, int]]:
        for path in self._half_made_paths():
            with suppress(FileNotFoundError):
                yield str(path.relative_to(cast(LocalLake, self._lake).path)), path.stat().st_size

    def _half_made_paths(self) -> Iterator[Path]:
        """Files of a directory that its store hides from listings, or that its log does."""
        if isinstance(self._lake, LocalLake):
            yield from (path for path in self._lake.path.rglob("*") if _HALF_MADE.search(path.name) and path.is_file())
