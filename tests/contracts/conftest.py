"""Every Lake backend in turn; a new backend joins here and nowhere else."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from resources.lake import LocalLake, ObjectLake, S3Lake


@pytest.fixture(params=["directory", pytest.param("minio", marks=pytest.mark.services)])
def lake(request: pytest.FixtureRequest, tmp_path: Path) -> ObjectLake:
    """An empty lake on each backend."""
    if request.param == "directory":
        return LocalLake(root=(tmp_path / "lake").as_uri())
    lake: ObjectLake = request.getfixturevalue("s3_lake")
    return lake


@pytest.fixture
def s3_lake(minio_server: Any, monkeypatch: pytest.MonkeyPatch) -> S3Lake:
    """An empty lake in a bucket of its own on a real MinIO."""
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", minio_server.access_key)
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", minio_server.secret_key)
    return S3Lake(root=f"s3://{minio_server.make_bucket()}/deep/prefix", endpoint=minio_server.endpoint)


@pytest.fixture
def secrets_of(request: pytest.FixtureRequest) -> Callable[[ObjectLake], list[str]]:
    """The secret values that a lake works with."""

    def found(lake: ObjectLake) -> list[str]:
        if not isinstance(lake, S3Lake):
            return []
        server = request.getfixturevalue("minio_server")
        return [server.access_key, server.secret_key]

    return found
