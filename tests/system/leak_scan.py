"""Looks for planted values in everything under some folders, and inside the tables, archives and databases there.

Containers are told by their content, not by their name, and are opened to any depth. Folders named `private` are left
out where nobody else may enter them.
"""

from __future__ import annotations

import bz2
import gzip
import io
import json
import lzma
import shutil
import sqlite3
import stat
import tarfile
import tempfile
import urllib.parse
import zipfile
import zlib
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

PRIVATE = "private"
WIDE = ("utf-16-le", "utf-16-be", "utf-32-le")
"""Encodings that a search for bytes finds; UTF-32 is how numpy stores text."""
STREAMS: dict[bytes, Callable[[bytes], bytes]] = {
    b"\x1f\x8b": gzip.decompress,
    b"BZh": bz2.decompress,
    b"\xfd7zXZ": lzma.decompress,
    b"\x78\x01": zlib.decompress,
    b"\x78\x9c": zlib.decompress,
    b"\x78\xda": zlib.decompress,
}
DEEPEST = 8


@dataclass(frozen=True)
class Finding:
    """Where something stands that must not, and what: a value by its number, so that a report does not repeat it."""

    where: str
    what: str


def scan(roots: Sequence[Path], needles: Sequence[str]) -> list[Finding]:
    """Every place under the roots, names included, where one of the needles stands; white space and case do not count.

    A root itself is always looked into, even one named `private`.
    """
    seeker = Seeker(needles)
    return [finding for root in roots for finding in seeker.folder(root)]


def scan_text(where: str, text: str, needles: Sequence[str]) -> list[Finding]:
    """The same for a text, such as what a program printed."""
    return list(Seeker(needles).text(where, text))


def fold(text: str) -> str:
    """Without white space and case: a table cell or a line break must not hide a value."""
    return "".join(text.split()).casefold()


