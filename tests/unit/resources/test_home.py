"""Runs and pool slots that a dead process left behind are cleared; those of a living one stay."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import dagster as dg
import pytest

from resources.home import PROCESS_TAG, sweep, this_process

GONE = "999999999:1@00000000"


@pytest.fixture
def instance(tmp_path: Path) -> Iterator[dg.DagsterInstance]:
    with dg.DagsterInstance.local_temp(str(tmp_path), overrides={"telemetry": {"enabled": False}}) as found:
        found.event_log_storage.set_concurrency_slots("engine", 3)
        yield found


def run(instance: dg.DagsterInstance, status: dg.DagsterRunStatus, process: str) -> str:
    """A run in this state, which holds a slot."""
    job = dg.JobDefinition(name="refine", graph_def=dg.GraphDefinition(name="refine"))
    made = instance.create_run_for_job(job, status=status, tags={PROCESS_TAG: process})
    assert instance.event_log_storage.claim_concurrency_slot("engine", made.run_id, "documents").is_claimed
    return made.run_id


def test_a_run_whose_process_is_gone_is_marked_and_its_slot_is_free(instance: dg.DagsterInstance) -> None:
    left = run(instance, dg.DagsterRunStatus.STARTED, GONE)
    assert sweep(instance, nothing_else_runs=False) == 1
    found = instance.get_run_by_id(left)
    assert found is not None and found.status == dg.DagsterRunStatus.FAILURE
    assert instance.event_log_storage.get_concurrency_run_ids() == set()


def test_a_run_that_ended_without_its_database_holds_no_slot_any_longer(instance: dg.DagsterInstance) -> None:
    run(instance, dg.DagsterRunStatus.FAILURE, GONE)
    assert sweep(instance, nothing_else_runs=False) == 0
    assert instance.event_log_storage.get_concurrency_run_ids() == set()


def test_a_run_of_a_living_process_keeps_its_slot(instance: dg.DagsterInstance) -> None:
    works = run(instance, dg.DagsterRunStatus.STARTED, this_process())
    assert sweep(instance, nothing_else_runs=False) == 0
    assert instance.event_log_storage.get_concurrency_run_ids() == {works}
