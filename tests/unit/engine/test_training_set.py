"""A training set is for somebody, and holds only what all of them may read."""

from __future__ import annotations

import io
from collections.abc import Sequence
from pathlib import Path

import polars as pl
import pytest
from pydantic import ValidationError

from dataalchemy_pipelines.core.errors import WrongInput
from dataalchemy_pipelines.core.records import SFT_PAIRS, TRAINING_SETS
from dataalchemy_pipelines.defs.synthesize import TrainingSetConfig
from dataalchemy_pipelines.engine.training_set import build_training_set
from resources.contracts import Change
from resources.lake import LocalLake

ACCESS = {
    "open": ["public"],
    "ours": ["local"],
    "both": ["group:legal", "local"],
    "theirs": ["group:legal"],
    "closed": [],
}


@pytest.fixture
def lake(tmp_path: Path) -> LocalLake:
    """One pair of each access, all of documents to learn from."""
    lake = LocalLake(root=(tmp_path / "lake").as_uri())
    rows = pl.DataFrame(
        [
            {"doc_id": f"f{number}", "pair_id": name, "access": access, "outcome": "kept", "row_sha256": name}
            for number, (name, access) in enumerate(ACCESS.items())
        ],
        schema_overrides={"access": pl.List(pl.String)},
    )
    missing = [name for name in SFT_PAIRS.schema.names if name not in rows.columns]
    table = rows.with_columns(pl.lit(None).alias(name) for name in missing).select(SFT_PAIRS.schema.names)
    lake.commit(lake.snapshot(SFT_PAIRS), Change(rows=table.to_arrow().cast(SFT_PAIRS.schema)))
    return lake


def learnt(lake: LocalLake, audience: Sequence[str]) -> set[str]:
    """The pairs that an adapter for this audience learns from."""
    made, _ = build_training_set(lake, audience=audience, max_samples=None)
    return set(pl.read_parquet(io.BytesIO(lake.get(made.key)))["pair_id"])


@pytest.mark.parametrize(
    ("audience", "expected"),
    [
        (["local"], {"open", "ours", "both"}),
        (["group:legal"], {"open", "both", "theirs"}),
        (["local", "group:legal"], {"open", "both"}),
        (["nobody:we:know"], {"open"}),
    ],
)
def test_only_what_the_whole_audience_may_read_is_learnt(
    lake: LocalLake, audience: list[str], expected: set[str]
) -> None:
    assert learnt(lake, audience) == expected


@pytest.mark.parametrize("audience", [[], [""], ["local", " "]])
def test_an_audience_of_nobody_is_refused_before_anything_is_written(lake: LocalLake, audience: list[str]) -> None:
    with pytest.raises(WrongInput, match="--audience"):
        build_training_set(lake, audience=audience, max_samples=None)
    assert lake.snapshot(TRAINING_SETS).version == -1
    assert list(lake.listing("objects/training_data")) == []


def test_the_launchpad_takes_no_empty_audience() -> None:
    assert TrainingSetConfig().audience == ["local"]
    with pytest.raises(ValidationError):
        TrainingSetConfig(audience=[])
