"""`up` and `dagster dev` as real processes: what they show, what they mend at the start, and what they leave behind."""

from __future__ import annotations

import json
import os
import shutil
import signal
import socket
import sqlite3
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from resources.settings import CHECKOUT

pytestmark = pytest.mark.system

DATAALCHEMY = [sys.executable, "-c", "from dataalchemy_pipelines.cli.app import main; main()"]
SECRET_WORD = "quagmirewort"
RUNS = "{runsOrError(limit:50){... on Runs{results{runId status jobName}}}}"
LOCATIONS = "{workspaceOrError{... on Workspace{locationEntries{name loadStatus locationOrLoadError{__typename}}}}}"
LAUNCH = """mutation{launchRun(executionParams:{mode:"default" runConfigData:{} selector:{
  repositoryName:"__repository__" repositoryLocationName:"dataalchemy" jobName:"ingest"}}){__typename}}"""
LIMIT_S = 120
"""Far more than is needed, so that a busy machine makes these tests slow and not red."""


@dataclass(frozen=True)
class Place:
    """A data path of its own, and a folder with documents."""

    root: Path

    @property
    def environment(self) -> dict[str, str]:
        """The environment of every process that works here."""
        own = {"DATAALCHEMY_DATA_PATH": str(self.root / "data"), "PROJECT_ROOT": str(self.root)}
        return {**os.environ, **own, "DATAALCHEMY_CACHE": str(self.root / "cache")}

    def command(self, *arguments: str, **options: Any) -> subprocess.Popen[str]:
        """One command of the program, with its output in pipes."""
        pipes = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, "text": True, **options}
        return subprocess.Popen([*DATAALCHEMY, *arguments], env=self.environment, **pipes)

    def finished(self, *arguments: str) -> tuple[int, str, str]:
        """One command to its end: exit code, stdout, stderr."""
        process = self.command(*arguments)
        out, err = process.communicate(timeout=LIMIT_S)
        return process.returncode, out, err

    def processes(self) -> list[int]:
        """Every process that was started with this data path, wherever it belongs."""
        mark = f"DATAALCHEMY_DATA_PATH={self.root / 'data'}".encode()
        found = []
        for entry in Path("/proc").iterdir():
            if entry.name.isdigit() and _holds(entry / "environ", mark):
                found.append(int(entry.name))
        return found


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Place:
    made = Place(tmp_path_factory.mktemp("up"))
    _write(made.root / "documents", 12)
    return made


@pytest.fixture(scope="module")
def up(place: Place) -> Iterator[tuple[str, str]]:
    """The address of `up`, and what it said, on a home with one run that ended and one that was killed."""
    code, _, err = place.finished("ingest", str(place.root / "documents"), "--stage", "wash")
    assert code == 0, err
    _kill_in_the_middle(place)
    with opened(place) as (address, said):
        yield address, said


def test_a_run_of_a_killed_process_is_marked_as_failed_and_runs_of_the_command_line_are_there(
    up: tuple[str, str],
) -> None:
    address, said = up
    assert "1 runs of a process that is gone were marked as failed" in said
    assert sorted((run["jobName"], run["status"]) for run in _runs(address)) == [
        ("refine", "FAILURE"),
        ("wash", "SUCCESS"),
    ]


def test_a_second_one_on_the_same_home_is_refused_with_one_line(place: Place, up: tuple[str, str]) -> None:
    code, _, err = place.finished("up", "--port", str(_free_port()))
    assert code == 2
    assert err.startswith("error: It is up already") and err.count("\n") == 1


def test_a_port_in_use_is_refused_with_one_line(tmp_path: Path) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        code, _, err = Place(tmp_path).finished("up", "--port", str(taken.getsockname()[1]))
    assert code == 2
    assert err.startswith("error: The port is in use") and err.count("\n") == 1


def test_it_listens_on_loopback_alone(place: Place, up: tuple[str, str]) -> None:
    listening = [address for pid in place.processes() for address in _listening(pid)]
    assert listening
    assert set(listening) == {"0100007F"}


def test_a_failed_run_leaves_one_alert_without_the_text_of_a_document(place: Place, up: tuple[str, str]) -> None:
    address, _ = up
    (place.root / "documents").rename(place.root / "gone")
    assert ask(address, LAUNCH)["launchRun"]["__typename"] == "LaunchRunSuccess"
    until(lambda: any(run["jobName"] == "ingest" and run["status"] == "FAILURE" for run in _runs(address)))
    alerts = place.root / "data" / "alerts.jsonl"
    until(lambda: alerts.is_file() and "ingest" in alerts.read_text(encoding="utf-8"))
    lines = [json.loads(line) for line in alerts.read_text(encoding="utf-8").splitlines()]
    about = [line for line in lines if line["title"] == "Run of ingest failed"]
    assert len(about) == 1 and about[0]["detail"] and about[0]["fix"]
    assert SECRET_WORD not in alerts.read_text(encoding="utf-8")


def test_ctrl_c_ends_every_process_with_exit_code_0(tmp_path: Path) -> None:
    place = Place(tmp_path)
    with opened(place):
        assert len(place.processes()) > 3
    assert place.processes() == []


