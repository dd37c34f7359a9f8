"""A training set, a tiny model and a lake for the tests of training."""

from __future__ import annotations

import io
import json
from pathlib import Path
from typing import Any

import polars as pl
import pytest

from dataalchemy_pipelines.models.tiny import make_tiny_model
from dataalchemy_pipelines.training.run import Workplace
from resources.lake import LocalLake

SPEC = "objects/training_specs/test.json"


@pytest.fixture(scope="session")
def tiny_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_tiny_model(tmp_path_factory.mktemp("tiny") / "model")


@pytest.fixture
def place(tiny_folder: Path, tmp_path: Path) -> Workplace:
    """A lake with forty pairs: the answer repeats the question's number, which can be learnt."""
    models = tmp_path / "models.yaml"
    models.write_text(json.dumps({"base": {"path": str(tiny_folder), "title": "tiny"}}))
    (tmp_path / "cache").mkdir()
    lake = LocalLake(root=str(tmp_path / "lake"))
    rows = [
        {
            "split": "valid" if n % 5 == 0 else "train",
            "prompt": f"question {n} " * (1 + n % 3),
            "completion": f"answer {n}",
        }
        for n in range(40)
    ]
    sink = io.BytesIO()
    pl.DataFrame(rows).write_parquet(sink)
    lake.put("objects/training_data/x.parquet", sink.getvalue())
    return Workplace(lake, tmp_path / "cache", "cpu", models)


def put_spec(place: Workplace, **settings: Any) -> str:
    spec = {
        "data": "objects/training_data/x.parquet",
        "training_set_id": "x",
        "audience": ["public"],
        "settings": {"max_steps": 12, "learning_rate": 0.01, "rank": 4, "token_budget": 256, **settings},
    }
    place.lake.put(SPEC, json.dumps(spec).encode())
    return SPEC
