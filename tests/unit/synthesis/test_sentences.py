"""Sentences of Markdown chunks."""

from __future__ import annotations

import time

from hypothesis import given
from hypothesis import strategies as st

from dataalchemy_pipelines.synthesis.sentences import sentences


def test_paragraphs_and_items_give_sentences_and_headings_tables_and_code_do_not() -> None:
    prose = "# Backups run\n\nThey run nightly. Ask ops\nfirst.\n- One item. Two.\n1. Third\n"
    text = f"{prose}| a | b |\n```\nrm it.\n```\n> Said so."
    assert sentences(text) == ["They run nightly.", "Ask ops first.", "One item.", "Two.", "Third", "Said so."]


def test_abbreviations_initials_and_numbers_do_not_end_a_sentence() -> None:
    text = "Ask e.g. Dr. Smith or J. Doe at 3.5 percent. It costs approx. 20 euros."
    assert sentences(text) == ["Ask e.g. Dr. Smith or J. Doe at 3.5 percent.", "It costs approx. 20 euros."]


def test_japanese_sentences_end_without_a_blank() -> None:
    assert sentences("休暇は二十日です。申請は三日前です。") == ["休暇は二十日です。", "申請は三日前です。"]


@given(st.text(alphabet='Ab.!? \n-#|`"*。1', max_size=200))
def test_every_sentence_is_a_stretch_of_the_text(text: str) -> None:
    folded = " ".join(text.split())
    for sentence in sentences(text):
        assert sentence
        assert all(piece in folded for piece in sentence.split())


def test_four_times_the_text_takes_about_four_times_the_time() -> None:
    def seconds(text: str) -> float:
        taken = []
        for _ in range(3):
            start = time.process_time()
            sentences(text)
            taken.append(time.process_time() - start)
        return min(taken)

    for unit in ("a. ", "A. ", "A.B.", "* ", '"." ', "\n- a"):
        assert seconds(unit * 200_000) < 8 * seconds(unit * 50_000) + 0.05
