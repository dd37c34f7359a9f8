"""Rich text."""

from __future__ import annotations

import pytest

from dataalchemy_pipelines.parsing.rtf import parse_rtf
from dataalchemy_pipelines.parsing.verdict import Input, Unparsable


def text_of(rtf: bytes) -> str:
    return parse_rtf(rtf, Input("a.rtf")).text


def test_only_the_visible_text_is_read() -> None:
    rtf = (
        rb"{\rtf1\ansi\ansicpg1252{\fonttbl{\f0 Times;}}{\stylesheet{\s0 Normal;}}{\*\generator Riched20;}"
        rb"{\mmathPr x}\f0 One \b two\b0\par three\{\}\'80{\v hidden} end}"
    )
    assert text_of(rtf) == "One two\nthree{}€ end"


def test_unicode_escapes_swallow_their_stand_ins_and_fonts_bring_charsets() -> None:
    assert text_of(rb"{\rtf1\uc1 \u321?\u243?d\u378\'bf!}") == "Łódź!"
    assert text_of(rb"{\rtf1\ansi{\fonttbl{\f0\fcharset204 Arial;}}\f0\'cf\'f0\'e8}") == "При"
    assert text_of(rb"{\rtf1\uc1\u-3913?}") == chr(65536 - 3913)


def test_groups_that_never_close_mean_a_cut_file() -> None:
    with pytest.raises(Unparsable, match="broken"):
        text_of(rb"{\rtf1 text {\b more}")
