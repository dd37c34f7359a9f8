"""From a trained candidate to a verdict that is kept: which questions, which index, which reader, and what came out."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any

import polars as pl

from dataalchemy_pipelines.core.errors import WrongInput
from dataalchemy_pipelines.core.outcomes import KEPT, frame
from dataalchemy_pipelines.core.records import EVALUATIONS, HELD_OUT_BELOW, SFT_PAIRS, TRAINING_SETS
from dataalchemy_pipelines.publishing.gate import GENERAL, ArmFigures, GateSettings, Interval, Verdict, decide
from dataalchemy_pipelines.publishing.release import Champion, Pointer, advance, champion, current, release
from dataalchemy_pipelines.retrieval.index import IndexRef, fetch
from dataalchemy_pipelines.serving.judge import Bench, Judgement, JudgeSettings, Question, judge, read_questions
from dataalchemy_pipelines.synthesis.prompts import question_of, quoted
from dataalchemy_pipelines.transforms.redact import find
from resources.contracts import Change, Lake, Llm, Progress

QUESTIONS = "questions"
CANDIDATE = "candidate"
INDEX = "index"
VERDICT = "verdict"


@dataclass(frozen=True)
class Evaluated:
    """A verdict with what it was about, and whether it had to be made now."""

    evaluation_id: str
    adapter: str
    training_set_id: str
    questions: int
    own_words: bool
    verdict: Verdict
    made_now: bool


def ask_with(lake: Lake, text: str) -> int:
    """Take a JSONL text of questions as the ones to judge by from now on; return how many. Raises WrongInput."""
    questions = read_questions(text)
    key = f"private/objects/questions/{hashlib.sha256(text.encode()).hexdigest()}.jsonl"
    pointer = current(lake, QUESTIONS)
    if pointer is None or pointer.value["key"] != key:
        lake.put(key, text.encode())
        advance(lake, QUESTIONS, {"key": key}, expected=pointer.number if pointer else 0)
    return len(questions)


def evaluate(
    lake: Lake, llm: Llm, *, principals: Sequence[str], settings: tuple[JudgeSettings, GateSettings], progress: Progress
) -> Evaluated:
    """Judge the candidate adapter, or find that the same judgement was made already.

    Raises WrongInput where there is no candidate or no index yet.
    """
    candidate, index = _needed(lake, CANDIDATE, "train"), _needed(lake, INDEX, "full-cycle")
    asked = current(lake, QUESTIONS)
    said = [candidate.value["adapter"], llm.describe(), index.value["chunks"], index.value["vectors"]]
    said += [asked.value["key"] if asked else "pairs"]
    said += [setting.model_dump_json() for setting in settings] + sorted(principals)
    key = f"objects/evaluations/{hashlib.sha256(json.dumps(said).encode()).hexdigest()}.json"
    if key in set(lake.listing("objects/evaluations")):
        _point_to(lake, key)
        return _load(lake.get(key))
    known = read_questions(lake.get(asked.value["key"]).decode()) if asked else _from_pairs(lake)
    questions = _drawn(known, settings[0].most_questions)
    bench = Bench(
        llm,
        fetch(lake, IndexRef(index.value["chunks"], index.value["vectors"])),
        candidate.value["adapter"],
        tuple(principals),
    )
    training_set_id = candidate.value["training_set_id"]
    made = judge(questions, bench, seen=_seen(lake, training_set_id), settings=settings[0], progress=progress)
    verdict = decide(made.rows, made.answers, leaks=lambda text: len(find(text)), settings=settings[1])
    _keep(lake, made)
    evaluated = Evaluated(
        made.evaluation_id, bench.adapter, training_set_id, len(questions), asked is not None, verdict, made_now=True
    )
    lake.put(key, json.dumps(asdict(evaluated)).encode())
    _point_to(lake, key)
    return evaluated


def newest(lake: Lake) -> Evaluated | None:
    """The judgement that stands, or None before the first."""
    pointer = current(lake, VERDICT)
    return None if pointer is None else _load(lake.get(pointer.value["key"]))


def showpiece(lake: Lake) -> str | None:
    """The first of the questions to judge by, or None where there are none."""
    asked = current(lake, QUESTIONS)
    questions = read_questions(lake.get(asked.value["key"]).decode()) if asked else []
    return questions[0].question if questions else None


def publish(lake: Lake) -> bool:
    """Release the judged candidate if the gate let it through; whether the pointer moved. Raises Conflict."""
    made = newest(lake)
    if made is None or not made.verdict.released:
        return False
    before = champion(lake)
    candidate = Champion(made.adapter, made.evaluation_id, made.training_set_id)
    release(lake, made.verdict, candidate)
    return before != candidate


def questions_by_arm(lake: Lake) -> dict[str, int]:
    """Questions scored in each arm of the judgement that stands, everyday questions left out."""
    made = newest(lake)
    rows = frame(lake.snapshot(EVALUATIONS).read(["evaluation_id", "held_out", "arm", "question_id"]))
    rows = rows.filter(
        (pl.col("evaluation_id") == (made.evaluation_id if made else "")) & (pl.col("held_out") != GENERAL)
    )
    return dict(rows.group_by("arm").agg(pl.col("question_id").n_unique()).sort("arm").iter_rows())


def _point_to(lake: Lake, key: str) -> None:
    pointer = current(lake, VERDICT)
    if pointer is None or pointer.value["key"] != key:
        advance(lake, VERDICT, {"key": key}, expected=pointer.number if pointer else 0)


def _needed(lake: Lake, name: str, command: str) -> Pointer:
    pointer = current(lake, name)
    if pointer is None:
        raise WrongInput(
            "There is nothing to judge yet", subject=f"no {name}", fix=f"Run `dataalchemy {command}` first."
        )
    return pointer


def _seen(lake: Lake, training_set_id: str) -> set[str]:
    rows = frame(lake.snapshot(TRAINING_SETS).read(["doc_id", "training_set_id", "split", "outcome"]))
    learnt = (pl.col("training_set_id") == training_set_id) & (pl.col("split") == "train") & (pl.col("outcome") == KEPT)
    return set(rows.filter(learnt)["doc_id"])


def _from_pairs(lake: Lake) -> list[Question]:
    """Questions out of the pairs of held-out documents: weaker evidence than people's own words, and said to be so."""
    rows = frame(
        lake.snapshot(SFT_PAIRS).read(["doc_id", "native_id", "pair_id", "kind", "prompt", "completion", "outcome"])
    )
    rows = rows.filter((pl.col("kind") == "quote") & (pl.col("outcome") == KEPT) & (pl.col("doc_id") < HELD_OUT_BELOW))
    return [
        Question(
            id=row["pair_id"],
            question=question_of(row["prompt"]),
            documents=(row["native_id"],),
            excerpt=quoted(row["completion"]),
        )
        for row in rows.iter_rows(named=True)
    ]


def _drawn(questions: Sequence[Question], most: int) -> list[Question]:
    """At most so many questions, the same ones whenever they are drawn, and in the order given."""
    first = sorted(questions, key=lambda question: hashlib.sha256(question.id.encode()).digest())[:most]
    ids = {question.id for question in first}
    return [question for question in questions if question.id in ids]


def _keep(lake: Lake, made: Judgement) -> None:
    """The figures of every question in every arm, once."""
    base = lake.snapshot(EVALUATIONS)
    if made.evaluation_id not in set(base.read(["evaluation_id"])["evaluation_id"].to_pylist()):
        lake.commit(base, Change(rows=made.rows.to_arrow()))


def _load(body: bytes) -> Evaluated:
    fields: dict[str, Any] = json.loads(body)
    verdict = fields["verdict"]
    verdict["gain"] = Interval(**verdict["gain"])
    verdict["faults"] = tuple(verdict["faults"])
    verdict["table"] = tuple(ArmFigures(**{**line, "nll": Interval(**line["nll"])}) for line in verdict["table"])
    return Evaluated(**{**fields, "verdict": Verdict(**verdict), "made_now": False})
