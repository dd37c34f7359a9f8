"""Four arms on the same questions."""

from __future__ import annotations

import pytest

from dataalchemy_pipelines.core.errors import WrongInput
from dataalchemy_pipelines.core.records import EVALUATIONS
from dataalchemy_pipelines.publishing.gate import (
    ADAPTER,
    ADAPTER_RETRIEVAL,
    ARMS,
    BASE,
    BASE_RETRIEVAL,
    GateSettings,
    decide,
)
from dataalchemy_pipelines.retrieval.index import Index
from dataalchemy_pipelines.serving.judge import (
    Bench,
    Judgement,
    JudgeSettings,
    Question,
    general_questions,
    judge,
    read_questions,
)

from .conftest import WordLlm

QUESTIONS = [
    Question(
        id="q1", question="How many days of leave?", documents=("leave.md",), excerpt="Employees have 28 days of leave."
    ),
    Question(
        id="q2",
        question="When is VPN back?",
        documents=("vpn.md",),
        excerpt="The VPN client restarts after nine minutes.",
    ),
]


class Steps:
    """Remembers what was reported."""

    def __init__(self) -> None:
        self.seen: list[tuple[int, int | None]] = []

    def step(self, stage: str, done: int, total: int | None, *, unit: str = "documents", note: str = "") -> None:
        self.seen.append((done, total))


def judged(llm: WordLlm, index: Index, *, generate_for: int = 1) -> Judgement:
    llm.script = ["Leave is good. [1]", '"Employees have 28 days of leave." [1]'][: 2 * generate_for]
    bench = Bench(llm, index, "digest", ["public"])
    settings = JudgeSettings(generate_for=generate_for, batch=1)
    return judge(QUESTIONS, bench, seen={"d1"}, settings=settings, progress=Steps())


def test_every_arm_is_scored_on_every_question(llm: WordLlm, index: Index) -> None:
    rows = judged(llm, index).rows
    assert rows.columns == EVALUATIONS.schema.names
    assert set(rows.filter(rows["held_out"] != "general").select("question_id", "arm").rows()) == {
        (question, arm) for question in ("q1", "q2") for arm in ARMS
    }
    assert rows.filter(rows["held_out"] == "general")["arm"].unique().sort().to_list() == [ADAPTER, BASE]
    assert rows.to_arrow().cast(EVALUATIONS.schema).num_rows == len(rows)


def test_questions_are_marked_by_whether_training_saw_their_document(llm: WordLlm, index: Index) -> None:
    rows = judged(llm, index).rows
    assert set(rows.select("question_id", "doc_id", "held_out").rows()) >= {
        ("q1", "d1", "seen"),
        ("q2", "d3", "unseen"),
    }


def test_all_arms_predict_the_same_plain_excerpt_and_retrieval_helps(llm: WordLlm, index: Index) -> None:
    rows = judged(llm, index).rows
    nll = {(row["question_id"], row["arm"]): row["nll"] for row in rows.to_dicts()}
    assert rows.filter(rows["question_id"] == "q1")["tokens"].n_unique() == 1
    assert nll["q1", ADAPTER_RETRIEVAL] < nll["q1", BASE_RETRIEVAL] < nll["q1", BASE]


def test_the_two_arms_with_retrieval_answer_as_many_questions_as_set(llm: WordLlm, index: Index) -> None:
    judgement = judged(llm, index)
    rows = {(row["question_id"], row["arm"]): row for row in judgement.rows.to_dicts()}
    assert rows["q1", BASE_RETRIEVAL]["verbatim"] is False
    assert rows["q1", ADAPTER_RETRIEVAL]["verbatim"] is True
    assert rows["q1", ADAPTER_RETRIEVAL]["f1"] == 1
    assert rows["q2", ADAPTER_RETRIEVAL]["verbatim"] is None
    assert {arm: len(said) for arm, said in judgement.answers.items()} == {BASE_RETRIEVAL: 1, ADAPTER_RETRIEVAL: 1}


def test_the_same_judgement_has_the_same_id_and_another_adapter_another(llm: WordLlm, index: Index) -> None:
    first = judged(llm, index)
    assert judged(llm, index).evaluation_id == first.evaluation_id
    bench = Bench(llm, index, "other", ["public"])
    other = judge(QUESTIONS, bench, seen=(), settings=JudgeSettings(generate_for=0), progress=Steps())
    assert other.evaluation_id != first.evaluation_id


def test_the_gate_takes_what_the_judge_gives(llm: WordLlm, index: Index) -> None:
    judgement = judged(llm, index)
    settings = GateSettings(min_questions=2, resamples=1000)
    verdict = decide(judgement.rows, judgement.answers, leaks=lambda text: 0, settings=settings)
    assert verdict.released, verdict.sentence


def test_progress_counts_questions(llm: WordLlm, index: Index) -> None:
    steps = Steps()
    bench = Bench(llm, index, "digest", ["public"])
    judge(QUESTIONS, bench, seen=(), settings=JudgeSettings(generate_for=0, batch=1), progress=steps)
    assert steps.seen == [(1, 2), (2, 2)]


def test_a_line_that_is_no_question_is_named_by_its_number() -> None:
    with pytest.raises(WrongInput, match="line 2"):
        read_questions('{"id": "a", "question": "b", "documents": [], "excerpt": "c"}\n{"id": 1}')


def test_the_everyday_questions_are_short_and_different() -> None:
    questions = general_questions()
    assert 12 <= len(questions) <= 16
    assert (
        len({question.id for question in questions})
        == len({question.excerpt for question in questions})
        == len(questions)
    )
