"""Files of a folder, or one file; an export of Jira, Confluence or GitHub among them gives one record an item."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from stat import S_ISLNK, S_ISREG

from dataalchemy_pipelines.connectors.exports import Item, items_of, kind_of
from dataalchemy_pipelines.core.errors import SourceRefused, WrongInput
from dataalchemy_pipelines.core.records import RawRecord

MAX_FILE_BYTES = 64 * 2**20
_LINES = (".jsonl", ".ndjson")
_RECOGNISED_WITHIN = 1000  # lines; an export says what it is early


class Folder:
    """The files under one root, as they are. Nothing outside the root is read, whatever a link says.

    Hidden files, links that leave the root or lead to folders, and what is no regular file are left out;
    ``skipped`` counts them after a listing.
    """

    def __init__(self, root: Path, access: tuple[str, ...], *, exclude: frozenset[str] = frozenset()) -> None:
        """``exclude`` names files by their native id.

        Raises WrongInput where there is no such file or folder.
        """
        if not root.exists():
            raise WrongInput("No such file or folder", subject=str(root), fix="Check the path.")
        self._root = root.resolve()
        self._access, self._exclude = access, exclude
        self.skipped = 0

    def listing(self) -> list[str]:
        """The native ids of all files, sorted. Raises SourceRefused where a folder cannot be listed.

        A listing that is not whole would make what it misses look deleted, so there is none.
        """
        return sorted(native_id for native_id, _ in self._files())

    def records(self) -> Iterator[RawRecord]:
        """One record a file, in the order of the listing; of a recognised export one record an item."""
        for native_id, path in sorted(self._files()):
            try:
                yield from self._records(native_id, path)
            except OSError:
                yield self._record(native_id, None, reason="unreadable")

    def _files(self) -> Iterator[tuple[str, Path]]:
        self.skipped = 0
        if self._root.is_file():
            yield _native_id(self._root, self._root.parent), self._root
            return
        for folder, folders, names in os.walk(self._root, onerror=_refuse):
            kept = [name for name in folders if not name.startswith(".") and not (Path(folder) / name).is_symlink()]
            self.skipped += len(folders) - len(kept)
            folders[:] = kept
            for name in names:
                path = Path(folder) / name
                if name.startswith(".") or not self._is_ours(path):
                    self.skipped += 1
                elif (native_id := _native_id(path, self._root)) not in self._exclude:
                    yield native_id, path

    def _is_ours(self, path: Path) -> bool:
        mode = path.lstat().st_mode
        if S_ISLNK(mode):
            return path.resolve().is_relative_to(self._root) and path.is_file()
        return S_ISREG(mode)  # a pipe would block the reader for ever

    def _records(self, native_id: str, path: Path) -> Iterator[RawRecord]:
        if path.suffix.lower() in _LINES and _is_export(path):
            yield from self._numbered(native_id, self._line_items(path))
            return
        status = path.stat()
        if status.st_size > MAX_FILE_BYTES:
            yield self._record(native_id, None, reason="too_large")
            return
        payload = path.read_bytes()
        items = items_of(payload) if path.suffix.lower() == ".json" else []
        if items:
            yield from self._numbered(native_id, iter(items))
            return
        modified = datetime.fromtimestamp(status.st_mtime, UTC)
        yield replace(self._record(native_id, payload), updated_at=modified)

    def _line_items(self, path: Path) -> Iterator[Item]:
        """One item a line; a line that is no item of an export is a file of its own."""
        with path.open("rb") as lines:
            number = 0
            while line := lines.readline(MAX_FILE_BYTES + 1):
                number += 1
                if len(line) > MAX_FILE_BYTES:
                    while not line.endswith(b"\n") and (line := lines.readline(MAX_FILE_BYTES)):
                        pass
                    yield Item(f"line-{number}", "file", None)
                elif line.strip():
                    yield _line_item(line.strip(), number)

    def _numbered(self, native_id: str, items: Iterator[Item]) -> Iterator[RawRecord]:
        """Records of items; the second item of one key is ``KEY~2``, or the next number that no other item took."""
        count: dict[str, int] = {}
        given: set[str] = set()
        for item in items:
            key = item.key
            while key in given:
                count[item.key] = count.get(item.key, 1) + 1
                key = f"{item.key}~{count[item.key]}"
            given.add(key)
            yield replace(
                self._record(
                    f"{native_id}#{key}", item.payload, reason="" if item.payload is not None else "too_large"
                ),
                kind=item.kind,
                media_type="application/json",
            )

    def _record(self, native_id: str, payload: bytes | None, *, reason: str = "") -> RawRecord:
        return RawRecord(native_id=native_id, payload=payload, access=self._access, reason=reason)


def _line_item(line: bytes, number: int) -> Item:
    try:
        value = json.loads(line)
    except (ValueError, RecursionError):  # parsing will say what is wrong with it
        return Item(f"line-{number}", "file", line)
    kind, key = kind_of(value)
    return Item(key, kind, line) if kind else Item(f"line-{number}", "file", line)


def _is_export(path: Path) -> bool:
    """Whether one of the first lines is an item of an export."""
    with path.open("rb") as lines:
        for _ in range(_RECOGNISED_WITHIN):
            line = lines.readline(MAX_FILE_BYTES)
            if not line:
                break
            if line.strip() and _line_item(line.strip(), 0).kind != "file":
                return True
    return False


def _native_id(path: Path, root: Path) -> str:
    """The path under the root with ``/``; a name that is not UTF-8 has its odd bytes written out."""
    below = path.as_posix().removeprefix(f"{root.as_posix().rstrip('/')}/")  # `relative_to` costs ten times as much
    return os.fsencode(below).decode("utf-8", "backslashreplace")


def _refuse(error: OSError) -> None:
    raise SourceRefused(
        "Cannot list the folder", subject=str(error.filename), fix="Grant read access to it."
    ) from error
