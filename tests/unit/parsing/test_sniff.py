"""What bytes really are."""

from __future__ import annotations

from collections.abc import Callable, Mapping

import pytest

from dataalchemy_pipelines.parsing import sniff
from dataalchemy_pipelines.parsing.verdict import Unparsable

Zipped = Callable[[Mapping[str, str | bytes]], bytes]
OLE = b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + bytes(100)


@pytest.mark.parametrize(
    ("payload", "media_type"),
    [
        (b"\n%PDF-1.4", sniff.PDF),
        (b"HTTP/1.1 200 OK\0\x01\x02\x03\x04 %PDF-1.4", sniff.PDF),
        (b"A PDF starts with %PDF-1.4", sniff.TEXT),
        (b"BMW is a make of car", sniff.TEXT),
        (b"{\\rtf1 x}", sniff.RTF),
        (OLE, sniff.OLE),
        (b"\x89PNG\r\n\x1a\n", "image/png"),
        ("Größe".encode("utf-16"), sniff.TEXT),
        (bytes(range(256)), sniff.UNKNOWN),
    ],
)
def test_first_bytes_tell(payload: bytes, media_type: str) -> None:
    assert sniff.sniff(payload) == media_type


def test_the_names_in_a_zip_tell(zipped: Zipped) -> None:
    assert sniff.sniff(zipped({"word/document.xml": ""})) == sniff.DOCX
    assert sniff.sniff(zipped({"xl/workbook.xml": ""})) == sniff.XLSX
    assert sniff.sniff(zipped({"ppt/presentation.xml": ""})) == sniff.PPTX
    assert sniff.sniff(zipped({"mimetype": sniff.ODT, "content.xml": ""})) == sniff.ODT
    assert sniff.sniff(zipped({"letter.txt": ""})) == sniff.ZIP


def test_a_password_is_told_from_an_old_format_and_a_cut_zip_is_broken(zipped: Zipped) -> None:
    with pytest.raises(Unparsable, match="encrypted"):
        sniff.sniff(OLE + "EncryptedPackage".encode("utf-16-le"))
    with pytest.raises(Unparsable, match="broken"):
        sniff.sniff(zipped({"word/document.xml": "x"})[:-30])
