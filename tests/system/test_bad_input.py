"""Bad input gets one clear line with the mending step, the right exit code, and a lake that is intact afterwards."""

from __future__ import annotations

import json
import os
import random
import shutil
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from tests.conftest import free_port

pytestmark = pytest.mark.system

ROOT = Path(__file__).parents[2]
JVMS = Path("/usr/lib/jvm")
PROGRAM = [sys.executable, "-c", "from dataalchemy_pipelines.cli.app import main; main()"]
WORDS = "The {0} is cleaned in week {1} with a dry brush, and whoever closes the {0} writes the hour into the book.\n\n"


@dataclass
class Home:
    """A person's machine: a folder for everything, documents, and settings."""

    path: Path
    settings: dict[str, str] = field(default_factory=dict)

    @property
    def documents(self) -> Path:
        return self.path / "documents"

    def environment(self) -> dict[str, str]:
        ours = {"HOME": str(self.path), "PROJECT_ROOT": str(self.path), "DATAALCHEMY_CACHE": str(self.path / "cache")}
        return {**os.environ, **ours, "PYTHONPATH": str(ROOT), **self.settings}

    def write(self, count: int) -> None:
        """Short documents, each of its own words."""
        self.documents.mkdir(exist_ok=True)
        for number in range(count):
            text = "".join(WORDS.format(f"pump {number}-{line}", number + line) for line in range(6))
            (self.documents / f"pump-{number:03}.md").write_text(f"# Pump {number}\n\n{text}", encoding="utf-8")

    def run(self, *words: str, through: tuple[str, ...] = ()) -> subprocess.CompletedProcess[str]:
        """One command, as a person would type it, by way of another program where one is given."""
        return subprocess.run(
            [*through, *PROGRAM, *words],
            cwd=self.path, env=self.environment(), capture_output=True, text=True, check=False, timeout=240,
        )  # fmt: skip

    def digests(self) -> dict[str, str]:
        return dict(json.loads(self.run("lake", "digest", "--json").stdout))


@pytest.fixture
def home(tmp_path: Path) -> Home:
    """An empty home with four documents."""
    made = Home(tmp_path / "home")
    made.path.mkdir()
    made.write(4)
    return made


def said(done: subprocess.CompletedProcess[str]) -> str:
    """The one line of an error; a traceback, or more than the line, fails here."""
    assert "Traceback" not in done.stdout + done.stderr, done.stderr[-3000:]
    lines = done.stderr.splitlines()
    assert len(lines) == 1, done.stderr
    return lines[0]


def sound(home: Home) -> None:
    """The lake can be trusted."""
    verified = home.run("lake", "verify")
    assert verified.returncode == 0, verified.stdout + verified.stderr


def test_a_path_that_is_not_there(home: Home) -> None:
    done = home.run("ingest", "nowhere")
    assert done.returncode == 2
    assert said(done) == "error: There is no such path: nowhere. Give a folder or a file that exists."
    sound(home)


def test_a_deployment_that_does_not_exist(home: Home) -> None:
    home.settings["DATAALCHEMY_DEPLOYMENT"] = "moon"
    done = home.run("ingest", "documents")
    assert done.returncode == 2
    assert "moon" in said(done) and "DATAALCHEMY_DEPLOYMENT to one of native, docker" in said(done)


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("DATAALCHEMY_LAKE", "ftp://somewhere/else"),
        ("DATAALCHEMY_KV", "redis://127.0.0.1:6379/0"),
        ("DATAALCHEMY_SCHEDULE", "every morning"),
    ],
)
def test_a_setting_that_cannot_be_used_is_named(home: Home, name: str, value: str) -> None:
    (home.path / ".env").write_text(f"# settings\n{name}='{value}'\n", encoding="utf-8")
    done = home.run("ingest", "documents")
    assert done.returncode == 2
    assert name in said(done)


def test_a_settings_file_that_is_no_text(home: Home) -> None:
    (home.path / ".env").write_bytes(b"DATAALCHEMY_DEPLOYMENT=\xff\xfe\x00native")
    done = home.run("doctor")
    assert done.returncode == 2
    assert str(home.path / ".env") in said(done) and "UTF-8" in said(done)


def test_an_option_that_does_not_exist(home: Home) -> None:
    done = home.run("ingest", "documents", "--stage", "everything")
    assert done.returncode == 2
    assert "Traceback" not in done.stderr
    assert "wash" in done.stderr and "refine" in done.stderr


def test_an_empty_folder_is_no_error_and_nothing_new(home: Home) -> None:
    shutil.rmtree(home.documents)
    home.documents.mkdir()
    done = home.run("ingest", "documents")
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.splitlines()[-1].strip() == "nothing new"
    sound(home)


@contextmanager
def unreadable(path: Path) -> Iterator[None]:
    """A file that nobody who runs this can read; root reads everything but memory that is not there."""
    path.write_text("secret", encoding="utf-8")
    if os.geteuid():
        path.chmod(0)
        yield
        return
    mounted = subprocess.run(["mount", "--bind", f"/proc/{os.getpid()}/mem", path], capture_output=True, check=False)
    if mounted.returncode:
        pytest.skip("root without the right to mount reads every file")
    try:
        yield
    finally:
        subprocess.run(["umount", path], check=True)


