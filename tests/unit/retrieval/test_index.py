"""The index: who may read, what is found, and that it is what its digest says."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import polars as pl
import pytest
from numpy.typing import NDArray

from dataalchemy_pipelines.retrieval.index import Index, IndexRef, build, fetch, load, passages, store
from resources.errors import Damaged, Misconfigured, NotFound
from resources.lake import LocalLake

ROWS = [
    ("c1", "d1", "handbook/leave.md", "Leave", "Employees have 28 days of leave.", ["public"]),
    ("c2", "d2", "legal/merger.md", "Merger", "The merger with Acme closes in May.", ["group:legal"]),
    ("c3", "d3", "lost.md", "Lost", "The merger code name is Bluebird.", []),
    ("c4", "d4", "jira/OPS-1", "Outage", "The outage lasted 40 minutes.", ["jira:OPS", "group:legal"]),
]


def chunk_frame() -> pl.DataFrame:
    columns = ["chunk_id", "doc_id", "native_id", "title", "text", "access"]
    frame = pl.DataFrame(ROWS, schema=columns, orient="row").with_columns(
        access=pl.col("access").cast(pl.List(pl.String))
    )
    headings = pl.lit([], dtype=pl.List(pl.String))
    return frame.with_columns(position=pl.lit(0, dtype=pl.Int32), heading_path=headings)


def vectors(order: list[int]) -> NDArray[np.float32]:
    return np.eye(4, dtype=np.float32)[order]


@pytest.fixture
def index() -> Index:
    return load(*build(chunk_frame(), vectors([0, 1, 2, 3])))


def test_nobody_finds_what_they_may_not_read_however_near_it_is(index: Index) -> None:
    nearest_to_secret = vectors([1])[0]
    found = index.search("merger Acme May", nearest_to_secret, principals=["jira:OPS"], k=10)
    assert {hit.doc_id for hit in found} == {"d1", "d4"}
    found = index.search("merger Acme May", nearest_to_secret, principals=["group:legal"], k=10)
    assert found[0].doc_id == "d2"
    assert len(found) == 3


def test_a_chunk_without_access_is_closed_to_everyone(index: Index) -> None:
    everyone = ["public", "group:legal", "jira:OPS", ""]
    assert "d3" not in {
        hit.doc_id for hit in index.search("merger Bluebird", vectors([2])[0], principals=everyone, k=10)
    }


def test_somebody_without_principals_reads_what_is_public(index: Index) -> None:
    assert [hit.doc_id for hit in index.search("leave", vectors([0])[0], principals=[], k=10)] == ["d1"]


def test_an_index_narrowed_by_the_access_of_now_loses_rights_and_never_gains_them(index: Index) -> None:
    now = {"d1": ["public"], "d2": ["group:sales", "group:legal"], "d4": ["group:legal"]}
    narrowed = index.narrowed(now)
    assert narrowed.readable(["jira:OPS", "group:sales"]).tolist() == [True, False, False, False]
    assert narrowed.readable(["group:legal"]).tolist() == [True, True, False, True]
    assert narrowed.narrowed({}).readable(["group:legal"]).sum() == 0


def test_equal_chunks_in_another_order_give_equal_bytes(index: Index) -> None:
    straight = build(chunk_frame(), vectors([0, 1, 2, 3]))
    shuffled = build(chunk_frame()[[2, 0, 3, 1]], vectors([2, 0, 3, 1]))
    assert straight == shuffled


def test_meaning_decides_where_no_word_is_shared(index: Index) -> None:
    hit = index.search("vacation", vectors([0])[0], principals=[], k=1)[0]
    assert (hit.doc_id, hit.lexical) == ("d1", 0)
    assert hit.semantic == pytest.approx(1, abs=1e-3)


def test_a_passage_is_title_headings_and_text() -> None:
    frame = chunk_frame()[:1].with_columns(heading_path=pl.lit(["Rules", "Annual"], dtype=pl.List(pl.String)))
    assert passages(frame) == ["Leave\nRules / Annual\nEmployees have 28 days of leave."]


def test_an_index_comes_back_from_the_lake_and_a_changed_byte_is_noticed(tmp_path: Path) -> None:
    lake = LocalLake(root=str(tmp_path))
    ref = store(lake, chunk_frame(), vectors([0, 1, 2, 3]))
    assert fetch(lake, IndexRef(**ref.as_value())).chunks["chunk_id"].to_list() == ["c1", "c2", "c3", "c4"]
    with pytest.raises(NotFound):
        fetch(lake, IndexRef("0" * 64, ref.vectors))
    key = f"objects/indexes/{ref.chunks}.arrow"
    lake.put(key, lake.get(key)[:-1] + b"x")
    with pytest.raises(Damaged):
        fetch(lake, ref)


def test_chunks_and_vectors_that_do_not_belong_together_are_refused() -> None:
    with pytest.raises(Misconfigured):
        build(chunk_frame(), vectors([0, 1]))
    chunks, _ = build(chunk_frame(), vectors([0, 1, 2, 3]))
    _, other = build(chunk_frame()[:2], vectors([0, 1]))
    with pytest.raises(Damaged):
        load(chunks, other)
    with pytest.raises(Damaged):
        load(b"no arrow", other)


def test_an_empty_index_finds_nothing() -> None:
    empty = load(*build(chunk_frame()[:0], np.zeros((0, 4), dtype=np.float32)))
    assert empty.search("anything", vectors([0])[0], principals=["public"], k=3) == []
