"""Dagster's history goes from a SQLite home into a real PostgreSQL: runs, times, events, schedules; twice is once."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import dagster as dg
import pytest
from dagster._core.remote_origin import (
    ManagedGrpcPythonEnvCodeLocationOrigin,
    RemoteInstigatorOrigin,
    RemoteRepositoryOrigin,
)
from dagster._core.scheduler.instigation import (
    InstigatorState,
    InstigatorStatus,
    InstigatorType,
    ScheduleInstigatorData,
)
from dagster._core.storage.dagster_run import DagsterRun
from dagster._core.storage.event_log.base import EventLogStorage
from dagster._core.types.loadable_target_origin import LoadableTargetOrigin
from dagster._core.utils import make_new_run_id

from resources.errors import Misconfigured, NotFound
from resources.history_copy import sqlite_instance, take
from resources.home import migrate, prepare
from resources.progress import LogProgress
from resources.settings import Settings
from tests.conftest import postgres_at

pytestmark = pytest.mark.services
PROGRESS = LogProgress()


@dg.asset
def thing() -> dg.MaterializeResult[None]:
    """An asset with a number."""
    return dg.MaterializeResult(metadata={"rows": 3})


@dg.asset_check(asset=thing)
def thing_is_right() -> dg.AssetCheckResult:
    """A check of it."""
    return dg.AssetCheckResult(passed=True)


@dg.asset
def broken() -> None:
    """An asset that fails."""
    raise ValueError("planted")


@pytest.fixture
def home(tmp_path: Path) -> Path:
    """A home with three runs, one of which failed."""
    place = tmp_path / "dagster"
    place.mkdir(exist_ok=True)
    with dg.DagsterInstance.local_temp(str(place), overrides={"telemetry": {"enabled": False}}) as instance:
        for _ in range(2):
            assert dg.materialize([thing, thing_is_right], instance=instance).success
        assert not dg.materialize([broken], instance=instance, raise_on_error=False).success
    return place


@pytest.fixture
def postgres(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[dg.DagsterInstance]:
    """The instance of a deployment whose history PostgreSQL keeps, in the home where SQLite kept it until now."""
    with postgres_at(tmp_path / "postgres") as server:
        monkeypatch.setenv("DATAALCHEMY_POSTGRES_PASSWORD", server.password)
        monkeypatch.setenv("DAGSTER_HOME", "")
        settings = Settings.read(DATAALCHEMY_DATA_PATH=str(tmp_path), DATAALCHEMY_POSTGRES_URL=server.url)
        prepare(settings)
        migrate(settings)
        with dg.DagsterInstance.get() as instance:
            yield instance


def told(instance: dg.DagsterInstance) -> list[tuple[object, ...]]:
    """What a person sees of each run: itself with its state, its times, its events."""
    return [
        (
            record.dagster_run,
            record.create_timestamp,
            record.start_time,
            record.end_time,
            [str(entry.to_json()) for entry in instance.all_logs(record.dagster_run.run_id)],
        )
        for record in instance.get_run_records(ascending=True)
    ]


def test_runs_come_with_their_times_events_assets_and_checks_and_the_same_again_brings_nothing(
    home: Path, postgres: dg.DagsterInstance
) -> None:
    with sqlite_instance(home) as source:
        taken = take(source, postgres, progress=PROGRESS)
        assert (taken.runs, taken.new) == (3, 3)
        assert told(postgres) == told(source)
        (now,) = (instance.get_latest_materialization_event(dg.AssetKey("thing")) for instance in [postgres])
        assert now == source.get_latest_materialization_event(dg.AssetKey("thing"))
        key = dg.AssetCheckKey(dg.AssetKey("thing"), "thing_is_right")
        checks = postgres.event_log_storage.get_asset_check_execution_history(key, limit=9)
        assert [check.status.value for check in checks] == ["SUCCEEDED", "SUCCEEDED"]
        assert take(source, postgres, progress=PROGRESS).new == 0
    assert dg.materialize([thing], instance=postgres).success
    assert len(postgres.get_run_records()) == 4


def test_a_run_that_came_in_half_is_brought_anew(
    home: Path, postgres: dg.DagsterInstance, monkeypatch: pytest.MonkeyPatch
) -> None:
    storage: type[EventLogStorage] = type(postgres.event_log_storage)
    store, calls = storage.store_event, [0]

    def stops(self: EventLogStorage, event: dg.EventLogEntry) -> None:
        calls[0] += 1
        if calls[0] == 30:
            raise ConnectionError("planted")
        store(self, event)

    with sqlite_instance(home) as source:
        monkeypatch.setattr(storage, "store_event", stops)
        with pytest.raises(ConnectionError):
            take(source, postgres, progress=PROGRESS)
        monkeypatch.setattr(storage, "store_event", store)
        there = len(postgres.get_run_records())
        assert there > 0 and told(postgres) != told(source)[:there], "the fault left no run in half"
        assert take(source, postgres, progress=PROGRESS).new == 3 - there + 1
        assert told(postgres) == told(source)


def test_an_unfinished_run_or_a_folder_that_is_no_home_is_refused(home: Path, tmp_path: Path) -> None:
    with dg.DagsterInstance.ephemeral() as target, sqlite_instance(home) as source:
        source.add_run(DagsterRun("things", run_id=make_new_run_id(), status=dg.DagsterRunStatus.STARTED))
        with pytest.raises(Misconfigured, match="not finished"):
            take(source, target, progress=PROGRESS)
        assert not target.get_run_records()
    with pytest.raises(NotFound, match="no history"):
        sqlite_instance(tmp_path / "elsewhere")


def test_a_schedule_that_was_on_is_on_and_one_that_the_target_knows_stays_as_it_is(
    home: Path, postgres: dg.DagsterInstance
) -> None:
    with sqlite_instance(home) as source:
        on, off = (state_of("hourly", status) for status in (InstigatorStatus.RUNNING, InstigatorStatus.STOPPED))
        source.add_instigator_state(on)
        assert take(source, postgres, progress=PROGRESS).instigators == 1
        assert postgres.all_instigator_state() == [on]
        postgres.update_instigator_state(off)
        take(source, postgres, progress=PROGRESS)
        assert postgres.all_instigator_state() == [off]


def state_of(name: str, status: InstigatorStatus) -> InstigatorState:
    """A schedule of the project's location, on or off."""
    location = ManagedGrpcPythonEnvCodeLocationOrigin(LoadableTargetOrigin(module_name="m"), location_name="location")
    origin = RemoteInstigatorOrigin(RemoteRepositoryOrigin(location, "__repository__"), name)
    data = ScheduleInstigatorData("0 * * * *", None)
    return InstigatorState(origin, InstigatorType.SCHEDULE, status, data)
