"""Bytes to text: byte order marks, declared charsets, UTF-8, UTF-16 without a mark, Windows-1252."""

from __future__ import annotations

import codecs
import re

_MARKS = (
    (codecs.BOM_UTF32_LE, "utf-32"),  # before UTF-16: its mark starts with the same two bytes
    (codecs.BOM_UTF32_BE, "utf-32"),
    (codecs.BOM_UTF8, "utf-8-sig"),
    (codecs.BOM_UTF16_LE, "utf-16"),
    (codecs.BOM_UTF16_BE, "utf-16"),
)
_SAMPLE_BYTES = 4096
_CONTROLS = re.compile("[\x00-\x08\x0e-\x1a\x1c-\x1f\x7f]")


def decode(payload: bytes, declared: str = "") -> str:
    """The text of ``payload``; never fails, since Windows-1252 and Latin-1 between them take every byte.

    A byte order mark wins, then ``declared`` where it decodes, then UTF-8, UTF-16 without a mark, Windows-1252.
    UTF-8 with a few bad bytes stays UTF-8, with U+FFFD in their place, rather than turning every letter wrong.
    """
    for mark, name in _MARKS:
        if payload.startswith(mark):
            return payload.decode(name, "replace")
    for name in filter(None, (declared, "utf-8", _unmarked_utf16(payload))):
        text = _strictly(payload, name)
        if text is not None:
            return text
    text = payload.decode("utf-8", "replace")
    bad = text.count("\ufffd")
    if bad < sum(ord(character) > 127 for character in text) - bad:
        return text
    return _strictly(payload, "cp1252") or payload.decode("latin-1")


def is_text(payload: bytes) -> bool:
    """Whether the beginning reads as text: a byte order mark, or fewer than 1 control character in 100."""
    sample = payload[:_SAMPLE_BYTES]
    if any(sample.startswith(mark) for mark, _ in _MARKS):
        return True
    text = decode(sample)
    return len(_CONTROLS.findall(text)) * 100 <= len(text)


def tidy(text: str) -> str:
    """Line ends as ``\\n``, no NUL, no byte order mark, no lone surrogate, no blank lines at either end."""
    text = text.replace("\r\n", "\n").replace("\r", "\n").replace("\0", "").lstrip("\ufeff")
    return text.encode("utf-8", "replace").decode("utf-8").strip("\n").rstrip()


def _strictly(payload: bytes, name: str) -> str | None:
    try:
        text = payload.decode(name)
    except (LookupError, ValueError):
        return None
    # A NUL means that this was not the charset, unless the caller insists on one of two or four bytes.
    return None if "\0" in text and name == "utf-8" and _unmarked_utf16(payload) else text


def _unmarked_utf16(payload: bytes) -> str:
    """The UTF-16 flavour in which mostly Latin text has NUL as every second byte, or ''."""
    sample = payload[:_SAMPLE_BYTES]
    half = len(sample) // 2
    if half < 2 or len(payload) % 2:
        return ""
    if sample[1::2].count(0) > 0.6 * half and not sample[::2].count(0):
        return "utf-16-le"
    if sample[::2].count(0) > 0.6 * half and not sample[1::2].count(0):
        return "utf-16-be"
    return ""
