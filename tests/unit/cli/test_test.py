"""Which tests a tier runs, what it leaves out and why, and that nothing outlives the run."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from click.testing import CliRunner

from dataalchemy_pipelines.cli import test as module
from dataalchemy_pipelines.cli.test import PARTS, Part, absence, run_pytest, selection
from resources.errors import Missing

ROOT = Path(__file__).parents[3]


def test_a_named_tier_runs_its_marker_alone() -> None:
    assert selection(["services"], {}, unmarked=False) == "services"


def test_fast_leaves_out_every_marker() -> None:
    chosen = selection([], {}, unmarked=True)
    assert chosen.split(" and ") == [f"not {name}" for name in PARTS]


def test_all_leaves_out_only_what_is_missing() -> None:
    assert selection(list(PARTS), {"cluster": "no k3d"}, unmarked=True) == "not cluster"
    assert selection(list(PARTS), {}, unmarked=True) == ""


def test_every_marker_of_pytest_has_its_part(pytestconfig: pytest.Config) -> None:
    """A marker without one would run in the fast tier."""
    text = (ROOT / "pyproject.toml").read_text(encoding="utf-8")
    markers = text.partition("markers = [")[2].partition("]")[0]
    assert {line.split(":")[0].strip(' "') for line in markers.splitlines() if ":" in line} == set(PARTS)


def test_a_missing_program_is_named_with_the_way_to_bring_it() -> None:
    assert (
        absence(Part(programs=("no-such-program", "sh")), install=False) == "Not found: no-such-program. Try --install."
    )
    assert absence(Part(programs=("sh",)), install=False) == ""


@pytest.mark.parametrize(("says", "reason"), [("exit 0", ""), ("echo 'error: no cluster' >&2; exit 3", "no cluster")])
def test_a_place_that_a_script_finds_is_there_or_the_script_says_why_not(
    tmp_path: Path, says: str, reason: str
) -> None:
    script = tmp_path / "find"
    script.write_text(f'#!/bin/sh\n[ "$1" = which ] || exit 9\n{says}\n', encoding="utf-8")
    script.chmod(0o755)
    assert absence(Part(finder=script), install=False) == reason


def test_the_real_finder_says_which_or_why_not() -> None:
    reason = absence(PARTS["cluster"], install=False)
    assert reason == "" or reason.startswith("The tests of the cluster are left out")


def test_a_missing_package_is_a_reason_and_not_a_crash(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(need: str, progress: object) -> None:
        raise Missing("Not here", subject=need, fix="Install it.")

    monkeypatch.setattr(module, "ensure", refuse)
    assert absence(Part(needs=("models",)), install=False) == "Not here: models. Install it."


@pytest.mark.parametrize(("ci", "tier"), [("true", "all"), ("", "services")])
def test_what_ci_or_the_user_asked_for_must_be_there(ci: str, tier: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CI", ci)
    monkeypatch.setattr(module, "absence", lambda part, install: "gone" if part is PARTS["services"] else "")
    monkeypatch.setattr(module, "run_pytest", lambda arguments: pytest.fail("it ran all the same"))
    result = CliRunner().invoke(module.test, [tier])
    assert isinstance(result.exception, Missing)
    assert "services" in str(result.exception)


def test_what_is_missing_on_a_persons_machine_is_left_out_by_name(monkeypatch: pytest.MonkeyPatch) -> None:
    runs: list[list[str]] = []
    monkeypatch.setenv("CI", "")
    monkeypatch.setattr(module, "absence", lambda part, install: "gone" if part is PARTS["services"] else "")
    monkeypatch.setattr(module, "missing", lambda need: [])
    monkeypatch.setattr(module, "run_pytest", lambda arguments: runs.append(arguments) or 0)
    result = CliRunner().invoke(module.test, ["all"])
    assert "left out: services. gone" in result.output
    assert runs == [["-m", "not services"]]
    assert result.exit_code == 0


@pytest.mark.parametrize(("body", "code"), [("assert True", 0), ("assert False", 1)])
def test_the_exit_code_is_pytests_own(tmp_path: Path, body: str, code: int) -> None:
    path = tmp_path / "test_one.py"
    path.write_text(f"def test_one():\n    {body}\n", encoding="utf-8")
    assert run_pytest([str(path), "-q", "-p", "no:cacheprovider", f"--rootdir={tmp_path}", "-c", os.devnull]) == code


def test_nothing_that_a_test_started_outlives_the_run(tmp_path: Path) -> None:
    note = tmp_path / "pid"
    path = tmp_path / "test_one.py"
    path.write_text(
        "import subprocess, sys\n"
        "def test_one():\n"
        "    left = subprocess.Popen([sys.executable, '-c', 'import time; time.sleep(600)'])\n"
        f"    open({str(note)!r}, 'w').write(str(left.pid))\n"
        "    left.returncode = 0\n",
        encoding="utf-8",
    )
    run_pytest([str(path), "-q", "-p", "no:cacheprovider", f"--rootdir={tmp_path}", "-c", os.devnull])
    assert ended(int(note.read_text(encoding="utf-8")))


def test_ctrl_c_ends_the_tests_and_what_they_started(tmp_path: Path) -> None:
    note = tmp_path / "pid"
    path = tmp_path / "test_one.py"
    path.write_text(
        f"import os, time\ndef test_one():\n    open({str(note)!r}, 'w').write(str(os.getpid()))\n    time.sleep(99)\n",
        encoding="utf-8",
    )
    arguments = [str(path), "-q", "-p", "no:cacheprovider", f"--rootdir={tmp_path}", "-c", os.devnull]
    program = f"from dataalchemy_pipelines.cli.test import run_pytest; raise SystemExit(run_pytest({arguments}))"
    process = subprocess.Popen([sys.executable, "-c", program], cwd=ROOT, stdout=subprocess.PIPE, text=True)
    deadline = time.monotonic() + 60
    while not (note.exists() and note.read_text(encoding="utf-8")) and time.monotonic() < deadline:
        time.sleep(0.05)
    process.send_signal(signal.SIGINT)
    out, _ = process.communicate(timeout=60)
    assert process.returncode == 2
    assert "KeyboardInterrupt" in out
    assert ended(int(note.read_text(encoding="utf-8")))


def ended(pid: int) -> bool:
    """Whether a process is gone, or dead and only waits for its parent to notice; given a moment to die."""
    deadline = time.monotonic() + 10
    while time.monotonic() < deadline:
        try:
            state = Path(f"/proc/{pid}/stat").read_text(encoding="utf-8").rpartition(")")[2].split()[0]
        except OSError:
            return True
        if state == "Z":
            return True
        time.sleep(0.05)
    return False
