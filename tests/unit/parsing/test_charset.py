"""Bytes to text."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dataalchemy_pipelines.parsing.charset import decode, is_text, tidy

TEXT = "Grüße aus Łódź – naïve café"


@pytest.mark.parametrize("charset", ["utf-8", "utf-8-sig", "utf-16", "utf-32", "utf-16-le", "utf-16-be"])
def test_unicode_is_read_with_and_without_a_byte_order_mark(charset: str) -> None:
    plain = "Plain words, mostly Latin: café"
    assert decode(plain.encode(charset)) == plain


def test_text_that_is_not_utf_8_is_windows_1252() -> None:
    assert decode("“Café” – 5 €".encode("cp1252")) == "“Café” – 5 €"


def test_a_declared_charset_is_used_and_a_wrong_or_unknown_one_is_not() -> None:
    assert decode("Привет".encode("koi8-r"), "koi8-r") == "Привет"
    assert decode(TEXT.encode(), "no-such-charset") == TEXT
    assert decode(TEXT.encode(), "ascii") == TEXT


def test_one_bad_byte_does_not_turn_every_other_letter_wrong() -> None:
    assert decode(TEXT.encode() + b"\xff!") == TEXT + "\ufffd!"


@given(st.binary(max_size=200))
def test_any_bytes_decode_and_tidy_text_can_always_be_stored(payload: bytes) -> None:
    text = tidy(decode(payload))
    assert text.encode().decode() == text
    assert not set("\0\r") & set(text)


def test_line_ends_become_one_kind_and_lone_surrogates_go() -> None:
    assert tidy("\ufeffa\r\nb\rc\0d\ud800\n\n") == "a\nb\ncd?"


def test_binary_is_not_text_and_any_charset_is() -> None:
    assert not is_text(bytes(range(256)) * 8)
    for charset in ("utf-8", "utf-16", "cp1252"):
        assert is_text("Grüße an alle, mit “Anführung”".encode(charset))
