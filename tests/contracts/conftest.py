"""A Redis server of the tests' own: a free port, a password, a directory that goes with it."""

from __future__ import annotations

import secrets
import shutil
import socket
import subprocess
import time
from collections.abc import Iterator
from typing import NamedTuple

import pytest
import redis


class RedisServer(NamedTuple):
    """Where the server listens, and its password."""

    url: str
    password: str


@pytest.fixture(scope="session")
def redis_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RedisServer]:
    """A real redis-server without persistence; skipped where there is none."""
    program = shutil.which("redis-server")
    if program is None:
        pytest.skip("redis-server is not installed: sudo apt install redis-server")
    with socket.create_server(("127.0.0.1", 0)) as probe:
        port = probe.getsockname()[1]
    password = secrets.token_hex(16)
    folder = tmp_path_factory.mktemp("redis")
    settings = f"bind 127.0.0.1\nport {port}\nrequirepass {password}\ndir {folder}\nsave ''\n"
    server = subprocess.Popen([program, "-"], stdin=subprocess.PIPE, stdout=subprocess.DEVNULL, text=True)
    try:
        assert server.stdin is not None
        server.stdin.write(settings)
        server.stdin.close()
        found = RedisServer(f"redis://127.0.0.1:{port}/0", password)
        _wait(found)
        yield found
    finally:
        server.terminate()
        server.wait(10)


def _wait(server: RedisServer) -> None:
    with redis.Redis.from_url(server.url, password=server.password) as client:
        for _ in range(200):
            try:
                client.ping()
                return
            except redis.ConnectionError:
                time.sleep(0.05)
    raise AssertionError("redis-server did not start within 10 s")
