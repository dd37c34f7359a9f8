"""The script at the root, run by dash where there is one, on a PATH that holds only what each test puts there.

uv is a stand-in that notes how it was called and makes the files that count; the real one runs in every first
`./alchemy` of a bare clone, which is how continuous integration starts.
"""

from __future__ import annotations

import os
import shutil
import stat
import subprocess
import sys
from dataclasses import dataclass, field
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
TOOLS = (
    "dirname",
    "readlink",
    "sed",
    "grep",
    "cat",
    "cksum",
    "mktemp",
    "id",
    "date",
    "rm",
    "mkdir",
    "head",
    "tail",
    "tr",
    "flock",
    "env",
    "chmod",
    "cp",
    "ln",
)
UV = """#!/bin/sh
echo "$*" >>"{log}"
[ ! -e "{folder}/broken" ] || {{ echo "error: no network" >&2; exit 2; }}
[ ! -e "{folder}/deadly" ] || kill -9 $PPID
for last; do :; done
case "$*" in
venv*) mkdir -p "$last/bin" && ln -s "{python}" "$last/bin/python" ;;
*-e*) printf '#!/bin/sh\\necho "ran $*"\\n' >"$last/.venv/bin/dataalchemy" && chmod +x "$last/.venv/bin/dataalchemy" ;;
esac
"""


@dataclass
class House:
    """A copy of the script with its pins, and a PATH of its own."""

    folder: Path
    settings: dict[str, str] = field(default_factory=dict)

    @property
    def root(self) -> Path:
        return self.folder / "a house"

    @property
    def log(self) -> list[str]:
        """The calls of uv so far."""
        path = self.folder / "uv.log"
        return path.read_text(encoding="utf-8").splitlines() if path.exists() else []

    def program(self, name: str, text: str) -> None:
        path = self.folder / "bin" / name
        path.write_text(text, encoding="utf-8")
        path.chmod(0o755)

    def flag(self, name: str, *, up: bool = True) -> None:
        path = self.folder / name
        path.touch() if up else path.unlink()

    def start(self, *arguments: str) -> subprocess.Popen[str]:
        environment = {"HOME": str(self.folder), "PATH": str(self.folder / "bin"), **self.settings}
        shell = shutil.which("dash") or "/bin/sh"
        command = [shell, str(self.root / "alchemy"), *arguments]
        pipe = subprocess.PIPE
        return subprocess.Popen(command, env=environment, cwd=self.folder, text=True, stdout=pipe, stderr=pipe)

    def run(self, *arguments: str) -> tuple[int, str, str]:
        process = self.start(*arguments)
        out, err = process.communicate(timeout=60)
        return process.returncode, out, err


