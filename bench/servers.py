"""Real servers on free loopback ports, each with a folder and credentials of its own, for benchmarks and tests.

A server that was killed and is started again has the same port, folder and credentials.
"""

from __future__ import annotations

import os
import secrets
import signal
import socket
import subprocess
import time
import urllib.request
from contextlib import suppress
from pathlib import Path
from types import TracebackType
from typing import Self

from resources.errors import Missing, Unavailable
from resources.provision import find_program
from resources.settings import child_environment

START_S = 60.0
STOP_S = 10.0
_ABSENT, _BRINGS = "A server is not on this machine", "scripts/test-services brings it."


def program(name: str) -> Path:
    """The program of this name. Raises Missing."""
    found = find_program(name)
    if found is None:
        raise Missing(_ABSENT, subject=name, fix=_BRINGS)
    return found


def free_port() -> int:
    """A loopback port that nothing listens on now."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


class Server:
    """One server process; ready within its ``with`` block, and between ``start`` and ``stop`` or ``kill``."""

    def __init__(self, folder: Path) -> None:
        self.folder, self.port = folder, free_port()
        self.folder.mkdir(parents=True, exist_ok=True)
        self._process: subprocess.Popen[bytes] | None = None

    def command(self) -> list[str]:
        """The command line; never a secret, which every user of the machine could read there."""
        raise NotImplementedError

    def environment(self) -> dict[str, str]:
        """What the server is given besides this process's environment."""
        return {}

    def ready(self) -> bool:
        """Whether it answers."""
        with socket.socket() as probe:
            return probe.connect_ex(("127.0.0.1", self.port)) == 0

    def start(self) -> None:
        """Start it and wait until it answers. Raises Unavailable with the end of its log."""
        log = self.folder / "server.log"
        with log.open("ab") as output:
            environment = {**child_environment(), **self.environment()}
            self._process = subprocess.Popen(
                self.command(),
                env=environment,
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                process_group=0,
            )
        deadline = time.monotonic() + START_S
        while not self.ready():
            if self._process.poll() is not None or time.monotonic() > deadline:
                tail = log.read_text(encoding="utf-8", errors="replace")[-2000:]
                self.kill()
                raise Unavailable("A server did not start", subject=type(self).__name__, fix=f"Its log ends:\n{tail}")
            time.sleep(0.05)

    def kill(self) -> None:
        """kill -9 of the server and all its processes."""
        if self._process is not None:
            with suppress(ProcessLookupError):
                os.killpg(self._process.pid, signal.SIGKILL)
            self._process.wait()
            self._process = None

    def stop(self) -> None:
        """SIGTERM, and kill -9 where that is not enough."""
        if self._process is None:
            return
        self._process.terminate()
        with suppress(subprocess.TimeoutExpired):
            self._process.wait(STOP_S)
        self.kill()

    def __enter__(self) -> Self:
        try:
            self.start()
        except BaseException:
            self.kill()
            raise
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()


class S3Server(Server):
    """A server that speaks S3: its address, its root credentials, and buckets."""

    health = ""

    def __init__(self, folder: Path) -> None:
        super().__init__(folder)
        self.access_key, self.secret_key = "tester", secrets.token_hex(16)
        (folder / "data").mkdir(exist_ok=True)

    @property
    def endpoint(self) -> str:
        """Address without a path."""
        return f"http://127.0.0.1:{self.port}"

    def ready(self) -> bool:
        """Whether its health address says so."""
        try:
            with urllib.request.urlopen(f"{self.endpoint}{self.health}", timeout=2) as response:
                return bool(response.status == 200)
        except OSError:
            return False

    def make_bucket(self) -> str:
        """Make a bucket that nobody else has, and return its name."""
        from minio import Minio

        name = f"test-{secrets.token_hex(8)}"
        host = self.endpoint.removeprefix("http://")
        Minio(endpoint=host, access_key=self.access_key, secret_key=self.secret_key, secure=False).make_bucket(name)
        return name


class MinioServer(S3Server):
    """MinIO on one drive."""

    health = "/minio/health/ready"

    def command(self) -> list[str]:
        """One drive, no console."""
        address = (f"--address=127.0.0.1:{self.port}", "--console-address=127.0.0.1:0")
        return [str(program("minio")), "server", str(self.folder / "data"), *address]

    def environment(self) -> dict[str, str]:
        """Root credentials; HOME so that it keeps nothing in a person's."""
        secret = {"MINIO_ROOT_USER": self.access_key, "MINIO_ROOT_PASSWORD": self.secret_key}
        return {**secret, "HOME": str(self.folder), "MINIO_BROWSER": "off"}


class VersityServer(S3Server):
    """VersityGW over a directory: a second S3 server, of other descent than MinIO."""

    health = "/health"

    def command(self) -> list[str]:
        """The directory is the store."""
        return [str(program("versitygw")), "--health", self.health, "posix", str(self.folder / "data")]

    def environment(self) -> dict[str, str]:
        """Root credentials and the port."""
        secret = {"ROOT_ACCESS_KEY_ID": self.access_key, "ROOT_SECRET_ACCESS_KEY": self.secret_key}
        return {**secret, "VGW_PORT": f"127.0.0.1:{self.port}"}


class RedisServer(Server):
    """Redis with a password, which keeps nothing on disk: what it holds may vanish at any time."""

    def __init__(self, folder: Path) -> None:
        super().__init__(folder)
        self.password = secrets.token_hex(16)

    @property
    def url(self) -> str:
        """Address without the password."""
        return f"redis://127.0.0.1:{self.port}/0"

    def command(self) -> list[str]:
        """The password stands in the file, not on the command line."""
        settings = self.folder / "redis.conf"
        kept = (f"dir {self.folder}", "appendonly no", 'save ""')
        lines = (f"port {self.port}", "bind 127.0.0.1", f"requirepass {self.password}", *kept)
        settings.write_text("\n".join(lines) + "\n", encoding="utf-8")
        settings.chmod(0o600)
        return [str(program("redis-server")), str(settings)]
