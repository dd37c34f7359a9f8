"""Four arms on the same questions: base and adapter, each without and with retrieval. Keep the verdict out: gate.py."""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from importlib.resources import files
from typing import Any

import polars as pl
from pydantic import BaseModel, Field

from dataalchemy_pipelines.core.errors import WrongInput
from dataalchemy_pipelines.core.records import EVALUATIONS
from dataalchemy_pipelines.publishing.gate import ADAPTER, ADAPTER_RETRIEVAL, BASE, BASE_RETRIEVAL, GENERAL
from dataalchemy_pipelines.retrieval.index import Index
from dataalchemy_pipelines.serving.focus import focus
from dataalchemy_pipelines.synthesis.grounding import token_f1, verbatim
from dataalchemy_pipelines.synthesis.prompts import Source, build_prompt
from resources.contracts import Llm, Progress


class JudgeSettings(BaseModel, frozen=True, extra="forbid"):
    """How questions are put; every arm gets the same ones, and the same sources."""

    most_questions: int = Field(120, ge=1, description="Questions asked, the first by a hash of their ids.")
    sources: int = Field(2, ge=1, le=5, description="Chunks shown in the two arms with retrieval.")
    generate_for: int = Field(16, ge=0, description="Questions that the two arms with retrieval also answer in words.")
    max_new_tokens: int = Field(64, ge=8, le=512, description="Longest answer; one that does not end counts so.")
    batch: int = Field(16, ge=1, description="Questions between two reports of progress.")


class Question(BaseModel, frozen=True):
    """A question by a person, with its short answer, the documents that answer it and the sentence that does."""

    id: str
    question: str
    answer: str = ""
    documents: tuple[str, ...] = Field(description="Native ids, any of which answers.")
    excerpt: str


@dataclass(frozen=True)
class Bench:
    """Who is judged, on which index, and as which reader questions are asked."""

    llm: Llm
    index: Index
    adapter: str
    principals: Collection[str]


@dataclass(frozen=True)
class Judgement:
    """``rows`` of ``evaluations``, and by arm the answers in words, which are kept nowhere but handed to the gate."""

    evaluation_id: str
    rows: pl.DataFrame
    answers: Mapping[str, Sequence[str]]


@dataclass(frozen=True)
class _Item:
    """One question as it is put: its prompts without and with sources, and the completion that is scored."""

    question: Question
    doc_id: str
    held_out: str
    bare: str
    sources: Sequence[Source]

    @property
    def prompt(self) -> str:
        return build_prompt(self.question.question, self.sources)


def read_questions(lines: str) -> list[Question]:
    """Questions of a JSONL text. Raises WrongInput with the number of the line that is none."""
    questions = []
    for number, line in enumerate(lines.splitlines(), start=1):
        if line.strip():
            try:
                questions.append(Question.model_validate_json(line))
            except ValueError as error:
                fix = "Give id, question, documents and excerpt as one JSON object a line."
                raise WrongInput("Not a question", subject=f"line {number}", fix=fix) from error
    return questions


def general_questions() -> list[Question]:
    """Everyday questions that no company document answers, against forgetting."""
    return read_questions(files(__package__).joinpath("general.jsonl").read_text("utf-8"))


