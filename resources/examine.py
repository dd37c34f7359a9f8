"""What this deployment needs on this machine, looked at without installing or changing anything but a probe object."""

from __future__ import annotations

import json
import platform
import shutil
import stat
import sys
import urllib.request
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from resources import provision
from resources.deployments import resources_for
from resources.device import accelerator_of
from resources.errors import DataAlchemyError
from resources.home import history_of
from resources.lake import LocalLake
from resources.settings import Settings

OK, WARN, FAIL = "ok", "warn", "fail"
DISK_NEEDED_GB = 10.0
DISK_LEAST_GB = 1.0
MEMORY_NEEDED_GB = 4.0
ANSWER_S = 5


@dataclass(frozen=True)
class Finding:
    """One thing looked at: `ok`, `warn` (works, but less) or `fail` (does not work), and the mend."""

    mark: str
    what: str
    state: str
    fix: str = ""


class Service(Protocol):
    """What can be asked whether it works now."""

    def describe(self) -> str:
        """Where it is, for people; never a credential."""
        ...

    def check(self) -> None:
        """Raises DataAlchemyError, with the mend, when it does not."""
        ...


def examine(settings: Settings) -> Iterator[Finding]:
    """Look at everything in turn. Raises Misconfigured only where the deployment itself is unknown."""
    resources = resources_for(settings)
    yield Finding(OK, "python", f"{platform.python_version()} at {sys.executable}")
    yield _memory()
    yield _disk(settings)
    yield _service("lake", resources["lake"])
    if isinstance(resources["lake"], LocalLake):
        yield Finding(OK, "durability", resources["lake"].durability)
    yield _service("cache", resources["kv"])
    yield _history(settings)
    if settings.dagster_url:
        yield _dagster(settings.dagster_url)
    yield _dotenv(settings)
    yield _java()
    yield from _device(settings)
    yield from _installed()


def _history(settings: Settings) -> Finding:
    """Where Dagster keeps its runs; PostgreSQL is asked, SQLite needs nothing but the home."""
    try:
        history = history_of(settings)
    except DataAlchemyError as error:
        return Finding(FAIL, "history", f"{error.what}: {error.subject}", error.fix)
    return _service("history", history) if history else Finding(OK, "history", f"SQLite in {settings.dagster_home}")


def _dagster(url: str) -> Finding:
    """Whether the Dagster that commands send their work to answers."""
    try:
        with urllib.request.urlopen(f"{url.rstrip('/')}/server_info", timeout=ANSWER_S) as response:
            version = json.load(response)["dagster_version"]
    except (OSError, ValueError, KeyError, TypeError) as error:
        fix = "Start it, or correct DATAALCHEMY_DAGSTER_URL."
        return Finding(FAIL, "dagster", f"No Dagster answers: {url} ({type(error).__name__})", fix)
    return Finding(OK, "dagster", f"{version} at {url}")


def _service(what: str, service: Service) -> Finding:
    try:
        service.check()
    except DataAlchemyError as error:
        return Finding(FAIL, what, f"{error.what}: {error.subject}", error.fix)
    return Finding(OK, what, service.describe())


def _memory() -> Finding:
    lines = Path("/proc/meminfo").read_text(encoding="utf-8").splitlines() if Path("/proc/meminfo").is_file() else []
    found = next((int(line.split()[1]) for line in lines if line.startswith("MemAvailable")), None)
    if found is None:
        return Finding(WARN, "memory", "unknown")
    free_gb = found / 2**20
    mark = OK if free_gb >= MEMORY_NEEDED_GB else WARN
    return Finding(
        mark, "memory", f"{free_gb:.1f} GB free", "" if mark == OK else "Training wants 4 GB; close other programs."
    )


def _disk(settings: Settings) -> Finding:
    place = next(path for path in (settings.data_path, *settings.data_path.parents) if path.exists())
    free_gb = shutil.disk_usage(place).free / 2**30
    mark = OK if free_gb >= DISK_NEEDED_GB else WARN if free_gb >= DISK_LEAST_GB else FAIL
    return Finding(
        mark, "disk", f"{free_gb:.1f} GB free at {place}", "" if mark == OK else "Make room; training needs about 9 GB."
    )


def _dotenv(settings: Settings) -> Finding:
    path = settings.project_root / ".env"
    if not path.is_file():
        return Finding(OK, "settings", "no .env; defaults and environment")
    if stat.S_IMODE(path.stat().st_mode) & 0o077:
        return Finding(WARN, "settings", f"others may read {path}", f"chmod 600 {path}")
    return Finding(OK, "settings", str(path))


def _java() -> Finding:
    found = provision.find_java()
    if found is None:
        return Finding(WARN, "java", "no Java 17 or 21; all but --mode spark works", provision.JAVA_FIX)
    return Finding(OK, "java", str(found))


def _device(settings: Settings) -> Iterator[Finding]:
    try:
        found = accelerator_of(settings)
    except DataAlchemyError as error:
        yield Finding(FAIL, "device", f"{error.what}: {error.subject}", error.fix)
        return
    names = ", ".join(device.name for device in found.devices) or "CPU"
    yield Finding(OK, "device", f"{found.kind}: {names}" + (f" ({found.note})" if found.note else ""))
    for problem in found.problems:
        yield Finding(WARN, "device", problem.what, problem.fix)


def _installed() -> Iterator[Finding]:
    for need in ("training", "models"):
        missing = provision.missing(need)
        state = "installed" if not missing else f"not installed yet: {', '.join(missing)}"
        yield Finding(OK, need, state, "" if not missing else "./alchemy setup, or by itself on first use")
