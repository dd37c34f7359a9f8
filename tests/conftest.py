"""Real servers for tests, on free loopback ports with folders and credentials of their own, and a clean environment."""

from __future__ import annotations

import os
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from bench import servers
from bench.postgres import PostgresServer
from bench.servers import MinioServer, RedisServer, VersityServer, free_port
from resources.errors import Missing
from resources.settings import CHECKOUT

__all__ = ["MinioServer", "RedisServer", "VersityServer", "free_port", "program"]

KEPT = {"DATAALCHEMY_TEST_BIN", "DATAALCHEMY_CACHE", "DATAALCHEMY_SCREENSHOTS", "DATAALCHEMY_TORCH"}
IMAGES_S = 2400
OURS = ("DATAALCHEMY_", "AWS_", "DAGSTER_", "SERVICE_TYPE", "K3D_CLUSTER")


def pytest_configure(config: pytest.Config) -> None:
    """Forget a person's own settings: no test may reach their lake, and none may pass only because of them."""
    for name in [name for name in os.environ if name.startswith(OURS) and name not in KEPT]:
        del os.environ[name]
    os.environ["PROJECT_ROOT"] = tempfile.mkdtemp(prefix="dataalchemy-test-")


@pytest.fixture(scope="session")
def minio_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[MinioServer]:
    """A MinIO of this run's own; `make_bucket()` gives each test a bucket."""
    program("minio")
    with MinioServer(tmp_path_factory.mktemp("minio")) as server:
        yield server


@pytest.fixture(scope="session")
def versity_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[VersityServer]:
    """A VersityGW of this run's own."""
    program("versitygw")
    with VersityServer(tmp_path_factory.mktemp("versity")) as server:
        yield server


@pytest.fixture(scope="session")
def redis_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RedisServer]:
    """A Redis of this run's own, with a password."""
    program("redis-server")
    with RedisServer(tmp_path_factory.mktemp("redis")) as server:
        yield server


@contextmanager
def postgres_at(folder: Path) -> Iterator[PostgresServer]:
    """A PostgreSQL with an empty database; without the program the test is skipped, or fails where CI promised it."""
    server = PostgresServer(folder)
    try:
        server.start()
    except Missing as error:
        pytest.fail(str(error)) if os.environ.get("CI") == "true" else pytest.skip(str(error))
    try:
        yield server
    finally:
        server.__exit__(None, None, None)


def program(name: str) -> Path:
    """The program of this name; without it the test is skipped, or fails where CI promised it."""
    try:
        return servers.program(name)
    except Missing as error:
        if os.environ.get("CI") == "true":
            pytest.fail(str(error))
        pytest.skip(str(error))


@pytest.fixture(scope="session")
def images() -> dict[str, str]:
    """The variables that `scripts/test-images` prints; skipped where there is no Docker, a failure where CI has it."""
    may_start_one = os.geteuid() == 0 and shutil.which("apt-get") is not None
    if shutil.which("docker") is None and not may_start_one:
        pytest.skip("Docker is not on this machine; docs/docker.md says how to get it")
    done = subprocess.run(
        [CHECKOUT / "scripts" / "test-images"], capture_output=True, text=True, timeout=IMAGES_S, check=False
    )
    if done.returncode:
        reason = f"scripts/test-images: {done.stderr[-2000:]}"
        if os.environ.get("CI") == "true" and may_start_one:
            pytest.fail(reason)
        pytest.skip(reason)
    lines = [line.removeprefix("export ") for line in done.stdout.splitlines()]
    return dict(line.split("=", 1) for line in lines)
