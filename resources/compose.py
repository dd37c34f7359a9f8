"""The containers of the docker deployment: secrets made on first use, Docker Compose found, called and read."""

from __future__ import annotations

import json
import secrets
import shutil
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from dotenv import dotenv_values

from resources.errors import Missing, Unavailable
from resources.settings import CHECKOUT, Settings, child_environment, secrets_in_files

SECRET_BYTES = {
    "AWS_ACCESS_KEY_ID": 16,
    "AWS_SECRET_ACCESS_KEY": 32,
    "DATAALCHEMY_KV_PASSWORD": 32,
    "DATAALCHEMY_POSTGRES_PASSWORD": 32,
}
"""Variable -> random bytes of its value, which is written in hex: no quoting rule of any shell or parser touches it."""
UI_SERVICE, UI_PORT = "webserver", 3000
S3_SERVICE, CONSOLE_PORT = "minio", 9001
_ANSWER_S = 20
_START_S = 180


@dataclass(frozen=True)
class Service:
    """One container as Compose sees it. ``health`` is empty where the service has no health check."""

    name: str
    state: str
    health: str

    @property
    def well(self) -> bool:
        """Running, and healthy as far as it can say."""
        return self.state == "running" and self.health in ("", "healthy")


@dataclass(frozen=True)
class Compose:
    """The project's compose file with one `.env`; what Compose itself has to say goes to this process's stderr."""

    folder: Path
    env_file: Path
    run_launcher: str = "default"

    def up(self, *, build: bool) -> None:
        """Start every service and wait until all are healthy. Raises Unavailable, naming those that are not."""
        flags = ["--detach", "--wait", f"--wait-timeout={_START_S}", *(["--build"] if build else [])]
        if self._run("up", *flags):
            ailing = ", ".join(service.name for service in self.services() if not service.well) or "no container"
            fix = "Read what Docker says above and `dataalchemy deploy docker logs`, mend it, run the same again."
            raise Unavailable("The services did not all start", subject=ailing, fix=fix)

    def down(self) -> None:
        """Stop and remove the containers; volumes stay. Raises Unavailable."""
        if self._run("down"):
            raise Unavailable("The services did not stop", subject=str(self.folder), fix="Docker says why above.")

    def services(self) -> list[Service]:
        """Every container of the project, stopped ones too, by name."""
        said = self._ask("ps", "--all", "--format=json")
        return sorted((_service(found) for found in _objects(said)), key=lambda service: service.name)

    def volumes(self) -> list[str]:
        """Names of the volumes that keep the data."""
        config: dict[str, dict[str, dict[str, str]]] = json.loads(self._ask("config", "--format=json"))
        return sorted(volume["name"] for volume in config["volumes"].values())

    def address(self, service: str, port: int) -> str:
        """Where a service's port is published, `host:port`."""
        return self._ask("port", service, str(port)).strip()

    def logs(self, services: tuple[str, ...], *, follow: bool, tail: int) -> int:
        """Print the services' last lines to stdout; Compose's exit code."""
        return self._run("logs", f"--tail={tail}", *(["--follow"] if follow else []), *services)

    def _files(self) -> list[str]:
        """The files by name where a container for each run is asked for; a compose.override.yaml then counts last."""
        if self.run_launcher != "docker":
            return []
        names = ("compose.yaml", "compose.run-launcher.yaml", "compose.override.yaml")
        return [f"--file={name}" for name in names if (self.folder / name).is_file()]

    def _run(self, *arguments: str) -> int:
        return self._call(arguments, stdout=None).returncode

    def _ask(self, *arguments: str) -> str:
        done = self._call(arguments, stdout=subprocess.PIPE)
        if done.returncode:
            fix = "Docker says why above; `docker info` asks the engine itself."
            raise Unavailable("Docker Compose did not answer", subject=f"compose {arguments[0]}", fix=fix)
        return done.stdout

    def _call(self, arguments: tuple[str, ...], *, stdout: int | None) -> subprocess.CompletedProcess[str]:
        """Run Compose in the project's folder without naming the file, so that a compose.override.yaml there counts.

        Secrets come from `.env` and the files of `NAME_FILE`: an AWS key that a shell exports is for another account.
        """
        in_files = secrets_in_files(SECRET_BYTES, self.env_file.parent)
        return subprocess.run(
            [_docker(), "compose", "--env-file", str(self.env_file), *self._files(), *arguments],
            cwd=self.folder,
            env={**_socket(), **child_environment(without_secrets=True), **in_files},
            stdin=subprocess.DEVNULL,
            stdout=stdout,
            text=True,
            check=False,
        )


