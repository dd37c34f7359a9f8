"""The real images, built, and the real compose file, started once under a project name and ports of its own."""

from __future__ import annotations

import os
import secrets
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from resources.settings import CHECKOUT
from tests.conftest import free_port

COMMAND_S = 400
BASES = ("PYTHON", "GO", "DEBIAN")


@dataclass
class Deployment:
    """A deployment as a person has it: a program, a folder with `.env`, an address; and how long `up` took."""

    environment: dict[str, str]
    root: Path
    ui: str
    metrics: str
    up_s: float = 0.0
    said: str = ""

    def dataalchemy(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        """Run the program's own command line."""
        command = [sys.executable, "-c", "from dataalchemy_pipelines.cli.app import main; main()", *arguments]
        return self._run(command)

    def up(self) -> None:
        """Start it, and keep the seconds and what was said."""
        started = time.monotonic()
        done = self.dataalchemy("deploy", "docker", "up")
        self.up_s, self.said = time.monotonic() - started, done.stdout
        assert done.returncode == 0, done.stderr

    def work_from_here(self) -> None:
        """Put into `.env` what sends the commands of this machine's checkout to the containers."""
        s3, cache = (self.environment[f"DATAALCHEMY_{name}_PORT"] for name in ("S3", "CACHE"))
        lines = {
            "DATAALCHEMY_DEPLOYMENT": "docker",
            "DATAALCHEMY_DAGSTER_URL": self.ui,
            "DATAALCHEMY_LAKE": "s3://dataalchemy/lake",
            "DATAALCHEMY_S3_ENDPOINT": f"http://127.0.0.1:{s3}",
            "DATAALCHEMY_KV": f"redis://127.0.0.1:{cache}/0",
        }
        with (self.root / ".env").open("a", encoding="utf-8", newline="\r\n") as file:
            file.writelines(f"{name}={value}\n" for name, value in lines.items())

    def compose(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        """Ask Compose past the program."""
        return self._run(["docker", "compose", "--env-file", str(self.root / ".env"), *arguments])

    def docker(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        """Ask the engine itself."""
        return self._run(["docker", *arguments])

    def inside_of(self, service: str, *command: str) -> subprocess.CompletedProcess[str]:
        """Run a command in a service's container."""
        return self.compose("exec", "-T", service, *command)

    def build_and_scan(self, context: Path, target: str, *, lent: Path, needle: bytes) -> tuple[int, bool]:
        """Build an image of a folder; its bytes as exported, layers and description, and whether the needle is in."""
        tag, variables = f"dataalchemy/test-canary-{target}:1", {f"DATAALCHEMY_{name}_IMAGE": name for name in BASES}
        given = [
            (name, self.environment[variable]) for variable, name in variables.items() if variable in self.environment
        ]
        bases = [f"--build-arg={name}_IMAGE={image}" for name, image in given]
        # Docker's newer clients build by a plugin that may be absent; Debian's own client has BuildKit in it.
        client = "/usr/bin/docker" if self.docker("buildx", "version").returncode else "docker"
        self.checked(
            [client, "build", "--target", target, "--tag", tag, *bases, f"--secret=id=ca,src={lent}", str(context)]
        )
        size, found, kept = 0, False, b""
        with subprocess.Popen(["docker", "save", tag], env=self.environment, stdout=subprocess.PIPE) as process:
            assert process.stdout is not None
            while part := process.stdout.read(16 * 2**20):
                size, found, kept = size + len(part), found or needle in kept + part, part[-len(needle) :]
        assert process.returncode == 0
        self.checked(["docker", "image", "rm", tag])
        return size, found

    def checked(self, command: list[str]) -> None:
        """Run a command that must succeed."""
        done = self._run(command)
        assert done.returncode == 0, done.stderr[-2000:]

    def _run(self, command: list[str]) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            command, cwd=CHECKOUT, env=self.environment, capture_output=True, text=True, timeout=COMMAND_S, check=False
        )


@pytest.fixture(scope="session")
def deployment(images: dict[str, str], tmp_path_factory: pytest.TempPathFactory) -> Iterator[Deployment]:
    """Up and healthy, from a folder with a space in its name and a `.env` with Windows line ends; removed after."""
    root = tmp_path_factory.mktemp("Ada Lovelace")
    (root / ".env").write_bytes(
        b"DATAALCHEMY_SCHEDULE='0 5 * * *'\r\nDAGSTER_HOME=C:\\Users\\Ada Lovelace\\dagster\r\n"
    )
    ports = {f"DATAALCHEMY_{name}_PORT": str(free_port()) for name in ("UI", "S3", "CONSOLE", "CACHE", "METRICS")}
    own = {
        "DOCKER_BUILDKIT": "1",
        "COMPOSE_PROJECT_NAME": f"dataalchemy-test-{secrets.token_hex(4)}",
        "PROJECT_ROOT": str(root),
    }
    clean = {name: value for name, value in os.environ.items() if name != "PROJECT_ROOT"}
    ui, metrics = (f"http://127.0.0.1:{ports[f'DATAALCHEMY_{name}_PORT']}" for name in ("UI", "METRICS"))
    found = Deployment({**clean, **images, **ports, **own}, root, ui, f"{metrics}/metrics")
    try:
        found.up()
        yield found
    finally:
        found.compose("down", "--volumes", "--timeout", "5")
