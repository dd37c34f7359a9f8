"""A training set: the pairs that one audience may read, split by document, under an id made from what is in it."""

from __future__ import annotations

import hashlib
import io
from collections.abc import Sequence
from dataclasses import asdict, dataclass

import polars as pl

from dataalchemy_pipelines.core.errors import WrongInput
from dataalchemy_pipelines.core.outcomes import KEPT, REJECTED, frame
from dataalchemy_pipelines.core.records import HELD_OUT_BELOW, SFT_PAIRS, TRAINING_SETS
from dataalchemy_pipelines.engine.batch import complete
from dataalchemy_pipelines.publishing.release import advance, current
from resources.contracts import Change, Lake

VERSION = "1"
VALIDATION_BELOW = "4d"
"""Documents just above the held-out line, one in fifteen of the rest, watch over the training."""
PUBLIC = "public"
DATA = "objects/training_data"
POINTER = "training_set"


@dataclass(frozen=True)
class TrainingSet:
    """The manifest of a training set: whom it is for, how large it is, and where its rows are."""

    training_set_id: str
    audience: tuple[str, ...]
    key: str
    train: int
    valid: int
    held_out: int
    documents: int


def build_training_set(lake: Lake, *, audience: Sequence[str], max_samples: int | None) -> tuple[TrainingSet, int]:
    """The training set of the pairs as they stand, and how many rows were new (0 where it was there already).

    An adapter answers everyone who may load it, so a pair that some of the audience may not read is rejected.
    Raises WrongInput for an audience of nobody: whatever is true of all of it would be true of every pair.
    """
    if not audience or not all(name.strip() for name in audience):
        raise WrongInput(
            "A training set needs an audience", subject="nobody", fix="Name who may load the adapter: --audience NAME."
        )
    pairs = frame(lake.snapshot(SFT_PAIRS).read()).filter(pl.col("outcome") == KEPT).sort("pair_id")
    rows = _split(pairs, set(audience), max_samples)
    parts = [VERSION, *sorted(audience), *rows["row_sha256"], *rows["split"]]
    set_id = hashlib.sha256("\n".join(parts).encode()).hexdigest()[:32]
    used = rows.filter(pl.col("outcome") == KEPT)
    counts = dict(used.group_by("split").len().iter_rows())
    made = TrainingSet(
        training_set_id=set_id,
        audience=tuple(sorted(audience)),
        key=f"{DATA}/{set_id}.parquet",
        train=counts.get("train", 0),
        valid=counts.get("valid", 0),
        held_out=counts.get("held_out", 0),
        documents=used.filter(pl.col("split") == "train")["doc_id"].n_unique(),
    )
    lake.put(made.key, _parquet(used.filter(pl.col("split") != "held_out")))
    _point_to(lake, made)
    base = lake.snapshot(TRAINING_SETS)
    if set_id in set(base.read(["training_set_id"])["training_set_id"].to_pylist()):
        return made, 0
    rows = rows.with_columns(pl.lit(set_id).alias("training_set_id"))
    table = complete(
        rows.drop("row_sha256"), rows.select("doc_id", "row_sha256"), TRAINING_SETS, recipe_version=VERSION
    )
    lake.commit(base, Change(rows=table))
    return made, rows.height


def standing(lake: Lake) -> TrainingSet:
    """The training set that was built last. Raises WrongInput where there is none yet."""
    pointer = current(lake, POINTER)
    if pointer is None:
        raise WrongInput("There is no training set yet", subject="train", fix="Run `dataalchemy ingest --synthesis`.")
    return TrainingSet(**{**pointer.value, "audience": tuple(pointer.value["audience"])})


def _point_to(lake: Lake, made: TrainingSet) -> None:
    pointer = current(lake, POINTER)
    value = {**asdict(made), "audience": list(made.audience)}
    if pointer is None or pointer.value != value:
        advance(lake, POINTER, value, expected=pointer.number if pointer else 0)


def _split(pairs: pl.DataFrame, audience: set[str], max_samples: int | None) -> pl.DataFrame:
    """Pairs with the side they are on: held_out, valid or train, by their document and never by the pair."""
    side = (
        pl.when(pl.col("doc_id") < HELD_OUT_BELOW)
        .then(pl.lit("held_out"))
        .when(pl.col("doc_id") < VALIDATION_BELOW)
        .then(pl.lit("valid"))
        .otherwise(pl.lit("train"))
    )
    readable = [PUBLIC in access or audience <= set(access) for access in pairs["access"]]
    rows = pairs.with_columns(side.alias("split"), pl.Series("readable", readable, dtype=pl.Boolean))
    limit = pl.lit(True) if max_samples is None else pl.int_range(pl.len()).over("split") < max_samples
    rows = rows.with_columns(((pl.col("split") != "train") | limit).alias("within"))
    return rows.with_columns(
        outcome=pl.when(pl.col("readable") & pl.col("within")).then(pl.lit(KEPT)).otherwise(pl.lit(REJECTED)),
        reason=pl.when(~pl.col("readable"))
        .then(pl.lit("not_for_this_audience"))
        .when(~pl.col("within"))
        .then(pl.lit("beyond_max_samples"))
        .otherwise(pl.lit("")),
    )


def _parquet(rows: pl.DataFrame) -> bytes:
    sink = io.BytesIO()
    rows.select("pair_id", "split", "prompt", "completion").sort("pair_id").write_parquet(sink)
    return sink.getvalue()
