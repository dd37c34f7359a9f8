"""A candidate stands for one spec and the models of that day; other models are noticed."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from dataalchemy_pipelines.core.errors import WrongInput
from dataalchemy_pipelines.engine.training import CANDIDATE, Learner, TrainSettings, train_adapter
from dataalchemy_pipelines.engine.training_set import TrainingSet
from dataalchemy_pipelines.publishing.release import current
from resources.contracts import Progress
from resources.lake import LocalLake
from resources.progress import LogProgress

SET = TrainingSet("set", ("local",), "objects/training_data/set.parquet", train=3, valid=1, held_out=1, documents=2)


class Bytes:
    """A trainer without a model: its adapter follows from the spec and the bytes that the base has now."""

    def __init__(self) -> None:
        self.base = b"one model"
        self.asked = 0

    def describe(self) -> str:
        return "here"

    def train(self, spec_key: str, *, progress: Progress) -> Mapping[str, Any]:
        """The same spec on the same bytes gives the same adapter."""
        self.asked += 1
        return {"adapter": hashlib.sha256(spec_key.encode() + self.base).hexdigest(), "steps": 3, "numerics": "fp32"}


@pytest.fixture
def lake(tmp_path: Path) -> LocalLake:
    """An empty lake."""
    return LocalLake(root=(tmp_path / "lake").as_uri())


def adapter(lake: LocalLake, trainer: Bytes, models: str, **settings: int) -> tuple[str, bool]:
    """The candidate, and whether it is another than before."""
    learner = Learner(trainer, models)
    made = train_adapter(lake, learner, SET, settings=TrainSettings(**settings), progress=LogProgress())
    assert made.figures == {"steps": 3}
    return made.adapter, made.trained_now


def test_another_base_model_under_the_same_name_gives_another_candidate(lake: LocalLake) -> None:
    trainer = Bytes()
    first, new = adapter(lake, trainer, "base one")
    assert new
    assert adapter(lake, trainer, "base one") == (first, False)
    assert trainer.asked == 1, "the candidate that stands needs no trainer"
    trainer.base = b"another model"
    second, new = adapter(lake, trainer, "base two")
    assert new and second != first
    pointer = current(lake, CANDIDATE)
    assert pointer is not None and (pointer.value["adapter"], pointer.value["models"]) == (second, "base two")


def test_another_name_for_the_same_bytes_is_asked_for_once_and_is_nothing_new(lake: LocalLake) -> None:
    trainer = Bytes()
    first, _ = adapter(lake, trainer, "base one")
    for _ in range(2):
        assert adapter(lake, trainer, "base one, elsewhere") == (first, False)
    assert trainer.asked == 2


def test_other_settings_give_another_candidate(lake: LocalLake) -> None:
    trainer = Bytes()
    assert adapter(lake, trainer, "base")[0] != adapter(lake, trainer, "base", max_steps=5)[0]


def test_a_set_without_a_pair_is_refused_with_what_to_do(lake: LocalLake) -> None:
    empty = TrainingSet("set", ("local",), "objects/training_data/set.parquet", 0, 1, 1, 0)
    with pytest.raises(WrongInput, match="Ingest more documents"):
        train_adapter(lake, Learner(Bytes(), ""), empty, settings=TrainSettings(), progress=LogProgress())
