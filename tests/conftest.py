"""Real servers for tests, on free loopback ports with folders and credentials of their own, and a clean environment."""

from __future__ import annotations

import os
import secrets
import socket
import subprocess
import tempfile
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest

from resources.provision import find_program

KEPT = {"DATAALCHEMY_TEST_BIN", "DATAALCHEMY_CACHE", "DATAALCHEMY_SCREENSHOTS"}
OURS = ("DATAALCHEMY_", "AWS_", "DAGSTER_", "SERVICE_TYPE", "K3D_CLUSTER")
START_S = 30.0


def pytest_configure(config: pytest.Config) -> None:
    """Forget a person's own settings: no test may reach their lake, and none may pass only because of them."""
    for name in [name for name in os.environ if name.startswith(OURS) and name not in KEPT]:
        del os.environ[name]
    os.environ["PROJECT_ROOT"] = tempfile.mkdtemp(prefix="dataalchemy-test-")


@dataclass(frozen=True)
class MinioServer:
    """A running MinIO: its address and root credentials."""

    endpoint: str
    access_key: str
    secret_key: str

    def make_bucket(self) -> str:
        """Make a bucket that no other test has, and return its name."""
        from minio import Minio

        name = f"test-{secrets.token_hex(8)}"
        host = self.endpoint.removeprefix("http://")
        Minio(endpoint=host, access_key=self.access_key, secret_key=self.secret_key, secure=False).make_bucket(name)
        return name


@dataclass(frozen=True)
class RedisServer:
    """A running Redis: its address without the password, and the password."""

    url: str
    password: str


@pytest.fixture(scope="session")
def minio_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[MinioServer]:
    """A MinIO of this run's own; `make_bucket()` gives each test a bucket."""
    binary = program("minio")
    folder = tmp_path_factory.mktemp("minio")
    port = free_port()
    server = MinioServer(f"http://127.0.0.1:{port}", "tester", secrets.token_hex(16))
    command = [
        str(binary),
        "server",
        str(folder / "data"),
        f"--address=127.0.0.1:{port}",
        "--console-address=127.0.0.1:0",
    ]
    environment = {"MINIO_ROOT_USER": server.access_key, "MINIO_ROOT_PASSWORD": server.secret_key, "HOME": str(folder)}
    with running(command, environment, folder, lambda: _answers(f"{server.endpoint}/minio/health/ready")):
        yield server


@pytest.fixture(scope="session")
def redis_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RedisServer]:
    """A Redis of this run's own, with a password."""
    binary = program("redis-server")
    folder = tmp_path_factory.mktemp("redis")
    port = free_port()
    server = RedisServer(f"redis://127.0.0.1:{port}/0", secrets.token_hex(16))
    settings = folder / "redis.conf"
    lines = (
        f"port {port}",
        "bind 127.0.0.1",
        f"dir {folder}",
        f"requirepass {server.password}",
        "appendonly no",
        'save ""',
    )
    settings.write_text("\n".join(lines) + "\n", encoding="utf-8")
    with running([str(binary), str(settings)], {}, folder, lambda: _listens(port)):
        yield server


def program(name: str) -> Path:
    """The program of this name; without it the test is skipped, or fails where CI promised it."""
    found = find_program(name)
    if found is None:
        reason = f"{name} is not on this machine; scripts/test-services brings it"
        if os.environ.get("CI") == "true":
            pytest.fail(reason)
        pytest.skip(reason)
    return found


def free_port() -> int:
    """A loopback port that nothing listens on now."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@contextmanager
def running(
    command: list[str], environment: dict[str, str], folder: Path, ready: Callable[[], bool]
) -> Iterator[subprocess.Popen[bytes]]:
    """A server, ready, until the end of the block; its output is kept in ``folder`` and shown if it does not start."""
    log = folder / "server.log"
    with log.open("wb") as output:
        process = subprocess.Popen(command, env={**os.environ, **environment}, stdout=output, stderr=subprocess.STDOUT)
    try:
        deadline = time.monotonic() + START_S
        while not ready():
            if process.poll() is not None or time.monotonic() > deadline:
                pytest.fail(
                    f"{Path(command[0]).name} did not start:\n{log.read_text(encoding='utf-8', errors='replace')}"
                )
            time.sleep(0.05)
        yield process
    finally:
        process.terminate()
        try:
            process.wait(10)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


def _listens(port: int) -> bool:
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0


def _answers(url: str) -> bool:
    try:
        with urllib.request.urlopen(url, timeout=2) as response:
            return bool(response.status == 200)
    except (urllib.error.URLError, OSError):
        return False
