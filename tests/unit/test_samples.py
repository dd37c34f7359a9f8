"""The bundled samples agree with their two lists, and with what the parsers and the recipe make of them."""

from __future__ import annotations

import json
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import polars as pl
import pytest

from dataalchemy_pipelines.cli.demo import NOT_DOCUMENTS
from dataalchemy_pipelines.cli.expectations import load_expectations
from dataalchemy_pipelines.connectors.documents import Folder
from dataalchemy_pipelines.core.records import RawRecord, doc_id_of
from dataalchemy_pipelines.parsing.formats import parse
from dataalchemy_pipelines.parsing.verdict import Input, Unparsable
from dataalchemy_pipelines.serving.judge import Question, read_questions
from dataalchemy_pipelines.transforms.chunk import ChunkSettings, split
from dataalchemy_pipelines.transforms.recipe import RecipeSettings, clean
from dataalchemy_pipelines.transforms.redact import find

SAMPLES = Path(__file__).parents[2] / "samples"
WHEN = datetime(2026, 1, 1, tzinfo=UTC)


@dataclass(frozen=True)
class Ending:
    """Where one input ends before duplicates are sought: stage, outcome, reason, and the chunks of a kept one."""

    stage: str
    outcome: str
    reason: str
    chunks: tuple[str, ...] = ()


@pytest.fixture(scope="module")
def inputs() -> dict[str, Any]:
    return dict(load_expectations(SAMPLES / "expected.json")["inputs"])


@pytest.fixture(scope="module")
def groups() -> list[dict[str, Any]]:
    return list(load_expectations(SAMPLES / "expected.json")["groups"])


@pytest.fixture(scope="module")
def questions() -> list[Question]:
    return read_questions((SAMPLES / "questions.jsonl").read_text(encoding="utf-8"))


@pytest.fixture(scope="module")
def endings() -> dict[str, Ending]:
    """Every record of the folder, parsed and cleaned in this process."""
    found: dict[str, Ending] = {}
    parsed: list[dict[str, Any]] = []
    for record in Folder(SAMPLES, ("local",), exclude=frozenset(NOT_DOCUMENTS)).records():
        try:
            parsed.append(_parsed(record))
        except Unparsable as verdict:
            found[record.native_id] = Ending("documents", verdict.outcome, verdict.reason)
    rows = clean(pl.DataFrame(parsed), RecipeSettings())
    for before, row in zip(parsed, rows.iter_rows(named=True), strict=True):
        chunks = tuple(_folded(piece.text) for piece in split(row["text"] or "", ChunkSettings()))
        found[before["native_id"]] = Ending("clean_documents", row["outcome"], row["reason"], chunks)
    return found


def _parsed(record: RawRecord) -> dict[str, Any]:
    document, _ = parse(record.payload or b"", Input(record.native_id, record.kind, record.media_type))
    row = {"doc_id": doc_id_of("samples", record.native_id), "source": "samples", "version": 1, "access": ["local"]}
    about = {"native_id": record.native_id, "kind": record.kind, "created_at": WHEN, "updated_at": WHEN}
    return {**row, **about, "title": document.title, "text": document.text}


def _folded(text: str) -> str:
    return " ".join(text.split())


def _files() -> set[str]:
    paths = (path.relative_to(SAMPLES).as_posix() for path in SAMPLES.rglob("*") if path.is_file())
    return set(paths) - set(NOT_DOCUMENTS)


def test_there_are_at_least_sixty_files_of_less_than_1500_kilobytes_together() -> None:
    assert len(_files()) >= 60
    assert sum((SAMPLES / name).stat().st_size for name in _files()) < 1_500_000


def test_every_file_is_expected_and_every_expected_input_is_in_a_file(inputs: dict[str, Any]) -> None:
    files = _files()
    assert {name if name in files else name.rpartition("#")[0] for name in inputs} == files


def test_every_input_ends_as_the_list_says(inputs: dict[str, Any], endings: dict[str, Ending]) -> None:
    said = {name: (one["outcome"], one.get("reason", "")) for name, one in inputs.items()}
    assert {name: (one.outcome, one.reason) for name, one in endings.items()} == said
    stages = {name: one["stage"] for name, one in inputs.items() if "stage" in one}
    assert {name: endings[name].stage for name in stages} == stages


def test_the_members_of_each_group_are_inputs_that_are_kept(
    inputs: dict[str, Any], groups: list[dict[str, Any]]
) -> None:
    assert {group["kind"] for group in groups} == {"exact", "near"}
    members = [name for group in groups for name in group["members"]]
    assert len(members) == len(set(members))
    assert {inputs[name]["outcome"] for name in members} == {"kept"}


def test_there_are_at_least_forty_questions_and_each_has_an_id_of_its_own(questions: list[Question]) -> None:
    assert len(questions) >= 40
    assert len({question.id for question in questions}) == len(questions)


def test_the_questions_spread_over_many_documents_that_are_all_kept(
    inputs: dict[str, Any], questions: list[Question]
) -> None:
    asked = {name for question in questions for name in question.documents}
    assert len(asked) >= 35
    assert {inputs[name]["outcome"] for name in asked} == {"kept"}


def test_a_question_on_a_duplicate_names_the_whole_group(
    groups: list[dict[str, Any]], questions: list[Question]
) -> None:
    for group in groups:
        members = set(group["members"])
        assert all(members <= set(q.documents) for q in questions if members & set(q.documents))


def test_each_excerpt_stands_in_one_chunk_of_a_document_of_its_question(
    questions: list[Question], endings: dict[str, Ending]
) -> None:
    lost = [
        question.id
        for question in questions
        if not any(question.excerpt in chunk for name in question.documents for chunk in endings[name].chunks)
    ]
    assert lost == []


def test_excerpts_are_sentences_of_a_sensible_length_and_nothing_asked_is_personal(questions: list[Question]) -> None:
    assert [q.id for q in questions if not 30 <= len(q.excerpt) <= 250 or _folded(q.excerpt) != q.excerpt] == []
    assert find("\n\n".join(f"{q.question}\n{q.answer}\n{q.excerpt}" for q in questions)) == []


def test_many_values_are_planted_and_none_of_them_stands_in_the_questions(
    inputs: dict[str, Any], questions: list[Question]
) -> None:
    planted = {value for one in inputs.values() for value in one.get("lacks", [])}
    assert len(planted) >= 40
    said = json.dumps([question.model_dump() for question in questions], ensure_ascii=False)
    assert [value for value in planted if value in said] == []