def judge(
    questions: Sequence[Question], bench: Bench, *, seen: Collection[str], settings: JudgeSettings, progress: Progress
) -> Judgement:
    """Score the gold sentence in all arms, and let the two arms with retrieval answer.

    Args:
        questions: held out from training, in people's own words.
        bench: model, index, adapter, reader.
        seen: doc_ids that the training set holds; a question on one of them is ``seen``, else ``unseen``.
        settings: sources, lengths, counts.
        progress: told in questions.

    The completion is the plain excerpt, the same for all arms. Everyday questions are put bare, to both models.
    """
    items = _items(questions, bench, seen, settings)
    everyday = [_Item(q, "", GENERAL, q.question, ()) for q in general_questions()]
    lines: list[dict[str, Any]] = []
    work = [(start, items[start : start + settings.batch]) for start in range(0, len(items), settings.batch)]
    for start, batch in work:
        for arm, adapter in ((BASE, None), (ADAPTER, bench.adapter)):
            lines += _scored(batch, bench.llm, arm, adapter=adapter, retrieval=False)
            lines += _scored(batch, bench.llm, f"{arm}+retrieval", adapter=adapter, retrieval=True)
        progress.step("judge", start + len(batch), len(items), unit="questions")
    for arm, adapter in ((BASE, None), (ADAPTER, bench.adapter)):
        lines += _scored(everyday, bench.llm, arm, adapter=adapter, retrieval=False)
    spoken = items[: settings.generate_for]
    answers = {
        arm: _answers(spoken, bench.llm, lines, arm=(arm, adapter), settings=settings)
        for arm, adapter in ((BASE_RETRIEVAL, None), (ADAPTER_RETRIEVAL, bench.adapter))
    }
    evaluation_id = _evaluation_id(bench, items, settings)
    schema = pl.DataFrame(pl.from_arrow(EVALUATIONS.schema.empty_table())).schema
    rows = pl.DataFrame(lines, schema=schema).with_columns(
        pl.lit(evaluation_id).alias("evaluation_id"), pl.lit(bench.adapter).alias("adapter")
    )
    return Judgement(evaluation_id, rows, answers)


def _items(questions: Sequence[Question], bench: Bench, seen: Collection[str], settings: JudgeSettings) -> list[_Item]:
    ids = dict(bench.index.chunks.select("native_id", "doc_id").unique().iter_rows())
    vectors = bench.llm.embed([question.question for question in questions])
    found = [
        bench.index.search(question.question, vector, principals=bench.principals, k=settings.sources)
        for question, vector in zip(questions, vectors, strict=True)
    ]
    items = []
    for question, sources in zip(questions, focus(bench.llm, list(zip(vectors, found, strict=True))), strict=True):
        docs = [ids[name] for name in question.documents if name in ids]
        items.append(
            _Item(
                question=question,
                doc_id=docs[0] if docs else "",
                held_out="seen" if any(doc in seen for doc in docs) else "unseen",
                bare=build_prompt(question.question, ()),
                sources=sources,
            )
        )
    return items


def _scored(
    items: Sequence[_Item], llm: Llm, arm: str, *, adapter: str | None, retrieval: bool
) -> list[dict[str, Any]]:
    pairs = [(item.prompt if retrieval else item.bare, item.question.excerpt) for item in items]
    return [
        {
            "doc_id": item.doc_id,
            "question_id": item.question.id,
            "held_out": item.held_out,
            "arm": arm,
            "nll": score.nll,
            "tokens": score.tokens,
        }
        for item, score in zip(items, llm.score(pairs, adapter=adapter), strict=True)
    ]


def _answers(
    items: Sequence[_Item],
    llm: Llm,
    lines: list[dict[str, Any]],
    *,
    arm: tuple[str, str | None],
    settings: JudgeSettings,
) -> list[str]:
    """Let one arm answer, and add what its answers are worth to its lines."""
    name, adapter = arm
    said = llm.generate([item.prompt for item in items], adapter=adapter, max_new_tokens=settings.max_new_tokens)
    line_of = {line["question_id"]: line for line in lines if line["arm"] == name}
    for item, made in zip(items, said, strict=True):
        quotes = verbatim(made.text, item.sources)
        line_of[item.question.id] |= {
            "verbatim": bool(quotes) and all(quote.source is not None for quote in quotes),
            "stopped": made.stopped,
            "f1": token_f1(re.sub(r"\[\d+\]", "", made.text), item.question.excerpt),
        }
    return [made.text for made in said]


def _evaluation_id(bench: Bench, items: Sequence[_Item], settings: JudgeSettings) -> str:
    """A hash over models, adapter, prompts, gold sentences and settings: the same judgement has the same id."""
    said = [bench.llm.describe(), bench.adapter, settings.model_dump_json()]
    parts = [*said, *(json.dumps([i.prompt, i.question.excerpt]) for i in items)]
    return hashlib.sha256("\0".join(parts).encode()).hexdigest()[:32]
