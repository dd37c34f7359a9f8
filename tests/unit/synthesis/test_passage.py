"""Passages: verbatim, from the nearest sentence on, short."""

from __future__ import annotations

import random

import pytest

from dataalchemy_pipelines.synthesis.passage import FIRST, PASSAGE_CHARS, passage, passage_with, segments

FILLER = "Nothing of interest is said in this sentence of some length. "
OVEN = "The oven of line 2, e.g. in summer, runs\nat 60 degrees."
TEXT = FILLER * 8 + OVEN + " " + FILLER * 8


@pytest.mark.parametrize("text", [TEXT, "one line", "a\n\nb. C? 温度。高い", "  \n", "Version 1.2.3 is out!\n- item"])
def test_segments_are_the_text(text: str) -> None:
    assert "".join(segments(text)) == text


def test_a_passage_begins_with_the_nearest_segment_and_stays_short() -> None:
    found = passage(TEXT, lambda part: float("oven" in part))
    assert found in TEXT and found.startswith("The oven") and PASSAGE_CHARS / 2 < len(found) <= PASSAGE_CHARS
    assert passage(TEXT, lambda part: 0.0).startswith("Nothing"), "of equals the first"
    assert passage("Short.", lambda part: 0.0) == "Short."


def drawn(text: str, sentence: str) -> list[str]:
    return [passage_with(text, sentence, random.Random(seed)) for seed in range(300)]


def test_a_sentence_is_never_cut_by_an_abbreviation_a_line_or_its_own_length() -> None:
    sentence = " ".join(OVEN.split())
    assert all(found in TEXT and sentence in " ".join(found.split()) for found in drawn(TEXT, sentence))
    endless = "The oven " + "is hot and " * 60 + "stays so."
    assert set(drawn(f"{FILLER}{endless} {FILLER}", endless)) == {endless}
    assert passage(f"{FILLER}{endless} {FILLER}", lambda part: float("oven" in part)) == endless


def test_a_passage_begins_with_its_sentence_as_often_as_a_search_finds_it() -> None:
    found = drawn(TEXT, " ".join(OVEN.split()))
    assert all(len(text) <= PASSAGE_CHARS for text in found)
    assert sum(text.startswith("The oven") for text in found) / len(found) == pytest.approx(FIRST, abs=0.1)


def test_a_sentence_that_does_not_stand_there_as_it_is_leaves_the_text_whole() -> None:
    assert set(drawn("> The oven\n> is hot.", "The oven is hot.")) == {"> The oven\n> is hot."}
