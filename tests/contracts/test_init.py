"""`init` on real servers: what is missing is made, what is old is brought up to date, what is wrong is named."""

from __future__ import annotations

import json
import os
import secrets
from collections.abc import Iterator
from pathlib import Path

import dagster as dg
import pytest
from click.testing import CliRunner, Result

from bench.postgres import PostgresServer
from bench.servers import MinioServer, RedisServer, S3Server, VersityServer
from dataalchemy_pipelines.cli.app import exit_code
from dataalchemy_pipelines.cli.init import init as command
from resources.bucket import make_bucket
from resources.errors import DataAlchemyError, Misconfigured, Unavailable
from resources.lake import S3Lake
from resources.settings import Settings
from tests.conftest import free_port, postgres_at

pytestmark = pytest.mark.services

BEFORE_THE_LAST = "6b7fb194ff9c"
"""The last but one revision of Dagster's schema, whose successor adds a column."""
ADDED = ("concurrency_limits", "using_default_limit")


@pytest.fixture(scope="module")
def postgres_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[PostgresServer]:
    """One for all tests here: each brings it up to date anew."""
    with postgres_at(tmp_path_factory.mktemp("postgres")) as server:
        yield server


@pytest.fixture
def settings(
    minio_server: MinioServer,
    redis_server: RedisServer,
    postgres_server: PostgresServer,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> Settings:
    """A docker deployment with a bucket that is not there yet."""
    values = {
        "DATAALCHEMY_DEPLOYMENT": "docker",
        "DATAALCHEMY_DATA_PATH": str(tmp_path / "data"),
        "DATAALCHEMY_LAKE": f"s3://new-{secrets.token_hex(4)}/lake",
        "DATAALCHEMY_S3_ENDPOINT": minio_server.endpoint,
        "DATAALCHEMY_KV": redis_server.url,
        "DATAALCHEMY_POSTGRES_URL": postgres_server.url,
        "DATAALCHEMY_KV_PASSWORD": redis_server.password,
        "AWS_ACCESS_KEY_ID": minio_server.access_key,
        "AWS_SECRET_ACCESS_KEY": minio_server.secret_key,
        **postgres_server.secret,
    }
    for name, value in {**values, "DAGSTER_HOME": ""}.items():
        monkeypatch.setenv(name, value)
    return Settings.read()


def init(*arguments: str) -> Result:
    return CliRunner().invoke(command, arguments, obj=Settings.read(), standalone_mode=False)


def states(result: Result) -> dict[str, str]:
    events = [json.loads(line) for line in result.output.splitlines() if line.startswith("{")]
    return {event["what"]: event["state"] for event in events if event["event"] == "init"}


def test_everything_is_made_once_and_no_secret_is_said(settings: Settings) -> None:
    first, second = init("--json"), init("--json")
    assert first.exception is None and second.exception is None
    assert list(states(first)) == ["bucket", "lake", "home", "history"]
    assert states(first)["bucket"].endswith(", made")
    assert states(second)["bucket"].endswith(", there already")
    assert states(second)["history"].startswith("PostgreSQL at 127.0.0.1:")
    names = ("AWS_SECRET_ACCESS_KEY", "DATAALCHEMY_KV_PASSWORD", "DATAALCHEMY_POSTGRES_PASSWORD")
    instance = (settings.dagster_home / "dagster.yaml").read_text(encoding="utf-8")
    for name in names:
        assert os.environ[name] not in first.output + second.output + instance + repr(settings)


def test_a_schema_of_an_older_dagster_is_brought_up_to_date_and_its_runs_stay(
    settings: Settings, postgres_server: PostgresServer
) -> None:
    assert init().exception is None
    with dg.DagsterInstance.get() as instance:
        run = instance.create_run_for_job(dg.JobDefinition(name="older", graph_def=dg.GraphDefinition(name="older")))
    table, column = ADDED
    with postgres_server.connect() as connection, connection.cursor() as cursor:
        cursor.execute("SELECT version_num FROM alembic_version")
        newest = cursor.fetchall()
        cursor.execute(f"ALTER TABLE {table} DROP COLUMN {column}")
        cursor.execute("UPDATE alembic_version SET version_num = %s", [BEFORE_THE_LAST])
        connection.commit()
        assert init().exception is None
        cursor.execute("SELECT version_num FROM alembic_version")
        assert cursor.fetchall() == newest
        cursor.execute(
            "SELECT count(*) FROM information_schema.columns WHERE table_name = %s AND column_name = %s", ADDED
        )
        assert cursor.fetchone() == (1,)
    with dg.DagsterInstance.get() as instance:
        assert instance.get_run_by_id(run.run_id) is not None


@pytest.mark.parametrize(
    ("variable", "value", "named"),
    [
        ("DATAALCHEMY_POSTGRES_PASSWORD", "wrong", "wrong password"),
        ("AWS_SECRET_ACCESS_KEY", "wrong-wrong", "refuses the credentials"),
        ("DATAALCHEMY_POSTGRES_URL", "postgresql://dataalchemy@127.0.0.1:{port}/nowhere", "no such database"),
        ("DATAALCHEMY_S3_ENDPOINT", "http://127.0.0.1:1", "127.0.0.1:1"),
    ],
)
def test_what_is_wrong_is_named_with_its_mend(
    settings: Settings,
    postgres_server: PostgresServer,
    monkeypatch: pytest.MonkeyPatch,
    variable: str,
    value: str,
    named: str,
) -> None:
    monkeypatch.setenv(variable, value.format(port=postgres_server.port))
    error = init().exception
    assert isinstance(error, DataAlchemyError)
    assert named in str(error) and error.fix
    assert exit_code(error) in (2, 3)


def test_versions_are_kept_only_while_they_are_asked_for(
    minio_server: MinioServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    lake = without_bucket(minio_server, monkeypatch)
    assert make_bucket(lake, versioned=False) == "made"
    assert status_of(minio_server, lake) == "None"
    make_bucket(lake, versioned=True)
    assert status_of(minio_server, lake) == "Enabled"
    make_bucket(lake, versioned=False)
    assert status_of(minio_server, lake) == "Suspended"


def test_a_server_that_keeps_no_versions_says_so_and_serves_without(
    versity_server: VersityServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    lake = without_bucket(versity_server, monkeypatch)
    assert make_bucket(lake, versioned=False) == "made"
    with pytest.raises(Misconfigured, match="keeps no versions"):
        make_bucket(lake, versioned=True)
    assert make_bucket(lake, versioned=False) == "there already"


def test_a_server_that_is_away_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "a")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "b")
    lake = S3Lake(root="s3://bucket/lake", endpoint=f"http://127.0.0.1:{free_port()}")
    with pytest.raises(Unavailable, match="doctor"):
        make_bucket(lake, versioned=False)


def without_bucket(server: S3Server, monkeypatch: pytest.MonkeyPatch) -> S3Lake:
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", server.access_key)
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", server.secret_key)
    return S3Lake(root=f"s3://new-{secrets.token_hex(4)}/lake", endpoint=server.endpoint)


def status_of(server: S3Server, lake: S3Lake) -> str:
    from minio import Minio

    host = server.endpoint.removeprefix("http://")
    client = Minio(endpoint=host, access_key=server.access_key, secret_key=server.secret_key, secure=False)
    return str(client.get_bucket_versioning(lake.bucket).status)
