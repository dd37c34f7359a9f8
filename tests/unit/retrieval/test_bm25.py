"""Lexical search."""

from __future__ import annotations

import numpy as np
import polars as pl

from dataalchemy_pipelines.retrieval.bm25 import K1, B, Bm25, words

TEXTS = pl.Series(["the backup runs at night", "the night shift has two people", "expenses need a receipt", ""])


def test_a_word_that_few_texts_hold_weighs_more_than_one_that_many_hold() -> None:
    scores = Bm25.of(TEXTS).scores("backup night")
    assert scores.argmax() == 0
    assert scores[1] > 0 == scores[2]


def test_the_score_is_the_textbook_formula_over_what_the_words_could_reach() -> None:
    index = Bm25.of(TEXTS)
    mean_length = (5 + 6 + 4 + 0) / 4
    idf = np.log1p((4 - 1 + 0.5) / 1.5)
    weight = idf * (K1 + 1) / (1 + K1 * (1 - B + B * 4 / mean_length))
    np.testing.assert_allclose(index.scores("receipt")[2], weight / (idf * (K1 + 1)), rtol=1e-6)


def test_words_that_no_text_holds_lower_the_share() -> None:
    index = Bm25.of(TEXTS)
    assert 0 < index.scores("receipt quasar pulsar")[2] < index.scores("receipt")[2] / 2


def test_japanese_is_found_by_pairs_of_characters_and_beside_latin_words() -> None:
    found = words(pl.Series(["有給休暇はVPN経由"]))["word"].to_list()
    assert {"有給", "給休", "休暇", "vpn", "経由"} <= set(found)
    scores = Bm25.of(pl.Series(["有給休暇の申請", "経費の精算"])).scores("休暇")
    assert scores[0] > 0 == scores[1]


def test_width_case_and_plural_do_not_matter_but_other_words_in_s_keep_it() -> None:
    found = words(pl.Series(["Ｂackups STATUS address bus"]))["word"].to_list()
    assert found == ["backup", "status", "address", "bus"]


def test_no_texts_no_words_and_odd_queries_give_zeros() -> None:
    assert Bm25.of(pl.Series([], dtype=pl.String)).scores("x").shape == (0,)
    assert Bm25.of(TEXTS).scores("?! ").tolist() == [0, 0, 0, 0]
