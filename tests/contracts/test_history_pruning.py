"""Old runs are forgotten, in SQLite and in PostgreSQL alike, and what an asset was last made by is not."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import dagster as dg
import pytest

from resources import home
from tests.conftest import free_port

BIN = Path("/usr/lib/postgresql/15/bin")
LATER = datetime.now(UTC) + timedelta(days=40)


@dg.asset
def counted() -> dg.MaterializeResult:
    """An asset with a number."""
    return dg.MaterializeResult(metadata={"rows": 1})


@pytest.fixture(scope="session")
def postgres(tmp_path_factory: pytest.TempPathFactory) -> Iterator[int]:
    """A PostgreSQL of this run's own, without a password and on loopback only; its port."""
    if not (BIN / "initdb").is_file():
        if os.environ.get("CI") == "true":
            pytest.fail("PostgreSQL 15 is not on this machine: apt-get install postgresql-15")
        pytest.skip("PostgreSQL 15 is not on this machine: apt-get install postgresql-15")
    folder = tmp_path_factory.mktemp("postgres")
    other = ["setpriv", "--reuid=postgres", "--regid=postgres", "--clear-groups"] if os.geteuid() == 0 else []
    if other:
        for path in (folder, *folder.parents):
            if path.stat().st_uid == 0 and path.name.startswith("pytest-"):
                path.chmod(0o755)
        subprocess.run(["chown", "postgres", str(folder)], check=True)
    data, port = folder / "data", free_port()
    run = {"check": True, "capture_output": True}
    subprocess.run([*other, str(BIN / "initdb"), "-D", str(data), "-U", "dagster", "-A", "trust"], **run)  # type: ignore[call-overload]
    options = f"-p {port} -c listen_addresses=127.0.0.1 -c unix_socket_directories={folder}"
    subprocess.run(
        [*other, str(BIN / "pg_ctl"), "-D", str(data), "-w", "-l", str(folder / "log"), "-o", options, "start"],
        check=True,
    )
    yield port
    subprocess.run([*other, str(BIN / "pg_ctl"), "-D", str(data), "-m", "immediate", "stop"], check=True)


@pytest.fixture(params=["sqlite", pytest.param("postgres", marks=pytest.mark.services)])
def instance(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[dg.DagsterInstance]:
    """A Dagster instance on each kind of history."""
    text = "telemetry:\n  enabled: false\n"
    if request.param == "postgres":
        port = request.getfixturevalue("postgres")
        address = f"username: dagster, password: '', hostname: 127.0.0.1, port: {port}, db_name: postgres"
        text += f"storage:\n  postgres:\n    postgres_db: {{{address}, scheme: postgresql+psycopg2}}\n"
    (tmp_path / "dagster.yaml").write_text(text, encoding="utf-8")
    with dg.DagsterInstance.from_config(str(tmp_path)) as found:
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
    asked = dg.EventRecordsFilter(dg.DagsterEventType.ASSET_MATERIALIZATION, asset_key=dg.AssetKey("counted"))
    assert [record.run_id for record in instance.get_event_records(asked)] == [runs[2]]
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
