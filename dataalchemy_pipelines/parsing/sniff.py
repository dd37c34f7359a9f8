"""What bytes really are, by their first bytes and, for a zip, by the names in its directory."""

from __future__ import annotations

import io
import zipfile

from dataalchemy_pipelines.parsing.charset import is_text
from dataalchemy_pipelines.parsing.verdict import Unparsable

TEXT = "text/plain"
UNKNOWN = "application/octet-stream"
OLE = "application/x-ole-storage"
ZIP = "application/zip"
DOCX = "application/vnd.openxmlformats-officedocument.wordprocessingml.document"
PPTX = "application/vnd.openxmlformats-officedocument.presentationml.presentation"
XLSX = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"
ODT = "application/vnd.oasis.opendocument.text"
EPUB = "application/epub+zip"
RTF = "application/rtf"
PDF = "application/pdf"

_MAGIC = (
    (b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1", OLE),
    (b"PK\x03\x04", ZIP),
    (b"PK\x05\x06", ZIP),
    (b"{\\rtf", RTF),
    (b"\x89PNG\r\n\x1a\n", "image/png"),
    (b"\xff\xd8\xff", "image/jpeg"),
    (b"GIF8", "image/gif"),
    (b"II*\0", "image/tiff"),
    (b"MM\0*", "image/tiff"),
    (b"BM", "image/bmp"),
    (b"\x1f\x8b", "application/gzip"),
    (b"BZh", "application/x-bzip2"),
    (b"\xfd7zXZ\0", "application/x-xz"),
    (b"7z\xbc\xaf\x27\x1c", "application/x-7z-compressed"),
    (b"Rar!\x1a\x07", "application/vnd.rar"),
    (b"\x7fELF", "application/x-executable"),
    (b"MZ", "application/x-executable"),
    (b"SQLite format 3\0", "application/vnd.sqlite3"),
)
_SHORT = frozenset({b"BM", b"MZ", b"BZh", b"GIF8"})  # text may start like this
_ZIP_PARTS = (("word/", DOCX), ("ppt/", PPTX), ("xl/", XLSX))
_BLANK = b"\0\t\r\n \xef\xbb\xbf"
_SEALED = "EncryptedPackage".encode("utf-16-le")


def sniff(payload: bytes) -> str:
    """The real media type: a known binary one, ``text/plain`` for any text, else ``application/octet-stream``.

    Raises Unparsable: encrypted for an office file behind a password, broken for a zip without a directory.
    """
    head = payload[:1024]
    if head.lstrip(_BLANK).startswith(b"%PDF-") or (b"%PDF-" in head and not is_text(payload)):
        return PDF  # readers take up to 1024 bytes before the mark
    for magic, media_type in _MAGIC:
        if payload.startswith(magic) and not (magic in _SHORT and is_text(payload)):
            return _inside(payload, media_type)
    return TEXT if is_text(payload) else UNKNOWN


def _inside(payload: bytes, media_type: str) -> str:
    if media_type == OLE and _SEALED in payload:
        raise Unparsable("encrypted")
    if media_type != ZIP:
        return media_type
    try:
        with zipfile.ZipFile(io.BytesIO(payload)) as archive:
            names = archive.namelist()
            if "mimetype" in names and archive.getinfo("mimetype").file_size < 100:
                return archive.read("mimetype").decode("ascii", "replace").strip()
    except (zipfile.BadZipFile, ValueError, NotImplementedError, OSError, RuntimeError) as error:
        raise Unparsable("broken") from error
    return next((found for part, found in _ZIP_PARTS if any(name.startswith(part) for name in names)), ZIP)
