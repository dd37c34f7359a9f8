"""Every Lake backend in turn; a new backend joins here and nowhere else."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from bench.servers import MinioServer, S3Server
from resources.lake import LocalLake, ObjectLake, S3Lake
from resources.settings import Settings, secret
from tests.contracts.documented import documented

SERVERS = {"minio": "minio_server", "versitygw": "versity_server"}


@pytest.fixture(
    params=["directory", *(pytest.param(name, marks=pytest.mark.services) for name in (*SERVERS, "documented"))]
)
def lake(request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> ObjectLake:
    """An empty lake on each backend."""
    if request.param == "directory":
        return LocalLake(root=(tmp_path / "lake").as_uri())
    found = _in_a_bucket(request.getfixturevalue(SERVERS.get(request.param, "minio_server")), monkeypatch)
    if request.param != "documented":
        return found
    own = {"DATAALCHEMY_DEPLOYMENT": "aws", "DATAALCHEMY_LAKE": found.root, "DATAALCHEMY_S3_ENDPOINT": found.endpoint}
    lake: ObjectLake = documented(Settings.read(**own, DATAALCHEMY_KV="redis://127.0.0.1:1/0"))["lake"]
    return lake


@pytest.fixture
def s3_lake(minio_server: MinioServer, monkeypatch: pytest.MonkeyPatch) -> S3Lake:
    """An empty lake in a bucket of its own on a real MinIO."""
    return _in_a_bucket(minio_server, monkeypatch)


def _in_a_bucket(server: S3Server, monkeypatch: pytest.MonkeyPatch) -> S3Lake:
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", server.access_key)
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", server.secret_key)
    return S3Lake(root=f"s3://{server.make_bucket()}/deep/prefix", endpoint=server.endpoint)


@pytest.fixture
def secrets_of() -> Callable[[ObjectLake], list[str]]:
    """The secret values that a lake works with."""

    def found(lake: ObjectLake) -> list[str]:
        variables = (lake.key_variable, lake.secret_variable) if isinstance(lake, S3Lake) else ()
        return [value for value in map(secret, variables) if value]

    return found
