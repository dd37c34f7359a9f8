"""Zip containers within limits, checked from the directory before anything is unpacked."""

from __future__ import annotations

import io
import stat
import zipfile
import zlib
from itertools import pairwise

from dataalchemy_pipelines.parsing.markup import Element, parse_xml
from dataalchemy_pipelines.parsing.verdict import Unparsable

MAX_ENTRIES = 10_000
MAX_UNPACKED_BYTES = 200 * 2**20
MAX_RATIO = 100
_SMALL_BYTES = 2**20  # a mebibyte of blanks packs 1000 to 1 and harms nobody
_ENCRYPTED = 0x1


class Archive:
    """A zip file whose directory passed the limits.

    Raises Unparsable: archive_bomb (entries, size, ratio, overlap, names or links that leave it), encrypted, broken.
    """

    def __init__(self, payload: bytes) -> None:
        try:
            self._zip = zipfile.ZipFile(io.BytesIO(payload))
        except (zipfile.BadZipFile, ValueError, NotImplementedError, OSError) as error:
            raise Unparsable("broken") from error
        entries = self._zip.infolist()
        self.names = frozenset(entry.filename for entry in entries)
        if any(entry.flag_bits & _ENCRYPTED for entry in entries):
            raise Unparsable("encrypted")
        if _is_bomb(entries) or any(_leaves(entry) for entry in entries):
            raise Unparsable("archive_bomb")

    def read(self, name: str) -> bytes:
        """The bytes of one entry, its checksum checked. Raises Unparsable(broken)."""
        try:
            return self._zip.read(name)
        except (KeyError, zipfile.BadZipFile, zlib.error, EOFError, NotImplementedError, ValueError, OSError) as error:
            raise Unparsable("broken") from error

    def xml(self, name: str) -> Element:
        """The root element of one entry. Raises Unparsable."""
        return parse_xml(self.read(name))

    def xml_or_none(self, name: str) -> Element | None:
        """The root element of an entry that a document may lack."""
        return self.xml(name) if name in self.names else None


def _is_bomb(entries: list[zipfile.ZipInfo]) -> bool:
    if len(entries) > MAX_ENTRIES or sum(entry.file_size for entry in entries) > MAX_UNPACKED_BYTES:
        return True
    if any(entry.file_size > max(_SMALL_BYTES, MAX_RATIO * entry.compress_size) for entry in entries):
        return True
    ordered = sorted(entries, key=lambda entry: entry.header_offset)
    return any(first.header_offset + first.compress_size > second.header_offset for first, second in pairwise(ordered))


def _leaves(entry: zipfile.ZipInfo) -> bool:
    name = entry.filename.replace("\\", "/")
    linked = stat.S_ISLNK(entry.external_attr >> 16)
    return linked or name.startswith("/") or ".." in name.split("/") or name[1:2] == ":"
