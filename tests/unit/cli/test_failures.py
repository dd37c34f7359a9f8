"""How a failed run is told: as the error of ours that it was, or by what it lost."""

from __future__ import annotations

from functools import partial
from pathlib import Path

import pytest

from dataalchemy_pipelines.cli.failures import OF_THE_HISTORY, FailedStep, error_of
from resources.errors import Misconfigured, Unavailable
from resources.home import history_away
from resources.settings import Settings

URL = "postgresql://dataalchemy@db.internal:5432/dagster"


def settings(**more: str) -> Settings:
    return Settings(**more)


def told(*steps: FailedStep, checks: tuple[str, ...] = (), **more: str) -> Exception:
    return error_of(steps, checks, partial(history_away, settings(**more)))


@pytest.mark.parametrize("class_name", sorted(OF_THE_HISTORY))
@pytest.mark.parametrize("where", ["raw_records", "run"])
def test_a_lost_history_is_named_with_its_address_and_the_mend(class_name: str, where: str) -> None:
    error = told(FailedStep(where, {}, class_name), postgres_url=URL)
    assert isinstance(error, Unavailable)
    for part in ("db.internal:5432", class_name, "doctor", "same command again"):
        assert part in str(error)


def test_without_postgresql_the_history_is_the_home(tmp_path: Path) -> None:
    error = told(FailedStep("run", {}, "OperationalError"))
    assert isinstance(error, Unavailable)
    assert str(settings().dagster_home) in str(error)


def test_an_error_of_ours_comes_out_as_it_went_in() -> None:
    said = {"kind": "Misconfigured", "what": "No such recipe", "subject": "x.yaml", "fix": "Write one."}
    error = told(FailedStep("documents", said, "OperationalError"), postgres_url=URL)
    assert isinstance(error, Misconfigured)
    assert str(error) == str(Misconfigured("No such recipe", subject="x.yaml", fix="Write one."))


def test_another_error_is_named_by_step_and_class() -> None:
    assert "documents (ZeroDivisionError)" in str(told(FailedStep("documents", {}, "ZeroDivisionError")))


def test_a_failed_check_is_named_and_a_stopped_run_is_a_person() -> None:
    assert "balanced" in str(told(checks=("balanced",)))
    with pytest.raises(KeyboardInterrupt):
        told(FailedStep("documents", {}, "DagsterExecutionInterruptedError"))
