"""Supervised pairs: deterministic, accounted for, and readable only by who may read their chunks."""

from __future__ import annotations

import polars as pl
import pytest
from pydantic import ValidationError

from dataalchemy_pipelines.core.records import SFT_PAIRS
from dataalchemy_pipelines.synthesis.generate import PairSettings, all_may_read, make_pairs
from dataalchemy_pipelines.synthesis.grounding import fold
from dataalchemy_pipelines.synthesis.prompts import ABSTAIN

SUBJECTS = ["Kestrel", "Marlin", "Heron", "Osprey", "Plover", "Curlew"]
THINGS = ["gateway", "ledger", "scheduler", "mirror", "archive"]


def corpus(count: int = 60) -> pl.DataFrame:
    """Chunks of two sentences each, two a document, a third of them for the legal group only."""
    rows = []
    for number in range(count):
        subject, thing = SUBJECTS[number % 6], THINGS[number % 5]
        fact = f"The {subject} {thing} restarts node{number} after {number + 2} minutes."
        text = f"{fact} Plain filler of nobody stands here."
        access = ["group:legal"] if number % 3 == 0 else ["public"]
        rows.append((f"d{number // 2:02}", f"c{number:03}", f"{subject} {thing}", text, access))
    columns = ["doc_id", "chunk_id", "title", "text", "access"]
    frame = pl.DataFrame(rows, schema=columns, orient="row")
    return frame.with_columns(
        pl.lit("files").alias("source"),
        pl.col("doc_id").alias("native_id"),
        pl.lit(1, dtype=pl.Int32).alias("version"),
        pl.lit("en").alias("language"),
        pl.lit([], dtype=pl.List(pl.String)).alias("heading_path"),
    )


CORPUS = corpus()
SETTINGS = PairSettings()
PAIRS = make_pairs(CORPUS, CORPUS, SETTINGS)
KEPT = PAIRS.filter(pl.col("outcome") == "kept")


def test_rows_have_the_columns_of_the_table_but_those_of_the_engine() -> None:
    assert set(SFT_PAIRS.schema.names) - set(PAIRS.columns) == {"recipe_version", "input_sha256", "row_sha256"}


def test_every_chunk_gives_pairs_or_one_row_with_a_reason() -> None:
    dull = CORPUS[:1].with_columns(chunk_id=pl.lit("dull"), text=pl.lit("Thank you."))
    rows = make_pairs(pl.concat([CORPUS, dull]), CORPUS, SETTINGS)
    assert set(rows["doc_id"]) == set(CORPUS["doc_id"])
    rejected = rows.filter(pl.col("outcome") == "rejected")
    assert rejected.select("chunk_ids", "reason", "prompt").rows() == [(["dull"], "no_informative_sentence", None)]


def test_a_quote_stands_in_the_source_that_it_cites() -> None:
    quotes = KEPT.filter(pl.col("kind") == "quote")
    assert len(quotes) > 20
    for row in quotes.to_dicts():
        sentence, number = row["completion"].rsplit(" [", 1)
        block = row["prompt"].split(f"\n\n[{number[:-1]}]", 1)[1].split("\n\n[")[0]
        assert fold(sentence) in fold(block)
        assert row["prompt"].count(sentence) == 1, "the answer stands in one source only"


def test_an_abstaining_pair_does_not_show_the_answer_and_shares_follow_the_settings() -> None:
    shares = dict(KEPT.group_by("kind").len().iter_rows())
    assert 0 < shares["no_sources"] < shares["quote"]
    assert 0 < shares["abstain"] < shares["quote"]
    only = make_pairs(CORPUS, CORPUS, PairSettings(abstain_share=0.5, no_sources_share=0.5))
    assert set(only["completion"]) == {ABSTAIN}
    for row in only.to_dicts():
        own = CORPUS.filter(pl.col("doc_id") == row["doc_id"])["text"]
        assert not any(text.split(". ")[0] in row["prompt"] for text in own)


