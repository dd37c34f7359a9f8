"""A judgement stands for the models, the adapter and the index that it was made with, and for nothing else."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest

from dataalchemy_pipelines.core.outcomes import frame
from dataalchemy_pipelines.core.records import EVALUATIONS
from dataalchemy_pipelines.publishing.gate import GateSettings
from dataalchemy_pipelines.publishing.release import advance, current
from dataalchemy_pipelines.retrieval.index import Index, store
from dataalchemy_pipelines.serving.evaluate import CANDIDATE, INDEX, Evaluated, ask_with, evaluate, newest
from dataalchemy_pipelines.serving.judge import JudgeSettings
from resources.contracts import Generated
from resources.lake import LocalLake
from resources.progress import LogProgress

from .conftest import WordLlm

ASKED = {
    "id": "q",
    "question": "How much leave?",
    "documents": ["leave.md"],
    "excerpt": "Employees have 28 days of leave.",
}


class Named(WordLlm):
    """The same words under a name of its own, with one thing to say."""

    def __init__(self, name: str) -> None:
        super().__init__()
        self.name = name

    def describe(self) -> str:
        """Which models these are."""
        return self.name

    def generate(
        self, prompts: Sequence[str], *, adapter: str | None = None, max_new_tokens: int = 96
    ) -> list[Generated]:
        """The same sentence for each prompt."""
        return [Generated("Employees have leave. [1]", True, 5) for _ in prompts]


@pytest.fixture
def lake(tmp_path: Path, index: Index) -> LocalLake:
    """A lake with a candidate, an index and a question."""
    lake = LocalLake(root=(tmp_path / "lake").as_uri())
    move(lake, CANDIDATE, adapter="one", training_set_id="set")
    move(lake, INDEX, **store(lake, index.chunks, index.vectors).as_value())
    ask_with(lake, json.dumps(ASKED))
    return lake


def move(lake: LocalLake, name: str, **value: str) -> None:
    """Point to another value."""
    pointer = current(lake, name)
    advance(lake, name, value, expected=pointer.number if pointer else 0)


def judged(lake: LocalLake, models: str) -> Evaluated:
    """The judgement by these models."""
    settings = (JudgeSettings(generate_for=1), GateSettings(resamples=1000))
    return evaluate(lake, Named(models), principals=["public"], settings=settings, progress=LogProgress())


def test_the_same_again_is_not_judged_again(lake: LocalLake) -> None:
    first, second = judged(lake, "models"), judged(lake, "models")
    assert (first.made_now, second.made_now) == (True, False)
    assert first.evaluation_id == second.evaluation_id


def test_another_base_model_is_judged_anew_and_its_figures_are_kept_beside_the_others(lake: LocalLake) -> None:
    first, second = judged(lake, "models"), judged(lake, "other models")
    assert second.made_now and second.evaluation_id != first.evaluation_id
    kept = frame(lake.snapshot(EVALUATIONS).read(["evaluation_id"]))["evaluation_id"]
    assert set(kept) == {first.evaluation_id, second.evaluation_id}
    assert newest(lake) == Evaluated(**{**vars(second), "made_now": False})


def test_other_vectors_over_the_same_chunks_are_judged_anew(lake: LocalLake, index: Index) -> None:
    judged(lake, "models")
    turned = np.roll(index.vectors, 1, axis=1)
    before = current(lake, INDEX)
    move(lake, INDEX, **store(lake, index.chunks, turned).as_value())
    after = current(lake, INDEX)
    assert before is not None and after is not None
    assert before.value["chunks"] == after.value["chunks"] and before.value["vectors"] != after.value["vectors"]
    assert judged(lake, "models").made_now
