"""Normalised text looks the same and is spelt one way."""

from __future__ import annotations

from collections.abc import Callable

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from dataalchemy_pipelines.transforms.normalize import normalize

Growth = Callable[[Callable[[str], object], str], float]


def one(text: str) -> str:
    return str(normalize(pl.Series([text]))[0])


@pytest.mark.parametrize(
    ("given_text", "wanted"),
    [
        ("e\u0301", "é"),
        ("x² ﬁ", "x² ﬁ"),
        ("a\r\nb\rc\u2028d", "a\nb\nc\nd"),
        ("a\x00b\x07", "ab"),
        ("\u202eevil\u202c", "evil"),
        ("4\u200b1\ufeff1\u20601", "4111"),
        ("4\u200d1\ufe0f1", "411"),
        ("می\u200cخواهم", "می\u200cخواهم"),
        ("👩\u200d💻", "👩\u200d💻"),
        ("a\u00a0b\u202fc", "a b c"),
        ("a  \nb\t\n", "a\nb"),
        ("a\n\n\n\n\n\nb", "a\n\n\nb"),
        ("hyphen-\nated", "hyphen-\nated"),
        ("visible\U000e0041\U000e0042", "visible"),
    ],
)
def test_each_rule_does_what_it_says(given_text: str, wanted: str) -> None:
    assert one(given_text) == wanted


def test_null_stays_null() -> None:
    assert normalize(pl.Series(["a", None, "é "])).to_list() == ["a", None, "é"]


@given(st.text())
def test_normalising_twice_is_the_same_as_once(text: str) -> None:
    assert one(one(text)) == one(text)


def test_no_text_takes_more_than_linear_time(hostile: str, growth: Growth) -> None:
    assert growth(one, hostile) < 8
