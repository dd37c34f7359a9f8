"""Whether an adapter may be released: four arms on the same questions, and a verdict in one true sentence. Pure."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import polars as pl
from numpy.typing import NDArray
from pydantic import BaseModel, Field

BASE, BASE_RETRIEVAL, ADAPTER, ADAPTER_RETRIEVAL = "base", "base+retrieval", "adapter", "adapter+retrieval"
ARMS = (BASE, BASE_RETRIEVAL, ADAPTER, ADAPTER_RETRIEVAL)
GENERAL = "general"
"""``held_out`` of the everyday questions that show forgetting; the others are ``seen`` and ``unseen``."""


class GateSettings(BaseModel, frozen=True, extra="forbid"):
    """What an adapter must reach; negative log-likelihoods in nats a token of the gold sentence, lower is better."""

    min_questions: int = Field(20, ge=2, description="Fewer questions than this prove nothing.")
    max_forgetting: float = Field(0.5, ge=0, description="Most nats a token lost on everyday questions.")
    max_stop_drop: float = Field(0.2, ge=0, le=1, description="Most that the share of answers that end may fall.")
    resamples: int = Field(10_000, ge=1000, description="Of the bootstrap; 10,000 give the interval to about .005.")
    seed: int = Field(7, ge=0, description="Of the resampling, so that a verdict can be repeated.")


@dataclass(frozen=True)
class Interval:
    """A mean with its 95 % bootstrap interval, over ``count`` questions."""

    mean: float
    low: float
    high: float
    count: int

    @property
    def above_zero(self) -> bool:
        """Whether all of it is, as it is told: an interval from 0.00 on is not."""
        return round(self.low, 2) > 0

    def __str__(self) -> str:
        return f"{self.mean:.2f} [{self.low:.2f}, {self.high:.2f}]"


@dataclass(frozen=True)
class ArmFigures:
    """One line of the table: an arm on one held-out set. Shares are None where the arm was not made to answer."""

    arm: str
    held_out: str
    nll: Interval
    verbatim: float | None
    f1: float | None
    stopped: float | None


@dataclass(frozen=True)
class Verdict:
    """``gain`` is base + retrieval less adapter + retrieval, in nats a token: above 0 the adapter is better.

    ``faults``: ``too_few_questions``, ``no_gain``, ``same_answers``, ``forgot``, ``stops_less``, ``leaked``.
    """

    released: bool
    sentence: str
    gain: Interval
    forgetting: float
    faults: tuple[str, ...]
    table: tuple[ArmFigures, ...]


def decide(
    evaluations: pl.DataFrame,
    answers: Mapping[str, Sequence[str]],
    *,
    leaks: Callable[[str], int],
    settings: GateSettings,
) -> Verdict:
    """Judge one adapter.

    Args:
        evaluations: rows of ``evaluations`` of one evaluation, all arms on the same questions.
        answers: by arm, what the model answered to the same questions in the same order.
        leaks: counts personal values, secrets and planted canaries in a text.
        settings: the bounds.
    """
    gain = paired(evaluations, BASE_RETRIEVAL, ADAPTER_RETRIEVAL, general=False, settings=settings)
    forgetting = -paired(evaluations, BASE, ADAPTER, general=True, settings=settings).mean
    table = figures(evaluations, settings)
    drop = _stop_share(evaluations, BASE_RETRIEVAL) - _stop_share(evaluations, ADAPTER_RETRIEVAL)
    same = gain.mean == gain.low == gain.high == 0 or _same(answers)
    leaked = sum(leaks(text) for arm in (ADAPTER, ADAPTER_RETRIEVAL) for text in answers.get(arm, ()))
    found = {
        "too_few_questions": gain.count < settings.min_questions,
        "no_gain": not gain.above_zero,
        "same_answers": same,
        "forgot": forgetting > settings.max_forgetting,
        "stops_less": drop > settings.max_stop_drop,
        "leaked": leaked > 0,
    }
    faults = tuple(name for name, holds in found.items() if holds)
    words = {
        "too_few_questions": f"{gain.count} questions are too few to tell",
        "same_answers": "its answers equal the base model's",
        "forgot": f"it lost {forgetting:.2f} nats a token on everyday questions",
        "stops_less": f"{drop:.0%} fewer of its answers end by themselves",
        "leaked": f"{leaked} values that must not be there stood in its answers",
    }
    return Verdict(
        not faults,
        _sentence(gain, [words[fault] for fault in faults if fault in words]),
        gain,
        forgetting,
        faults,
        table,
    )


def paired(evaluations: pl.DataFrame, before: str, after: str, *, general: bool, settings: GateSettings) -> Interval:
    """Mean over questions of the drop in nats a token from one arm to the other, with its interval.

    Only questions that both arms were scored on count; an arm's token count is the same, as the completion is.
    """
    wide = (
        evaluations.filter((pl.col("held_out") == GENERAL) == general)
        .filter(pl.col("arm").is_in([before, after]))
        .with_columns(pl.col("nll") / pl.col("tokens"))
        .pivot("arm", index="question_id", values="nll")
        .sort("question_id")
    )
    if not {before, after} <= set(wide.columns):
        return Interval(0.0, 0.0, 0.0, 0)
    both = wide.drop_nulls([before, after])
    return bootstrap((both[before] - both[after]).to_numpy(), settings)


def bootstrap(values: NDArray[np.float64], settings: GateSettings) -> Interval:
    """Mean of (n,) values with the 2.5 and 97.5 percentiles of the means of seeded resamples.

    Cost: resamples * n draws, 500 at a time. Source: Efron and Tibshirani, An Introduction to the Bootstrap, 1993.
    """
    if values.size == 0:
        return Interval(0.0, 0.0, 0.0, 0)
    draw = np.random.default_rng(settings.seed)
    means = [
        values[draw.integers(0, values.size, (min(500, settings.resamples - start), values.size))].mean(axis=1)
        for start in range(0, settings.resamples, 500)
    ]
    low, high = np.percentile(np.concatenate(means), [2.5, 97.5])
    return Interval(float(values.mean()), float(low), float(high), values.size)


def figures(evaluations: pl.DataFrame, settings: GateSettings) -> tuple[ArmFigures, ...]:
    """The table of arms, one line an arm and held-out set, for people to read."""
    lines = []
    for held_out in ("seen", "unseen", GENERAL):
        for arm in ARMS:
            part = evaluations.filter((pl.col("held_out") == held_out) & (pl.col("arm") == arm)).sort("question_id")
            if len(part):
                nll = bootstrap((part["nll"] / part["tokens"]).to_numpy(), settings)
                shares = part.select(pl.col("verbatim", "f1", "stopped").cast(pl.Float64).mean()).row(0)
                lines.append(ArmFigures(arm, held_out, nll, *shares))
    return tuple(lines)


def _sentence(gain: Interval, faults: Sequence[str]) -> str:
    interval = f"95 % interval {gain.low:.2f} to {gain.high:.2f}, {gain.count} questions"
    if gain.above_zero:
        helped = f"It helped: {gain.mean:.2f} nats a token better than the base model with retrieval ({interval})"
        return f"{helped}; released." if not faults else f"{helped}, but {' and '.join(faults)}; not released."
    change = f"{abs(gain.mean):.2f} nats a token {'better' if gain.mean > 0 else 'worse'}"
    also = f"; {' and '.join(faults)}" if faults else ""
    return f"It did not help: {change} than the base model with retrieval ({interval}){also}; not released."


def _stop_share(evaluations: pl.DataFrame, arm: str) -> float:
    share = evaluations.filter(pl.col("arm") == arm)["stopped"].drop_nulls().cast(pl.Float64).mean()
    return float(share) if isinstance(share, float) else 0.0


def _same(answers: Mapping[str, Sequence[str]]) -> bool:
    ours, theirs = answers.get(ADAPTER_RETRIEVAL, ()), answers.get(BASE_RETRIEVAL, ())
    return len(ours) > 0 and list(ours) == list(theirs)
