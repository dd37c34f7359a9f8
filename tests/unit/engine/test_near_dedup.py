"""Every duplicate is like the document that is kept, and the answer depends on the documents alone."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence
from itertools import combinations
from pathlib import Path

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dataalchemy_pipelines.core.errors import WrongInput
from dataalchemy_pipelines.core.records import CLUSTERS
from dataalchemy_pipelines.engine.near_dedup import DedupSettings, candidate_pairs, capped_buckets, cluster
from dataalchemy_pipelines.transforms.minhash import jaccard, sign

REVISIONS = Path(__file__).parents[4] / "shared" / "data" / "dedup_revisions"
WORDS = [f"word{n}" for n in range(120)]
TEXT = " ".join(WORDS)


def signed(texts: dict[str, str]) -> pl.DataFrame:
    rows = [
        {
            "doc_id": doc_id,
            "source": "s",
            "native_id": doc_id,
            "version": 1,
            "text": text,
            "content_sha256": digest(text),
        }
        for doc_id, text in texts.items()
    ]
    return sign(pl.DataFrame(rows))


def digest(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()


def clustered(texts: dict[str, str], options: DedupSettings | None = None) -> pl.DataFrame:
    def read(doc_ids: Sequence[str]) -> dict[str, str]:
        return {doc_id: texts[doc_id] for doc_id in doc_ids}

    return cluster(signed(texts), read, options or DedupSettings())


def outcomes(rows: pl.DataFrame) -> dict[str, tuple[str, str | None]]:
    return {row["doc_id"]: (row["reason"], row["matched_doc_id"]) for row in rows.iter_rows(named=True)}


def edited(*places: int) -> str:
    return " ".join("edit" if n in places else word for n, word in enumerate(WORDS))


def test_the_longest_is_kept_and_copies_go_to_it() -> None:
    texts = {"c": TEXT, "a": TEXT, "b": TEXT + " and a little more", "d": "something else altogether, of six words"}
    rows = clustered(texts)
    assert outcomes(rows) == {"a": ("near", "b"), "b": ("", None), "c": ("near", "b"), "d": ("", None)}
    assert rows.filter(pl.col("doc_id") == "c")["jaccard"][0] == pytest.approx(jaccard(texts["b"], texts["c"]))
    assert rows["cluster_id"].to_list() == ["b", "b", "b", "d"]


def test_equal_texts_are_exact_duplicates_of_the_smallest_id() -> None:
    rows = clustered({"b": TEXT, "a": TEXT, "x": "hi", "w": "hi", "empty": "", "void": ""})
    assert outcomes(rows) == {
        "a": ("", None), "b": ("exact", "a"), "w": ("", None), "x": ("exact", "w"),
        "empty": ("", None), "void": ("exact", "empty"),
    }  # fmt: skip


def test_a_chain_of_small_edits_does_not_join_its_ends() -> None:
    texts = {f"v{n:02d}": edited(*range(0, 6 * n, 6)) for n in range(15)}
    rows = clustered(texts)
    duplicates = rows.filter(pl.col("outcome") == "duplicate_of")
    assert len(duplicates) > 5
    assert rows.filter(pl.col("outcome") == "kept").height > 1
    for doc_id, kept, similarity in duplicates.select("doc_id", "matched_doc_id", "jaccard").iter_rows():
        assert similarity == pytest.approx(jaccard(texts[doc_id], texts[kept]))
        assert similarity >= 0.8


@settings(max_examples=25, deadline=None)
@given(st.permutations(range(12)))
def test_the_answer_does_not_depend_on_the_order_of_rows(order: list[int]) -> None:
    texts = [edited(*range(0, 5 * (n % 4), 5)) + " x" * (n % 3) for n in range(12)]
    named = {f"{n:02d}": texts[n] for n in order}
    assert clustered(named).equals(clustered(dict(sorted(named.items()))))


def test_signatures_made_in_two_batches_give_the_same_as_in_one() -> None:
    texts = {f"{n:02d}": edited(*range(0, 4 * (n % 5), 4)) for n in range(20)}
    first = {k: v for k, v in texts.items() if k < "10"}
    second = {k: v for k, v in texts.items() if k >= "10"}
    rows = cluster(pl.concat([signed(second), signed(first)]), lambda ids: {i: texts[i] for i in ids}, DedupSettings())
    assert rows.equals(clustered(texts))


def test_a_hot_bucket_gives_pairs_in_proportion_to_its_documents_and_is_counted() -> None:
    texts = {f"{n:04d}": TEXT + f" number {n}" for n in range(300)}
    options = DedupSettings(max_bucket_documents=50)
    pairs = list(candidate_pairs(signed(texts), options))
    assert len(pairs) < 14 * 2 * len(texts)
    assert capped_buckets(signed(texts), options) > 0
    assert capped_buckets(signed(texts), DedupSettings()) == 0
    assert clustered(texts, options)["outcome"].value_counts().height == 2


def test_rows_have_the_columns_of_the_table() -> None:
    bookkeeping = {"recipe_version", "input_sha256", "row_sha256"}
    rows = clustered({"a": TEXT})
    assert set(rows.columns) == {name for name in CLUSTERS.schema.names if name not in bookkeeping}
    assert len(cluster(signed({"a": TEXT}).head(0), lambda ids: {}, DedupSettings())) == 0


def test_a_missing_text_and_a_document_signed_twice_are_errors() -> None:
    both = signed({"a": TEXT, "b": TEXT + " more"})
    with pytest.raises(WrongInput, match="has no text"):
        cluster(both, lambda ids: {}, DedupSettings())
    with pytest.raises(WrongInput, match="signed twice"):
        cluster(pl.concat([both, both]), lambda ids: {}, DedupSettings())


@pytest.mark.skipif(not REVISIONS.is_dir(), reason="the labelled set is not here")
def test_revisions_of_a_page_are_found_and_no_two_of_them_are_both_kept() -> None:
    texts = {row["id"]: row["text"] for row in map(json.loads, (REVISIONS / "docs.jsonl").read_text().splitlines())}
    rows = clustered(texts)
    kept = rows.filter(pl.col("outcome") == "kept")["doc_id"].to_list()
    pages = {doc_id: doc_id.partition("-")[0] for doc_id in texts}
    left = [(a, b) for a, b in combinations(kept, 2) if pages[a] == pages[b] and jaccard(texts[a], texts[b]) >= 0.8]
    assert left == []
    matched = rows.filter(pl.col("outcome") == "duplicate_of").select("doc_id", "matched_doc_id").rows()
    assert len(matched) >= 95
    assert all(jaccard(texts[a], texts[b]) >= 0.8 for a, b in matched)
