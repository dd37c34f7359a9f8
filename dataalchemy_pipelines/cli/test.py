"""`test`: the tests in tiers, as one pytest run over what this machine can have; what is left out is named."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

import click

from dataalchemy_pipelines.cli.setup import Lines
from resources.errors import DataAlchemyError, Missing
from resources.provision import JAVA_FIX, ensure, find_java, find_program, missing
from resources.settings import CHECKOUT, child_environment

INSTALL_SCRIPT = CHECKOUT / "scripts" / "test-services"
IMAGES_SCRIPT = CHECKOUT / "scripts" / "test-images"
CLUSTER_SCRIPT = CHECKOUT / "scripts" / "test-cluster"
TORCH_TESTS = ("tests/unit/models", "tests/unit/training")
STOP_S = 15
ROOT_ON_DEBIAN = hasattr(os, "geteuid") and os.geteuid() == 0 and find_program("apt-get") is not None
"""Whether a Docker engine can be had here without asking anybody."""


@dataclass(frozen=True)
class Part:
    """Tests under one pytest marker, and what they need: Python packages, programs, Java, a place that a script finds.

    ``finder``: a script whose `which` says, or ends with an error that says why not.
    """

    needs: tuple[str, ...] = ()
    programs: tuple[str, ...] = ()
    java: bool = False
    required_in_ci: bool = True
    script: Path = INSTALL_SCRIPT
    finder: Path | None = None


PARTS = {
    "services": Part(programs=("minio", "versitygw", "redis-server")),
    "spark": Part(needs=("spark-java",), java=True),
    "models": Part(needs=("training", "models")),
    "system": Part(needs=("training", "models")),
    "browser": Part(programs=("chromium",)),
    "images": Part(programs=("docker",), required_in_ci=ROOT_ON_DEBIAN, script=IMAGES_SCRIPT),
    "cluster": Part(required_in_ci=False, finder=CLUSTER_SCRIPT),
}
"""Marker -> what its tests need. A test without a marker needs the test tools alone."""


@click.command()
@click.argument("tier", type=click.Choice(["fast", "services", "cluster", "all"]), default="all")
@click.option(
    "--install", is_flag=True, help="Install missing servers, browser and Java on this machine (as CI=true does)."
)
@click.option("--junit", type=click.Path(dir_okay=False, path_type=Path), help="Write a JUnit report to this file.")
def test(tier: str, install: bool, junit: Path | None) -> None:
    """Run the tests: `fast` need nothing, `services` real servers, `cluster` Kubernetes; `all` is what can run here."""
    if not (CHECKOUT / "tests").is_dir():
        raise Missing("The tests are not here", subject=str(CHECKOUT), fix="Run them in a checkout of the project.")
    in_ci = child_environment().get("CI") == "true"
    ensure("test", Lines())
    wanted = {"fast": [], "all": list(PARTS)}.get(tier, [tier])
    left_out = {name: reason for name in wanted if (reason := absence(PARTS[name], install=install or in_ci))}
    for name, reason in left_out.items():
        if tier != "all" or (in_ci and PARTS[name].required_in_ci):
            raise Missing("Tests cannot run", subject=name, fix=reason)
        click.echo(f"left out: {name}. {reason}")
    arguments = ["-m", selection(wanted, left_out, unmarked=tier in ("fast", "all"))]
    if tier != "services" and missing("training"):
        click.echo(f"left out: {', '.join(TORCH_TESTS)}. PyTorch is not installed: dataalchemy setup")
        arguments += [f"--ignore={folder}" for folder in TORCH_TESTS]
    raise SystemExit(run_pytest([*arguments, *([f"--junitxml={junit.absolute()}"] if junit else [])]))


def absence(part: Part, *, install: bool) -> str:
    """Why the tests of a part cannot run here, or "" when they can. With ``install``, what is missing is put there."""
    if install and any(find_program(name) is None for name in part.programs) and part.required_in_ci:
        click.echo(f"install: {part.script.name} brings {', '.join(part.programs)} and what goes with them")
        subprocess.run([part.script], stdout=sys.stderr, check=False)
    absent = [name for name in part.programs if find_program(name) is None]
    if absent:
        return f"Not found: {', '.join(absent)}." + (" Try --install." if part.required_in_ci else "")
    if part.finder is not None and (reason := _not_found(part.finder)):
        return reason
    if part.java and not install and find_java() is None:
        return f"No Java 17 or 21. {JAVA_FIX}"
    try:
        for need in part.needs:
            ensure(need, Lines())
    except DataAlchemyError as error:
        return str(error)
    return ""


def _not_found(finder: Path) -> str:
    try:
        done = subprocess.run([finder, "which"], capture_output=True, text=True, check=False)
    except OSError as error:
        return f"{finder.name} can't run here: {error.strerror}"
    said = done.stderr.strip().splitlines() or [f"{finder.name} ended with {done.returncode}"]
    return said[-1].removeprefix("error: ") if done.returncode else ""


def selection(wanted: list[str], left_out: dict[str, str], *, unmarked: bool) -> str:
    """The marker expression: everything but other tiers and what is left out, or only the wanted markers."""
    if not unmarked:
        return " or ".join(wanted)
    return " and ".join(f"not {name}" for name in PARTS if name not in wanted or name in left_out)


def run_pytest(arguments: list[str]) -> int:
    """One pytest run in a process group of its own, so that nothing it started outlives it; its exit code."""
    command = [sys.executable, "-m", "pytest", *arguments]
    with subprocess.Popen(command, cwd=CHECKOUT, stdin=subprocess.DEVNULL, process_group=0) as process:
        try:
            return process.wait()
        except KeyboardInterrupt:
            os.killpg(process.pid, signal.SIGINT)
            with suppress(subprocess.TimeoutExpired):
                return process.wait(STOP_S)
            raise
        finally:
            with suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)