@pytest.fixture
def house(tmp_path: Path) -> House:
    """A house on a machine with a Python that suits, and uv."""
    house = House(tmp_path)
    for name in ("alchemy", "pyproject.toml", "requirements/core.txt", "resources/instances/dagster.yaml"):
        (house.root / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(ROOT / name, house.root / name)
    (tmp_path / "bin").mkdir()
    for name in TOOLS:
        found = shutil.which(name)
        if found:
            (tmp_path / "bin" / name).symlink_to(found)
    (tmp_path / "bin" / "python3").symlink_to(os.path.realpath(sys.executable))
    house.program("uv", UV.format(log=tmp_path / "uv.log", folder=tmp_path, python=os.path.realpath(sys.executable)))
    return house


def with_old_python(house: House) -> None:
    """Python 3.10 alone, without venv, as Ubuntu 22.04 has it."""
    (house.folder / "bin" / "python3").unlink()
    house.program("python3", "#!/bin/sh\nexit 1\n")


def test_the_first_use_installs_and_runs_the_program_with_its_arguments(house: House) -> None:
    code, out, err = house.run("ingest", "a folder")
    assert (code, out) == (0, "ran ingest a folder\n")
    assert "packages into .venv" in err
    assert "Ready after" in err
    assert [call.split()[0] for call in house.log] == ["venv", "pip", "pip"]
    assert "--require-hashes" in house.log[1]


def test_later_uses_call_no_installer_and_say_nothing(house: House) -> None:
    house.run()
    calls = len(house.log)
    assert house.run("doctor") == (0, "ran doctor\n", "")
    assert len(house.log) == calls


def test_a_changed_pin_is_installed_into_the_same_environment(house: House) -> None:
    house.run()
    with (house.root / "requirements" / "core.txt").open("a", encoding="utf-8") as pins:
        pins.write("# newer\n")
    assert house.run()[0] == 0
    assert [call.split()[0] for call in house.log] == ["venv", "pip", "pip", "pip", "pip"]
    assert "--reinstall" not in "".join(house.log)


def test_a_use_from_elsewhere_through_a_link_finds_its_own_house(house: House) -> None:
    (house.folder / "link").symlink_to(house.root / "alchemy")
    command = ["/bin/sh", str(house.folder / "link"), "doctor"]
    environment = {"HOME": str(house.folder), "PATH": str(house.folder / "bin")}
    result = subprocess.run(command, env=environment, cwd="/", text=True, capture_output=True, check=True)
    assert result.stdout == "ran doctor\n"
    assert (house.root / ".venv").is_dir()


def test_an_installation_that_was_killed_is_done_again_from_the_ground(house: House) -> None:
    house.run()
    (house.root / ".venv" / "stamp").unlink()
    house.flag("deadly")
    assert house.run()[0] == -9
    house.flag("deadly", up=False)
    assert house.run()[0] == 0
    assert "--reinstall" in house.log[-2]
    assert house.run()[2] == ""


def test_an_installation_that_failed_says_so_and_can_be_tried_again(house: House) -> None:
    house.run()
    (house.root / ".venv" / "stamp").unlink()
    house.flag("broken")
    code, out, err = house.run()
    assert (code, out) == (3, "")
    assert "error: no network" in err
    assert "run this again" in err
    house.flag("broken", up=False)
    assert house.run()[0] == 0


def test_two_first_uses_at_once_install_once(house: House) -> None:
    both = [house.start("one"), house.start("two")]
    said = [process.communicate(timeout=60)[0] for process in both]
    assert said == ["ran one\n", "ran two\n"]
    assert [call.split()[0] for call in house.log] == ["venv", "pip", "pip"]


def test_a_house_that_was_moved_makes_its_environment_anew(house: House) -> None:
    house.run()
    moved = house.folder / "moved"
    house.root.rename(moved)
    moved.rename(house.folder / "elsewhere")
    command = ["/bin/sh", str(house.folder / "elsewhere" / "alchemy")]
    environment = {"HOME": str(house.folder), "PATH": str(house.folder / "bin")}
    subprocess.run(command, env=environment, text=True, capture_output=True, check=True)
    assert [call.split()[0] for call in house.log].count("venv") == 2


def test_with_python_3_10_alone_it_says_what_is_needed_and_stops(house: House) -> None:
    with_old_python(house)
    (house.folder / "bin" / "uv").unlink()
    code, out, err = house.run("doctor")
    assert (code, out) == (3, "")
    assert err == "error: Python 3.11 to 3.14 is needed and was not found. Install one, or uv, and run this again.\n"
    assert not (house.root / ".venv").exists()


def test_with_python_3_10_and_apt_it_says_each_step_and_takes_python_3_11(house: House) -> None:
    with_old_python(house)
    python = f'ln -s "{os.path.realpath(sys.executable)}" "{house.folder}/bin/python3.11"'
    note = f'echo "$*" >>"{house.folder}/apt.log"'
    house.program("apt-get", f'#!/bin/sh\n{note}\ncase "$*" in *install*) {python} ;; esac\n')
    house.program("apt-cache", '#!/bin/sh\n[ "$2" = python3.11-venv ]\n')
    house.program("sudo", '#!/bin/sh\nexec "$@"\n')
    code, out, err = house.run("doctor")
    assert (code, out) == (0, "ran doctor\n"), err
    assert "Python 3.11 or newer is missing" in err
    assert "apt-get -qq install -y python3.11 python3.11-venv" in err
    assert (house.folder / "apt.log").read_text(encoding="utf-8").splitlines() == [
        "-qq update",
        "-qq install -y python3.11 python3.11-venv",
    ]


def test_a_python_that_cannot_make_environments_comes_with_the_command_that_mends_it(house: House) -> None:
    (house.folder / "bin" / "uv").unlink()
    (house.folder / "bin" / "python3").unlink()
    real = os.path.realpath(sys.executable)
    house.program("python3", f'#!/bin/sh\ncase "$2" in *ensurepip*) exit 1 ;; esac\nexec "{real}" "$@"\n')
    code, _, err = house.run()
    assert code == 3
    assert f"sudo apt-get install python3.{sys.version_info.minor}-venv" in err


def test_the_first_use_writes_dagsters_home_for_its_owner_alone(house: House) -> None:
    house.run()
    path = house.root / ".env"
    assert path.read_text(encoding="utf-8") == f"DAGSTER_HOME={house.root}/data/dagster\n"
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    instance = house.root / "data" / "dagster" / "dagster.yaml"
    assert "telemetry:\n  enabled: false" in instance.read_text(encoding="utf-8")


def test_a_home_that_is_there_stays_and_other_lines_are_kept(house: House) -> None:
    (house.root / ".env").write_text("A=1\nDAGSTER_HOME=/srv/mine", encoding="utf-8")
    house.run()
    assert (house.root / ".env").read_text(encoding="utf-8") == "A=1\nDAGSTER_HOME=/srv/mine"


@pytest.mark.parametrize("where", ["environment", ".env"])
def test_the_home_follows_the_data_path(house: House, where: str) -> None:
    data = house.folder / "kept"
    text = f'export DATAALCHEMY_DATA_PATH="{data}"'
    if where == ".env":
        (house.root / ".env").write_text(text, encoding="utf-8")
    else:
        house.settings["DATAALCHEMY_DATA_PATH"] = str(data)
    house.run()
    assert f"DAGSTER_HOME={data}/dagster" in (house.root / ".env").read_text(encoding="utf-8").splitlines()
