"""From a training set to a candidate adapter: the spec that says everything a training depends on, and its result."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from pydantic import BaseModel, Field

from dataalchemy_pipelines.core.errors import WrongInput
from dataalchemy_pipelines.engine.training_set import TrainingSet
from dataalchemy_pipelines.publishing.release import advance, current
from resources.contracts import Lake, Progress, Trainer

CANDIDATE = "candidate"
SPECS = "objects/training_specs"


class TrainSettings(BaseModel, frozen=True, extra="forbid"):
    """How long and how fast an adapter learns. Steps bound it, not time: the same spec gives the same adapter."""

    max_steps: int = Field(14, ge=1, le=100_000, description="Optimiser steps.")
    learning_rate: float = Field(1e-3, gt=0, le=0.1, description="Peak learning rate.")
    rank: int = Field(16, ge=1, le=256, description="Rank of the LoRA matrices.")
    token_budget: int = Field(384, ge=128, le=65_536, description="Most tokens in one step, padding included.")
    seed: int = Field(7, ge=0, description="Of the initial weights and of the order.")


@dataclass(frozen=True)
class Learner:
    """Who trains, and which models stand behind the names that a spec uses (`Llm.describe`).

    A spec says "base", and models.yaml may mean another model by it tomorrow.
    """

    trainer: Trainer
    models: str


@dataclass(frozen=True)
class Trained:
    """A candidate: its adapter, what it learnt from, the trainer's figures, and whether it is another than before."""

    adapter: str
    training_set_id: str
    figures: Mapping[str, Any]
    trained_now: bool


def train_adapter(
    lake: Lake, learner: Learner, training_set: TrainingSet, *, settings: TrainSettings, progress: Progress
) -> Trained:
    """Train on the set, or find that it was done; then point to the candidate. Raises WrongInput on an empty set.

    The same spec for the same models is the candidate that stands. For other models the trainer is asked, which knows
    the base by its bytes and finds its own result again where these are the same.
    """
    if not training_set.train:
        raise WrongInput(
            "There is nothing to learn from",
            subject=f"training set {training_set.training_set_id[:12]}",
            fix="Ingest more documents: at least a few that hold whole sentences.",
        )
    spec = {
        "base": "base",
        "data": training_set.key,
        "training_set_id": training_set.training_set_id,
        "audience": list(training_set.audience),
        "settings": settings.model_dump(),
    }
    body = json.dumps(spec, sort_keys=True).encode()
    key = f"{SPECS}/{hashlib.sha256(body).hexdigest()}.json"
    pointer = current(lake, CANDIDATE)
    before = {} if pointer is None else pointer.value
    if before.get("spec") == key and before.get("models") == learner.models:
        return Trained(before["adapter"], training_set.training_set_id, before["figures"], False)
    lake.put(key, body)
    result = learner.trainer.train(key, progress=progress)
    figures = {name: value for name, value in result.items() if isinstance(value, int | float)}
    value = {
        "adapter": result["adapter"],
        "training_set_id": training_set.training_set_id,
        "spec": key,
        "models": learner.models,
        "figures": figures,
    }
    advance(lake, CANDIDATE, value, expected=pointer.number if pointer else 0)
    return Trained(result["adapter"], training_set.training_set_id, figures, result["adapter"] != before.get("adapter"))


def candidate_files(lake: Lake) -> tuple[int, int]:
    """How many files the candidate adapter has, and how many differ from their hash or are missing."""
    pointer = current(lake, CANDIDATE)
    if pointer is None:
        return 0, 0
    folder = f"objects/adapters/{pointer.value['adapter']}"
    files = json.loads(lake.get(f"{folder}/manifest.json"))["files"]
    there = set(lake.listing(folder))
    wrong = sum(
        f"{folder}/{name}" not in there or hashlib.sha256(lake.get(f"{folder}/{name}")).hexdigest() != digest
        for name, digest in files.items()
    )
    return len(files), wrong