def test_the_folder_one_stands_in_changes_neither_what_is_imported_nor_which_home_is_opened(tmp_path: Path) -> None:
    place, here = Place(tmp_path), tmp_path / "here"
    _write(tmp_path / "documents", 2)
    assert place.finished("ingest", str(tmp_path / "documents"), "--stage", "wash")[0] == 0
    (tmp_path / "other").mkdir()
    here.mkdir()
    (here / "gql.py").write_text("raise SystemExit(9)\n", encoding="utf-8")
    (here / ".env").write_text(f"DAGSTER_HOME={tmp_path / 'other'}\n", encoding="utf-8")
    with opened(place, cwd=here) as (address, _):
        assert [run["jobName"] for run in _runs(address)] == ["wash"]


def test_dagster_dev_with_the_workspace_file_keeps_its_history_in_the_home_of_the_env_file(tmp_path: Path) -> None:
    place = Place(tmp_path)
    _write(tmp_path / "documents", 2)
    assert place.finished("ingest", str(tmp_path / "documents"), "--stage", "wash")[0] == 0
    shutil.copy(CHECKOUT / "workspace.yaml", tmp_path)
    (tmp_path / ".env").write_text(f"DAGSTER_HOME={tmp_path / 'data' / 'dagster'}\n", encoding="utf-8")
    port = _free_port()
    command = [sys.executable, "-m", "dagster", "dev", "-h", "127.0.0.1", "-p", str(port)]
    with _process(subprocess.Popen(command, env=place.environment, cwd=tmp_path, start_new_session=True)):
        address = f"http://127.0.0.1:{port}"
        until(lambda: _answers(address))
        (location,) = ask(address, LOCATIONS)["workspaceOrError"]["locationEntries"]
        assert location["name"] == "dataalchemy"
        assert location["locationOrLoadError"]["__typename"] == "RepositoryLocation"
        assert [run["jobName"] for run in _runs(address)] == ["wash"]


@contextmanager
def opened(place: Place, cwd: Path | None = None) -> Iterator[tuple[str, str]]:
    """`up` until the end of the block, then Ctrl-C; its address, and what it had said when it was ready."""
    port, log = _free_port(), place.root / "up.log"
    with log.open("wb") as output:
        process = place.command("up", "--port", str(port), stdout=output, stderr=subprocess.STDOUT, cwd=cwd)
    with _process(process):
        until(lambda: process.poll() is not None or b"open http" in log.read_bytes())
        assert process.poll() is None, log.read_text(encoding="utf-8", errors="replace")
        yield f"http://127.0.0.1:{port}", log.read_text(encoding="utf-8", errors="replace")
    assert process.returncode == 0


@contextmanager
def _process(process: subprocess.Popen[Any]) -> Iterator[None]:
    try:
        yield
    finally:
        process.send_signal(signal.SIGINT)
        try:
            process.wait(LIMIT_S)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
            raise


def _kill_in_the_middle(place: Place) -> None:
    """Kill a run of the command line as soon as it has begun; 1500 documents keep it busy for many seconds."""
    _write(place.root / "many", 1500)
    process = place.command("ingest", str(place.root / "many"), stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    until(lambda: ("refine", "STARTED") in _stored_runs(place.root / "data" / "dagster" / "history" / "runs.db"))
    process.kill()
    process.wait()
    shutil.rmtree(place.root / "many")


def _stored_runs(file: Path) -> list[tuple[str, str]]:
    with closing(sqlite3.connect(f"file:{file}?mode=ro", uri=True)) as connection:
        return connection.execute("SELECT pipeline_name, status FROM runs").fetchall()


def _write(folder: Path, count: int) -> None:
    folder.mkdir()
    for number in range(count):
        text = f"# Note {number}\n\nThe {SECRET_WORD} of room {number} is watered every {number + 2} days.\n"
        (folder / f"note-{number}.md").write_text(text, encoding="utf-8")


def _holds(file: Path, mark: bytes) -> bool:
    try:
        return mark in file.read_bytes().split(b"\0")
    except OSError:
        return False


def _listening(pid: int) -> list[str]:
    """Local IPv4 and IPv6 addresses, in the kernel's hex, on which a process listens."""
    try:
        links = [str(entry.readlink()) for entry in Path(f"/proc/{pid}/fd").iterdir()]
    except OSError:
        return []
    sockets = {link[8:-1] for link in links if link.startswith("socket:[")}
    found = []
    for family in ("tcp", "tcp6"):
        for line in Path(f"/proc/{pid}/net/{family}").read_text(encoding="ascii").splitlines()[1:]:
            fields = line.split()
            if fields[3] == "0A" and fields[9] in sockets:
                found.append(fields[1].partition(":")[0])
    return found


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def ask(address: str, query: str) -> Any:
    body = json.dumps({"query": query}).encode()
    request = urllib.request.Request(f"{address}/graphql", body, {"Content-Type": "application/json"})
    with urllib.request.urlopen(request, timeout=60) as reply:
        return json.load(reply)["data"]


def _runs(address: str) -> list[dict[str, str]]:
    found: list[dict[str, str]] = ask(address, RUNS)["runsOrError"]["results"]
    return found


def _answers(address: str) -> bool:
    try:
        return bool(ask(address, LOCATIONS))
    except (urllib.error.URLError, OSError):
        return False


def until(holds: Callable[[], bool]) -> None:
    deadline = time.monotonic() + LIMIT_S
    while not holds():
        assert time.monotonic() < deadline, "the condition did not come"
        time.sleep(0.1)