class Seeker:
    """The needles in the forms in which they are sought."""

    def __init__(self, needles: Sequence[str]) -> None:
        if not needles or not all(fold(needle) for needle in needles):
            raise ValueError("nothing to look for would be found nowhere")
        self._folded = [fold(needle) for needle in needles]
        self._wide = [[needle.encode(encoding) for encoding in WIDE] for needle in needles]

    def folder(self, root: Path) -> Iterator[Finding]:
        """Everything below one folder, by its path from there."""
        for path in sorted(root.iterdir()):
            yield from self.text(f"name {path}", urllib.parse.unquote(path.name))
            mode = path.lstat().st_mode
            if stat.S_ISDIR(mode) and path.name == PRIVATE:
                if stat.S_IMODE(mode) != 0o700:
                    yield Finding(str(path), f"a private folder with mode {stat.S_IMODE(mode):o}")
            elif stat.S_ISDIR(mode):
                yield from self.folder(path)
            elif stat.S_ISREG(mode):
                yield from self._file(path)

    def _file(self, path: Path) -> Iterator[Finding]:
        body = path.read_bytes()
        if _is_sqlite(body):
            with tempfile.TemporaryDirectory() as folder:
                for part in path.parent.glob(f"{path.name}*"):  # what was not yet moved out of the -wal file counts too
                    shutil.copyfile(part, Path(folder) / part.name)
                yield from self._database(str(path), Path(folder) / path.name)
        yield from self.bytes(str(path), body)

    def bytes(self, where: str, body: bytes, depth: int = 0) -> Iterator[Finding]:
        """Bytes as they are, and what they hold if they are a container."""
        for number, forms in enumerate(self._wide):
            if any(form in body for form in forms):
                yield Finding(where, f"value {number}")
        yield from self.text(where, body.decode("utf-8", "replace"), depth)
        if depth > DEEPEST:
            yield Finding(where, "nested too deep to be looked into")
        elif body[:4] == body[-4:] == b"PAR1":
            table = pq.read_table(io.BytesIO(body))
            for name in table.column_names:
                yield from self._value(f"{where}!{name}", _plain(table[name]), depth)
        elif body[257:262] == b"ustar":
            yield from self._tar(where, body, depth)
        elif zipfile.is_zipfile(io.BytesIO(body)):
            yield from self._zip(where, body, depth)
        elif _is_sqlite(body) and depth:
            with tempfile.NamedTemporaryFile() as file:
                file.write(body)
                file.flush()
                yield from self._database(where, Path(file.name))
        elif body[:8].endswith(b"\0\0") and body[8:9] == b"{":
            yield from self.text(where, _header(body), depth + 1)
        else:
            yield from self._stream(where, body, depth)

    def text(self, where: str, text: str, depth: int = 0) -> Iterator[Finding]:
        """A text, and if it is JSON or lines of JSON every string in it, with its escapes undone."""
        folded = fold(text)
        for number, needle in enumerate(self._folded):
            if needle in folded:
                yield Finding(where, f"value {number}")
        if depth <= DEEPEST and text.lstrip()[:1] in ("{", "["):
            for value in _json_values(text):
                yield from self._value(where, value, depth + 1)

    def _value(self, where: str, value: Any, depth: int) -> Iterator[Finding]:
        """A string or bytes, and those inside lists and mappings, keys too."""
        if isinstance(value, str):
            yield from self.text(where, value, depth)
        elif isinstance(value, bytes):
            yield from self.bytes(where, value, depth + 1)
        elif isinstance(value, dict):
            for part in (*value.keys(), *value.values()):
                yield from self._value(where, part, depth)
        elif isinstance(value, list | tuple):
            for part in value:
                yield from self._value(where, part, depth)

    def _tar(self, where: str, body: bytes, depth: int) -> Iterator[Finding]:
        with tarfile.open(fileobj=io.BytesIO(body)) as archive:
            for member in archive:
                yield from self.text(f"name {where}!{member.name}", member.name)
                file = archive.extractfile(member) if member.isfile() else None
                if file is not None:
                    yield from self.bytes(f"{where}!{member.name}", file.read(), depth + 1)

    def _zip(self, where: str, body: bytes, depth: int) -> Iterator[Finding]:
        with zipfile.ZipFile(io.BytesIO(body)) as archive:
            yield from self.text(where, archive.comment.decode("utf-8", "replace"))
            for member in archive.infolist():
                yield from self.text(f"name {where}!{member.filename}", member.filename)
                yield from self.bytes(f"{where}!{member.filename}", archive.read(member), depth + 1)

    def _stream(self, where: str, body: bytes, depth: int) -> Iterator[Finding]:
        for magic, unpacked in STREAMS.items():
            if body.startswith(magic):
                try:
                    inner = unpacked(body)
                except (OSError, EOFError, zlib.error, lzma.LZMAError):  # it only began like one
                    continue
                yield from self.bytes(f"{where}!", inner, depth + 1)

    def _database(self, where: str, path: Path) -> Iterator[Finding]:
        """Every cell of every table, text and blob."""
        with closing(sqlite3.connect(path)) as database:
            database.text_factory = bytes
            for (name,) in database.execute("select name from sqlite_master where type = 'table'").fetchall():
                quoted = name.decode().replace('"', '""')
                for row in database.execute(f'select * from "{quoted}"'):
                    for cell in row:
                        yield from self._value(f"{where}!{quoted}", cell, 0)


def _is_sqlite(body: bytes) -> bool:
    return body.startswith(b"SQLite format 3\0")


def _plain(column: pa.ChunkedArray) -> list[Any]:
    """A column as Python values; dates and numbers hold no text, and some of them no Python value either."""
    inner = column.type
    while pa.types.is_list(inner) or pa.types.is_large_list(inner):
        inner = inner.value_type
    holds = pa.types.is_nested(inner) or pa.types.is_dictionary(inner) or not pa.types.is_primitive(inner)
    return column.to_pylist() if holds else []


def _header(body: bytes) -> str:
    """The JSON in front of the tensors of a safetensors file."""
    return body[8 : 8 + int.from_bytes(body[:8], "little")].decode("utf-8", "replace")


def _json_values(text: str) -> list[Any]:
    try:
        return [json.loads(text)]
    except (ValueError, RecursionError):
        pass
    values = []
    for line in text.splitlines():
        try:
            values.append(json.loads(line))
        except (ValueError, RecursionError):
            continue
    return [value for value in values if isinstance(value, dict | list)]
