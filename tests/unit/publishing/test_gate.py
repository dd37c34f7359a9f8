"""The verdict on an adapter."""

from __future__ import annotations

import numpy as np
import polars as pl
import pytest

from dataalchemy_pipelines.publishing.gate import (
    ADAPTER,
    ADAPTER_RETRIEVAL,
    ARMS,
    BASE,
    BASE_RETRIEVAL,
    GateSettings,
    Verdict,
    bootstrap,
    decide,
    figures,
)

SETTINGS = GateSettings(resamples=2000)
ANSWERS = {BASE_RETRIEVAL: ["so it is"] * 4, ADAPTER_RETRIEVAL: ['"It is so." [1]'] * 4}
TOKENS = 10


def evaluations(gain: float, *, forgetting: float = 0.0, stopped: float = 1.0, questions: int = 40) -> pl.DataFrame:
    """Four arms; the adapter's gain varies from question to question around ``gain`` nats a token."""
    noise = np.random.default_rng(1).normal(0, 0.1, questions)
    noise -= noise.mean()
    rows = []
    for number in range(questions):
        level = {BASE: 4.0, BASE_RETRIEVAL: 1.0, ADAPTER: 3.5, ADAPTER_RETRIEVAL: 1.0 - gain - noise[number]}
        for arm in ARMS:
            ends = number < stopped * questions or arm != ADAPTER_RETRIEVAL
            rows.append((f"q{number}", "unseen" if number % 2 else "seen", arm, level[arm] * TOKENS, ends))
    for number in range(16):
        rows += [
            (f"g{number}", "general", arm, (3.0 + extra) * TOKENS, None)
            for arm, extra in ((BASE, 0.0), (ADAPTER, forgetting))
        ]
    frame = pl.DataFrame(rows, schema=["question_id", "held_out", "arm", "nll", "stopped"], orient="row")
    return frame.with_columns(tokens=pl.lit(TOKENS), verbatim=pl.col("stopped"), f1=pl.lit(0.5))


def verdict(frame: pl.DataFrame, answers: dict[str, list[str]] | None = None, leaked: str = "canary") -> Verdict:
    return decide(frame, answers or ANSWERS, leaks=lambda text: text.count(leaked), settings=SETTINGS)


def test_a_clear_gain_is_released_and_the_sentence_gives_its_size() -> None:
    found = verdict(evaluations(0.5))
    assert (found.released, found.faults) == (True, ())
    assert found.gain.mean == pytest.approx(0.5)
    assert 0.4 < found.gain.low < 0.5 < found.gain.high < 0.6
    assert found.sentence.startswith("It helped: 0.50 nats a token better than the base model with retrieval (95 %")
    assert found.sentence.endswith("40 questions); released.")


@pytest.mark.parametrize(("gain", "word"), [(0.01, "better"), (-0.3, "worse")])
def test_a_gain_that_may_be_chance_or_a_loss_is_not_released_and_says_by_how_much(gain: float, word: str) -> None:
    found = verdict(evaluations(gain))
    assert (found.released, found.faults) == (False, ("no_gain",))
    assert f"It did not help: {abs(gain):.2f} nats a token {word} than" in found.sentence
    assert found.sentence.endswith("; not released.")


@pytest.mark.parametrize(
    ("frame", "fault"),
    [
        (evaluations(0.5, forgetting=0.9), "forgot"),
        (evaluations(0.5, stopped=0.5), "stops_less"),
        (evaluations(0.5, questions=10), "too_few_questions"),
    ],
)
def test_a_gain_that_costs_something_else_is_not_released(frame: pl.DataFrame, fault: str) -> None:
    found = verdict(frame)
    assert (found.released, found.faults) == (False, (fault,))
    assert found.sentence.startswith("It helped: 0.50") and ", but " in found.sentence


def test_an_adapter_that_answers_as_the_base_does_is_refused() -> None:
    same = {BASE_RETRIEVAL: ["so"], ADAPTER_RETRIEVAL: ["so"]}
    assert verdict(evaluations(0.5), same).faults == ("same_answers",)
    unchanged = evaluations(0.0).with_columns(nll=pl.lit(10.0))
    assert set(verdict(unchanged).faults) == {"same_answers", "no_gain"}


def test_a_canary_in_an_answer_stops_the_release_and_is_not_repeated() -> None:
    found = verdict(evaluations(0.5), {**ANSWERS, ADAPTER_RETRIEVAL: ["the canary sings"]})
    assert found.faults == ("leaked",)
    assert "canary" not in found.sentence


def test_no_evaluation_at_all_is_not_released() -> None:
    found = verdict(evaluations(0.5).clear())
    assert not found.released and {"too_few_questions", "no_gain"} <= set(found.faults)


def test_the_order_of_rows_does_not_change_the_verdict() -> None:
    frame = evaluations(0.5)
    assert verdict(frame.sample(fraction=1, shuffle=True, seed=2)) == verdict(frame)


def test_the_bootstrap_interval_is_that_of_the_normal_law_for_many_values() -> None:
    values = np.random.default_rng(5).normal(2, 1, 400)
    found = bootstrap(values, GateSettings())
    assert found.low == pytest.approx(values.mean() - 1.96 * values.std() / 20, abs=0.02)
    assert found.high == pytest.approx(values.mean() + 1.96 * values.std() / 20, abs=0.02)


def test_the_table_has_a_line_for_each_arm_and_set() -> None:
    lines = {(line.held_out, line.arm): line for line in figures(evaluations(0.5), SETTINGS)}
    assert len(lines) == 4 + 4 + 2
    assert lines["seen", BASE].nll.mean == pytest.approx(4)
    assert lines["unseen", ADAPTER_RETRIEVAL].f1 == 0.5
    assert lines["general", ADAPTER].stopped is None