def test_pairs_do_not_depend_on_order_or_batch() -> None:
    shuffled = CORPUS.sample(fraction=1, shuffle=True, seed=1)
    parts = [make_pairs(shuffled[start : start + 7], shuffled, SETTINGS) for start in range(0, len(shuffled), 7)]
    assert pl.concat(parts).sort("pair_id").equals(PAIRS.sort("pair_id"))


def test_another_seed_gives_other_pairs() -> None:
    assert not set(make_pairs(CORPUS, CORPUS, PairSettings(seed=8))["pair_id"]) & set(PAIRS["pair_id"])


def test_whoever_may_read_a_pair_may_read_every_chunk_in_it() -> None:
    access_of = dict(CORPUS.select("chunk_id", "access").iter_rows())
    assert any(
        len(ids) > 1 and access == ["group:legal"] for ids, access in KEPT.select("chunk_ids", "access").iter_rows()
    )
    for ids, access in KEPT.select("chunk_ids", "access").iter_rows():
        for chunk_id in ids:
            held = access_of[chunk_id]
            assert "public" in held or set(access) <= set(held)


@pytest.mark.parametrize("labels", [[], None])
def test_a_chunk_that_nobody_may_read_gives_no_pair_and_says_so(labels: list[str] | None) -> None:
    closed = CORPUS.with_columns(access=pl.lit(labels, dtype=pl.List(pl.String)))
    rows = make_pairs(closed[:5], CORPUS, SETTINGS)
    assert rows.select("outcome", "reason", "prompt", "completion").unique().rows() == [
        ("rejected", "nobody_may_read", None, None)
    ]
    assert set(rows["doc_id"]) == set(closed[:5]["doc_id"])


def test_a_chunk_that_nobody_may_read_is_no_distractor_either() -> None:
    closed = pl.col("doc_id") < "d15"
    labelled = CORPUS.with_columns(
        access=pl.when(closed).then(pl.lit([], dtype=pl.List(pl.String))).otherwise("access")
    )
    hidden = set(labelled.filter(closed)["chunk_id"])
    shown = make_pairs(labelled, labelled, SETTINGS).filter(pl.col("outcome") == "kept")["chunk_ids"].explode()
    assert len(shown) > 20 and not hidden & set(shown)


@pytest.mark.parametrize(
    ("access", "readers", "expected"),
    [
        (["public"], ["group:legal"], True),
        (["public"], [], True),
        (["group:legal", "local"], ["local"], True),
        (["group:legal"], ["group:legal", "local"], False),
        (["group:legal"], [], False),
        ([], ["local"], False),
        ([], [], False),
    ],
)
def test_everyone_is_never_nobody(access: list[str], readers: list[str], expected: bool) -> None:
    assert all_may_read(access, readers) is expected


def test_distractors_come_from_other_documents_and_share_words() -> None:
    doc_of = dict(CORPUS.select("chunk_id", "doc_id").iter_rows())
    for doc_id, ids in KEPT.select("doc_id", "chunk_ids").iter_rows():
        assert [doc_of[chunk_id] for chunk_id in ids].count(doc_id) == 1


def test_max_samples_keeps_the_first_by_hash_whatever_the_batch() -> None:
    few = PairSettings(max_samples=10)
    rows = make_pairs(CORPUS, CORPUS, few)
    kept = rows.filter(pl.col("outcome") == "kept")
    assert len(kept) == 10
    assert set(kept["pair_id"]) <= set(PAIRS["pair_id"])
    assert set(rows.filter(pl.col("outcome") == "rejected")["reason"]) == {"beyond_max_samples"}
    halves = [make_pairs(CORPUS[:30], CORPUS, few), make_pairs(CORPUS[30:], CORPUS, few)]
    assert pl.concat(halves).sort("doc_id", "chunk_ids").equals(rows.sort("doc_id", "chunk_ids"))


def test_settings_that_contradict_each_other_are_refused() -> None:
    with pytest.raises(ValidationError):
        PairSettings(min_words=30, max_words=20)
    with pytest.raises(ValidationError):
        PairSettings(max_samples=0)