def compose_for(settings: Settings) -> Compose:
    """Compose over this checkout and its `.env`. Raises Missing, Unavailable where Docker cannot be used."""
    if not (CHECKOUT / "compose.yaml").is_file():
        raise Missing("compose.yaml is not here", subject=str(CHECKOUT), fix="Run this in a checkout of the project.")
    _require_docker()
    return Compose(CHECKOUT, settings.project_root / ".env", settings.run_launcher)


def make_secrets(path: Path) -> list[str]:
    """Add the secrets that `.env` lacks, readable by the owner alone; the names of the new ones. What is there stays.

    One that stands in a file of its own (`NAME_FILE`) is there. Raises Misconfigured where that cannot be read,
    Unavailable where `.env` cannot be written.
    """
    in_files = secrets_in_files(SECRET_BYTES, path.parent)
    try:
        old = path.read_bytes() if path.is_file() else b""
        there = dotenv_values(path, encoding="utf-8") if old else {}
        new = [name for name in SECRET_BYTES if not there.get(name) and name not in in_files]
        newline = b"\r\n" if b"\r\n" in old else b"\n"
        lines = [f"{name}={secrets.token_hex(SECRET_BYTES[name])}".encode() for name in new]
        start = newline if old and not old.endswith(b"\n") else b""
        _replace(path, old + start + b"".join(line + newline for line in lines) if lines else old)
    except OSError as error:
        subject = f"{path} ({error.strerror})"
        raise Unavailable("The secrets cannot be kept", subject=subject, fix="Make room or mend permissions.") from None
    return new


def _replace(path: Path, content: bytes) -> None:
    """Put a file in place in one step, never readable by others, so that a cut leaves the old one."""
    path.parent.mkdir(parents=True, exist_ok=True)
    draft = path.with_name(f"{path.name}.{secrets.token_hex(4)}")
    draft.touch(mode=0o600, exist_ok=False)
    try:
        draft.write_bytes(content)
        draft.replace(path)
    finally:
        draft.unlink(missing_ok=True)


def _socket() -> dict[str, str]:
    """Where the engine's socket is on this machine and which group may use it, for those who start runs by it."""
    host = child_environment().get("DOCKER_HOST", "unix:///var/run/docker.sock")
    socket = Path(host.removeprefix("unix://"))
    if not host.startswith("unix://") or not socket.exists():
        return {}
    return {"DATAALCHEMY_DOCKER_SOCKET": str(socket), "DATAALCHEMY_DOCKER_GROUP": str(socket.stat().st_gid)}


def _docker() -> str:
    found = shutil.which("docker", path=child_environment().get("PATH"))
    if found is None:
        fix = "Install Docker Desktop, or Docker Engine with its Compose plugin; docs/docker.md says how."
        raise Missing("Docker is not on this machine", subject="docker", fix=fix)
    return found


def _require_docker() -> None:
    docker = _docker()
    if not _says([docker, "compose", "version", "--short"]).lstrip("v").startswith(("2.", "3.", "4.", "5.")):
        fix = "Install the plugin: sudo apt-get install docker-compose-v2 (Ubuntu) or docker-compose-plugin."
        raise Missing("Docker Compose v2 is not on this machine", subject="docker compose", fix=fix)
    if not _says([docker, "version", "--format={{.Server.Version}}"]):
        fix = "Start Docker Desktop, or: sudo systemctl start docker. Who may use it: the group `docker`."
        raise Unavailable("Docker's engine does not answer", subject="docker version", fix=fix)


def _says(command: list[str]) -> str:
    """What a command prints; nothing where it fails or does not answer in time."""
    try:
        done = subprocess.run(
            command,
            capture_output=True,
            text=True,
            timeout=_ANSWER_S,
            check=False,
            env=child_environment(without_secrets=True),
        )
    except (OSError, subprocess.TimeoutExpired):
        return ""
    return "" if done.returncode else done.stdout.strip()


def _objects(said: str) -> Iterator[dict[str, str]]:
    """`ps --format=json` is a JSON list before Compose 2.21 and an object a line since."""
    for line in said.splitlines():
        parsed = json.loads(line)
        yield from parsed if isinstance(parsed, list) else [parsed]


def _service(found: dict[str, str]) -> Service:
    return Service(found["Service"], found["State"], found.get("Health", ""))
