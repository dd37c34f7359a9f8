"""What a training depends on: the spec in the lake, and the identity of a run, under which its result is kept."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from typing import Self

from pydantic import BaseModel, Field, ValidationError

from resources.contracts import Lake
from resources.errors import Misconfigured

CODE_VERSION = "2"
"""Raise it when the same spec would give another adapter."""


class TrainingSettings(BaseModel, frozen=True, extra="forbid"):
    """How an adapter learns. Only a bound in steps makes a run repeatable; seconds are for impatient trials."""

    max_steps: int = Field(14, ge=1, le=100_000, description="Optimiser steps.")
    max_seconds: float | None = Field(None, gt=0, description="Stop after this long, counted without validation.")
    learning_rate: float = Field(1e-3, gt=0, le=0.1, description="Peak, after a short rise; falls along a cosine.")
    rank: int = Field(16, ge=1, le=256, description="Rank of the LoRA matrices; their factor is 2.")
    token_budget: int = Field(384, ge=64, le=65_536, description="Most tokens in one step, padding included.")
    seed: int = Field(7, ge=0, description="Of the initial weights and of the order.")


class TrainingSpec(BaseModel, frozen=True, extra="forbid"):
    """One training: ``base`` by its name in models.yaml, ``data`` as the key of a Parquet object.

    The Parquet has the columns ``split`` (train, valid), ``prompt`` and ``completion``.
    """

    base: str = "base"
    data: str
    training_set_id: str
    audience: tuple[str, ...] = ()
    settings: TrainingSettings = TrainingSettings()

    @classmethod
    def read(cls, lake: Lake, key: str) -> Self:
        """The spec under `key`. Raises NotFound, and Misconfigured naming the fields at fault."""
        try:
            return cls.model_validate_json(lake.get(key))
        except ValidationError as error:
            names = ", ".join(".".join(map(str, part["loc"])) for part in error.errors(include_input=False))
            raise Misconfigured(
                "Not a training spec", subject=f"{key} ({names})", fix="Correct these fields."
            ) from None


@dataclass(frozen=True)
class RunKeys:
    """Where a run keeps its things in the lake; a run is known by its spec, its base model's bytes and the code."""

    digest: str

    @classmethod
    def of(cls, spec: TrainingSpec, base_digest: str, numerics: str) -> Self:
        """The same inputs give the same keys."""
        parts = (CODE_VERSION, base_digest, numerics, spec.model_dump_json())
        return cls(hashlib.sha256("\0".join(parts).encode()).hexdigest())

    @property
    def result(self) -> str:
        """The result object."""
        return f"objects/training_results/{self.digest}.json"

    @property
    def checkpoints(self) -> str:
        """The folder of checkpoints, empty once the result is there."""
        return f"objects/checkpoints/{self.digest}"
