"""Old runs are forgotten, in SQLite and in PostgreSQL alike, and what an asset was last made by is not."""

from __future__ import annotations

import os
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import dagster as dg
import pytest

from bench.postgres import PostgresServer
from resources import home
from resources.errors import Missing
from resources.settings import Settings

LATER = datetime.now(UTC) + timedelta(days=40)


@dg.asset
def counted() -> dg.MaterializeResult:
    """An asset with a number."""
    return dg.MaterializeResult(metadata={"rows": 1})


@pytest.fixture(scope="session")
def postgres(tmp_path_factory: pytest.TempPathFactory) -> Iterator[PostgresServer]:
    """A PostgreSQL of this run's own."""
    try:
        with PostgresServer(tmp_path_factory.mktemp("postgres")) as server:
            yield server
    except Missing as error:
        if os.environ.get("CI") == "true":
            pytest.fail(str(error))
        pytest.skip(str(error))


@pytest.fixture(params=["sqlite", pytest.param("postgres", marks=pytest.mark.services)])
def instance(
    request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Iterator[dg.DagsterInstance]:
    """A Dagster instance on each kind of history."""
    own = {"DATAALCHEMY_DATA_PATH": str(tmp_path)}
    if request.param == "postgres":
        server = request.getfixturevalue("postgres")
        own["DATAALCHEMY_POSTGRES_URL"] = server.url
        for name, value in server.secret.items():
            monkeypatch.setenv(name, value)
    monkeypatch.setenv("DAGSTER_HOME", str(home.prepare(Settings.read(**own))))
    with dg.DagsterInstance.get() as found:
        yield found


def materialize(instance: dg.DagsterInstance) -> str:
    """One run; its id."""
    return dg.materialize([counted], instance=instance).run_id


def test_ended_runs_that_are_old_go_with_their_events_and_the_last_one_of_an_asset_stays(
    instance: dg.DagsterInstance, monkeypatch: pytest.MonkeyPatch
) -> None:
    runs = [materialize(instance) for _ in range(3)]
    going_on = instance.create_run_for_job(
        dg.define_asset_job("job").resolve(asset_graph=dg.Definitions([counted]).resolve_asset_graph())
    )
    instance.report_run_canceling(going_on)
    assert home.prune(instance, days=30) == 0, "none is old yet"
    monkeypatch.setattr(home, "datetime", Later)
    assert home.prune(instance, days=30) == 2
    left = {run.run_id for run in instance.get_runs()}
    assert left == {runs[2], going_on.run_id}, "what goes on is not touched"
    made = instance.fetch_materializations(dg.AssetKey("counted"), limit=10).records
    assert [record.run_id for record in made] == [runs[2]]
    event = instance.get_latest_materialization_event(dg.AssetKey("counted"))
    assert event is not None and event.run_id == runs[2]
    assert materialize(instance) != runs[2]


def test_the_file_that_sqlite_keeps_for_a_run_goes_too(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "dagster.yaml").write_text("telemetry:\n  enabled: false\n", encoding="utf-8")
    with dg.DagsterInstance.from_config(str(tmp_path)) as instance:
        runs = [materialize(instance) for _ in range(2)]
        shards = {path.stem for path in tmp_path.rglob("*.db") if path.stem in runs}
        assert shards == set(runs)
        monkeypatch.setattr(home, "datetime", Later)
        home.prune(instance, days=30)
        assert {path.stem for path in tmp_path.rglob("*.db") if path.stem in runs} == {runs[1]}


class Later(datetime):
    """A clock forty days ahead."""

    @classmethod
    def now(cls, tz: object = None) -> datetime:  # type: ignore[override]
        """Forty days from now."""
        return LATER
