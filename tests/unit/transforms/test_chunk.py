"""Chunks are slices, no longer than the maximum, cut where the text pauses."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from dataalchemy_pipelines.transforms.chunk import ChunkSettings, chunk, split

EVALUATION = Path(__file__).parents[4] / "shared" / "data" / "chunking_eval"
SETTINGS = ChunkSettings()
SENTENCE = "The service is restarted by the operator after every upgrade of the base image. "


def pieces(text: str) -> list[str]:
    return [piece.text for piece in split(text, SETTINGS)]


def test_a_short_document_is_one_chunk() -> None:
    assert pieces("One paragraph.\n\nAnother one.") == ["One paragraph.\n\nAnother one."]


def test_headings_cut_and_give_the_path() -> None:
    text = "# Guide\n\n## Install\n\nRun it.\n\n## Use\n\nAsk it.\n\n# Licence\n\nFree."
    assert [(piece.headings, piece.text) for piece in split(text, SETTINGS)] == [
        (("Guide", "Install"), "# Guide\n\n## Install\n\nRun it."),
        (("Guide", "Use"), "## Use\n\nAsk it."),
        (("Licence",), "# Licence\n\nFree."),
    ]


def test_a_heading_mark_in_a_fence_is_code() -> None:
    assert len(pieces("Before.\n\n```sh\n# not a heading\nrun\n```\n\nAfter.")) == 1


def test_a_paragraph_too_long_is_cut_between_sentences() -> None:
    parts = pieces(SENTENCE * 40)
    assert len(parts) > 2
    assert all(part.endswith("image.") and len(part) <= SETTINGS.max_chars for part in parts)


def test_an_abbreviation_ends_no_sentence() -> None:
    sentence = "Mr. Smith and Dr. Jones met J. Doe, i.e. the operator, in St. Gallen on the first day. "
    assert all(part.startswith("Mr. Smith") for part in pieces(sentence * 30))


def test_a_table_that_fits_stays_whole() -> None:
    table = "| name | port |\n| --- | --- |\n" + "".join(f"| service {n} | {8000 + n} |\n" for n in range(35))
    parts = pieces(SENTENCE * 8 + "\n\n" + table + "\n" + SENTENCE * 8)
    assert any(table.strip() in part for part in parts)


def test_a_fence_that_fits_stays_whole_though_it_holds_sentences_and_blank_lines() -> None:
    fence = "```\n" + "Echo one. Echo two.\n\n" * 35 + "```"
    parts = pieces(SENTENCE * 9 + "\n\n" + fence + "\n" + SENTENCE * 9)
    assert any(fence in part for part in parts)


def test_a_long_table_is_cut_between_rows_and_a_long_list_between_items() -> None:
    rows = pieces("".join(f"| {n} | some words about number {n} |\n" for n in range(100)))
    items = pieces("".join(f"- item {n} has a few words\n  and goes on here\n" for n in range(100)))
    assert len(rows) > 1
    assert all(part.startswith("| ") and part.endswith("|") for part in rows)
    assert len(items) > 1
    assert all(part.startswith("- item") for part in items)


def test_what_has_no_pause_is_cut_at_the_maximum() -> None:
    assert [len(part) for part in pieces("x" * 2500)] == [1000, 1000, 500]


@given(st.text(alphabet=st.sampled_from("ab.!?\n #|-`*1 中。")))
def test_nothing_but_blanks_is_lost_and_no_chunk_is_too_long(text: str) -> None:
    settings = ChunkSettings(max_chars=200, target_chars=100)
    parts = [piece.text for piece in split(text * 20, settings)]
    assert "".join("".join(parts).split()) == "".join((text * 20).split())
    assert all(part.strip() and len(part) <= 200 for part in parts)


def test_rows_carry_the_document_and_are_named_by_content() -> None:
    rows = chunk(documents("# A\n\none\n\n# B\n\ntwo"), SETTINGS)
    assert rows["position"].to_list() == [0, 1]
    assert rows["heading_path"].to_list() == [["A"], ["B"]]
    assert rows["access"].to_list() == [["public"], ["public"]]
    assert rows["outcome"].to_list() == ["kept", "kept"]
    assert rows["chunk_id"].n_unique() == 2
    assert rows["chunk_id"].to_list() == chunk(documents("# A\n\none\n\n# B\n\ntwo"), SETTINGS)["chunk_id"].to_list()


def test_a_document_without_words_is_accounted_for() -> None:
    rows = chunk(documents("", "\n \n", None, "words"), SETTINGS)
    assert rows.select("outcome", "reason").rows() == [("rejected", "no_text")] * 3 + [("kept", "")]


def test_no_document_gives_no_row_and_the_right_columns() -> None:
    assert chunk(documents("x").head(0), SETTINGS).schema == chunk(documents("x"), SETTINGS).schema


def test_a_target_above_the_maximum_is_refused() -> None:
    with pytest.raises(ValidationError, match="target_chars"):
        ChunkSettings(max_chars=300, target_chars=400)


def test_no_text_takes_more_than_linear_time(
    hostile: str, growth: Callable[[Callable[[str], object], str], float]
) -> None:
    assert growth(pieces, hostile) < 8


@pytest.mark.skipif(not EVALUATION.is_dir(), reason="the labelled set is not here")
def test_excerpts_that_answer_questions_stay_whole() -> None:
    parts = {path.stem: pieces(path.read_text()) for path in (EVALUATION / "corpora").glob("*.md")}
    questions = [json.loads(line) for line in (EVALUATION / "questions.jsonl").read_text().splitlines()]
    whole = [
        any(reference["content"].strip() in part for part in parts[question["corpus"]])
        for question in questions
        for reference in question["references"]
    ]
    assert sum(whole) / len(whole) >= 0.95


def documents(*texts: str | None) -> pl.DataFrame:
    fixed = {"source": "s", "version": 1, "title": "T", "language": "en", "content_sha256": "0"}
    rows = [
        {"doc_id": f"{n:032x}", "native_id": str(n), **fixed, "access": ["public"], "text": text}
        for n, text in enumerate(texts)
    ]
    return pl.DataFrame(rows, schema_overrides={"text": pl.String})