def test_an_unreadable_file_is_quarantined_and_the_others_go_on(home: Home) -> None:
    with unreadable(home.documents / "locked.md"):
        done = home.run("ingest", "documents", "--json")
        assert done.returncode == 0, done.stderr
        listed = home.run("quarantine", "list", "--json")
    sheet = next(event for event in map(json.loads, done.stdout.splitlines()) if event.get("title") == "Balance sheet")
    landed = dict(zip(sheet["columns"], sheet["rows"][0], strict=True))
    assert (landed["seen"], landed["kept"], landed["quarantined"], landed["lost"]) == (5, 4, 1, 0)
    (row,) = json.loads(listed.stdout.splitlines()[-1])["rows"]
    assert row[1:4] == ["locked.md", "raw_records", "unreadable"]
    sound(home)


def without_java() -> tuple[str, ...]:
    """A way to start a program for which there is no JVM on this machine."""
    if not list(JVMS.glob("*/bin/java")):
        return ()
    hiding = ("unshare", "-m", "sh", "-c", f'mount -t tmpfs none {JVMS} && exec "$@"', "sh")
    if os.geteuid() or subprocess.run([*hiding, "true"], capture_output=True, check=False).returncode:
        pytest.skip("there is a Java here, and no right to hide it")
    return hiding


def test_spark_without_java(home: Home) -> None:
    hiding = without_java()
    bare = home.path / "bin"
    bare.mkdir()
    through = (*hiding, "env", "-u", "JAVA_HOME", f"PATH={bare}") if hiding else ()
    if not hiding:
        home.settings |= {"PATH": str(bare), "JAVA_HOME": ""}
    done = home.run("ingest", "documents", "--mode", "spark", through=through)
    assert done.returncode == 3
    assert "Spark needs Java 17 or 21" in said(done) and "JRE" in said(done)
    sound(home)


def test_a_port_in_use(home: Home) -> None:
    with socket.socket() as taken:
        port = free_port()
        taken.bind(("127.0.0.1", port))
        taken.listen()
        done = home.run("up", "--port", str(port))
    assert done.returncode == 2
    assert said(done) == f"error: The port is in use: 127.0.0.1:{port}. Use another: --port {port + 1}."


@contextmanager
def small_disk(folder: Path) -> Iterator[Path]:
    """A disk of 4 MB."""
    folder.mkdir()
    mounted = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", "size=4m", "none", folder], capture_output=True, check=False
    )
    if os.geteuid() or mounted.returncode:
        pytest.skip("no right to mount a small disk")
    try:
        yield folder
    finally:
        subprocess.run(["umount", "-l", folder], check=True)


@pytest.mark.parametrize("name", ["DATAALCHEMY_LAKE", "DATAALCHEMY_DATA_PATH"])
def test_a_full_disk(home: Home, name: str) -> None:
    draw = random.Random(7)
    for number in range(12):
        (home.documents / f"photo-{number}.bin").write_bytes(draw.randbytes(700_000))
    with small_disk(home.path / "disk") as disk:
        home.settings[name] = (disk / "lake").as_uri() if name == "DATAALCHEMY_LAKE" else str(disk / "data")
        done = home.run("ingest", "documents")
        assert done.returncode in (1, 3)
        line = said(done)
        assert "no space left" in line.lower() and "Make room" in line
        subprocess.run(["mount", "-o", "remount,size=64m", disk], check=True)
        sound(home)
        again = home.run("ingest", "documents")
        assert again.returncode == 0, again.stderr
        sound(home)


@pytest.mark.parametrize("stage", ["raw_records", "clean_documents"])
def test_ctrl_c_in_the_middle_and_the_next_run_completes(home: Home, stage: str, undisturbed: dict[str, str]) -> None:
    home.write(MANY)
    process = subprocess.Popen(
        [*PROGRAM, "ingest", "documents", "--json"],
        cwd=home.path, env=home.environment(), stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
        start_new_session=True,
    )  # fmt: skip
    assert process.stdout is not None
    for line in process.stdout:
        if json.loads(line).get("stage") == stage:
            os.killpg(process.pid, signal.SIGINT)  # as a terminal does: to the whole group
            break
    _, errors = process.communicate(timeout=60)
    assert "Traceback" not in errors, errors[-3000:]
    assert errors.split("\n", 1)[0] == "", "the line that the terminal's ^C stands on ends first"
    assert errors.split("\n", 1)[1].splitlines() == [
        "stopped: the lake is as the last step left it; the same command continues."
    ]
    assert process.returncode == 1
    sound(home)
    assert home.digests() != undisturbed, "the run was stopped before its end"
    again = home.run("ingest", "documents")
    assert again.returncode == 0, again.stderr
    assert home.digests() == undisturbed


MANY = 300


@pytest.fixture(scope="module")
def undisturbed(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """The digests of the same documents after a run that nobody stopped."""
    made = Home(tmp_path_factory.mktemp("undisturbed"))
    made.write(MANY)
    done = made.run("ingest", "documents")
    assert done.returncode == 0, done.stderr
    return made.digests()
