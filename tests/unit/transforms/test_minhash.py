"""Similar texts share bands, unlike texts do not, and a signature never changes."""

from __future__ import annotations

from collections.abc import Callable

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from dataalchemy_pipelines.transforms.minhash import BANDS, band_keys, jaccard, minhash, shingles, sign

WORDS = [f"word{n}" for n in range(400)]
TEXT = " ".join(WORDS)


def frame(*texts: str) -> pl.DataFrame:
    rows = [
        {"doc_id": f"{n:032x}", "source": "s", "native_id": f"{n}", "version": 1, "content_sha256": "0", "text": text}
        for n, text in enumerate(texts)
    ]
    return pl.DataFrame(rows)


def shared(a: str, b: str) -> int:
    first, second = sign(frame(a, b))["bands"].to_list()
    return len(set(first) & set(second))


def test_equal_words_share_every_band_whatever_their_case_and_punctuation() -> None:
    assert shared(TEXT, TEXT.upper().replace(" ", ", ")) == BANDS


def test_a_small_edit_leaves_a_band_and_another_text_none() -> None:
    assert shared(TEXT, " ".join([*WORDS[:200], "new", *WORDS[200:]])) > 0
    assert shared(TEXT, " ".join(f"other{n}" for n in range(400))) == 0


def test_the_signature_of_a_text_is_the_same_for_ever() -> None:
    keys = band_keys(minhash(shingles(pl.Series(["The quick brown fox jumps over the lazy dog."]))[0]))
    assert keys[:3].tolist() == [5339216739465410, -4363169601265050530, 8782932228152535583]


def test_the_estimate_is_close_to_the_exact_similarity() -> None:
    changed = " ".join(word if n % 40 else "x" for n, word in enumerate(WORDS))
    slots = [minhash(each) for each in shingles(pl.Series([TEXT, changed]))]
    assert abs(float((slots[0] == slots[1]).mean()) - jaccard(TEXT, changed)) < 0.13


@pytest.mark.parametrize(
    ("a", "b", "wanted"),
    [
        ("a b c d e f", "a b c d e f", 1.0),
        ("a b c d e f", "a b c d e g", 1 / 3),
        ("a b", "A, B!", 1.0),
        ("a b", "a b c", 0.0),
        ("", "", 1.0),
        ("", "a", 0.0),
        ("数据库需要重启", "数据库需要重启吧", 3 / 4),
    ],
)
def test_similarity_is_shared_shingles_over_all(a: str, b: str, wanted: float) -> None:
    assert jaccard(a, b) == pytest.approx(wanted)


def test_a_text_without_words_has_no_shingle() -> None:
    assert sign(frame("", "?!", "one two"))["shingles"].to_list() == [0, 0, 1]


@given(st.text(), st.text())
def test_similarity_is_symmetric_and_one_with_oneself(a: str, b: str) -> None:
    assert jaccard(a, b) == jaccard(b, a)
    assert jaccard(a, a) == 1.0


def test_a_row_does_not_depend_on_its_batch() -> None:
    texts = [TEXT, "", "one two three", "数据库需要重启"]
    together = sign(frame(*texts))["bands"].to_list()
    assert together == [sign(frame(text))["bands"].to_list()[0] for text in texts]


def test_no_text_takes_more_than_linear_time(
    hostile: str, growth: Callable[[Callable[[str], object], str], float]
) -> None:
    assert growth(lambda text: sign(frame(text)), hostile) < 8
