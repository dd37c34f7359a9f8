"""Zip containers within limits."""

from __future__ import annotations

import io
import struct
import zipfile
from collections.abc import Callable, Mapping

import pytest

from dataalchemy_pipelines.parsing.archive import MAX_ENTRIES, Archive
from dataalchemy_pipelines.parsing.verdict import Unparsable

Zipped = Callable[[Mapping[str, str | bytes]], bytes]


def test_an_ordinary_zip_is_read(zipped: Zipped) -> None:
    archive = Archive(zipped({"a/b.xml": "<x/>", "c": "text"}))
    assert archive.names == {"a/b.xml", "c"}
    assert archive.read("c") == b"text"
    assert archive.xml("a/b.xml").tag == "x"
    assert archive.xml_or_none("d.xml") is None


@pytest.mark.parametrize("name", ["../up", "a/../../up", "/etc/passwd", "c:\\windows", "..\\up"])
def test_names_that_leave_the_archive_are_refused(zipped: Zipped, name: str) -> None:
    with pytest.raises(Unparsable, match="archive_bomb"):
        Archive(zipped({name: "x"}))


def test_more_than_ten_thousand_entries_or_a_hundredfold_are_refused(zipped: Zipped) -> None:
    with pytest.raises(Unparsable, match="archive_bomb"):
        Archive(zipped({str(number): "" for number in range(MAX_ENTRIES + 1)}))
    with pytest.raises(Unparsable, match="archive_bomb"):
        Archive(zipped({"a": bytes(5_000_000)}))
    assert len(Archive(zipped({"a": bytes(500_000)})).read("a")) == 500_000


def test_a_symbolic_link_is_refused() -> None:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        entry = zipfile.ZipInfo("link")
        entry.external_attr = 0o120777 << 16
        archive.writestr(entry, "/etc/passwd")
    with pytest.raises(Unparsable, match="archive_bomb"):
        Archive(buffer.getvalue())


def test_entries_that_share_their_bytes_are_refused(zipped: Zipped) -> None:
    payload = bytearray(zipped({"a": "x" * 50, "b": "y" * 50}))
    second = payload.rindex(b"PK\x01\x02")
    struct.pack_into("<I", payload, second + 42, 0)  # the second entry now starts where the first one does
    with pytest.raises(Unparsable, match="archive_bomb"):
        Archive(bytes(payload))


def test_a_damaged_entry_and_a_missing_one_are_broken(zipped: Zipped) -> None:
    payload = zipped({"a": "x" * 50 + "y"})
    damaged = payload.replace(payload[33:36], b"???", 1)
    with pytest.raises(Unparsable, match="broken"):
        Archive(damaged).read("a")
    with pytest.raises(Unparsable, match="broken"):
        Archive(payload).read("b")
    with pytest.raises(Unparsable, match="broken"):
        Archive(payload[:40])
