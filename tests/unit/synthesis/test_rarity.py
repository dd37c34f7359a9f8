"""Rarity of words in a pool."""

from __future__ import annotations

import math

import polars as pl

from dataalchemy_pipelines.synthesis.rarity import Pool, is_cjk, words_of


def pool(texts: list[str]) -> Pool:
    ids = [f"c{number:03}" for number in range(len(texts))]
    return Pool(pl.DataFrame({"chunk_id": ids, "title": [""] * len(texts), "text": texts}))


def test_a_word_in_every_chunk_weighs_nothing_and_one_in_a_single_chunk_is_rare() -> None:
    corpus = pool([f"common word{number}" for number in range(40)])
    assert corpus.weight("common") == 0
    assert corpus.weight("word7") == math.log(41 / 2)
    assert corpus.rare("word7") and not corpus.rare("common")


def test_the_nearest_share_the_rarest_words_and_ties_go_by_id() -> None:
    corpus = pool(["alpha beta", "alpha gamma", "beta", "delta"])
    assert corpus.nearest(["gamma", "alpha"], limit=2) == [1, 0]
    assert corpus.nearest(["alpha"], limit=9) == [0, 1]
    assert corpus.nearest(["absent"], limit=9) == []


def test_words_without_blanks_are_cut_into_pairs() -> None:
    assert words_of("VPN接続の手順, Foo_bar") == ["vpn", "接続", "の手", "順", "foo", "bar"]
    assert is_cjk("有給休暇は20日です") and not is_cjk("Leave (休暇) is 20 days")
