"""`scripts/test-cluster` with stand-ins for kubectl, k3d and Docker: which cluster it takes, and which it ends."""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path

import pytest

from resources.settings import CHECKOUT
from tests.cluster.conftest import exported

pytestmark = pytest.mark.skipif(os.name == "nt", reason="a bash script")

TOOLS = ("bash", "dirname", "readlink", "mkdir", "flock", "timeout", "id", "cat", "rm", "cp", "touch", "nice")
BUILDER = """#!/bin/bash
echo "builder $*" >>"$CALLS"
case $1 in
env) echo "export KUBECONFIG=$CALLS.built; export PATH=$PATH" ;;
up | control-plane) touch "$CALLS.built" ;;
down) rm "$CALLS.built" ;;
esac
"""


class Machine:
    """A checkout with the script, a folder of programs as PATH, and a file of the calls that they got."""

    def __init__(self, folder: Path) -> None:
        self.bin, self.calls = folder / "bin", folder / "calls"
        self.script = folder / "checkout" / "scripts" / "test-cluster"
        self.script.parent.mkdir(parents=True)
        shutil.copy(CHECKOUT / "scripts" / "test-cluster", self.script)
        self.bin.mkdir()
        self.home = folder / "home"
        for name in TOOLS:
            found = shutil.which(name)
            assert found is not None
            (self.bin / name).symlink_to(found)
        # A cluster answers where its kubeconfig is a file.
        self.program("kubectl", '[ -e "$KUBECONFIG" ]')

    def program(self, name: str, body: str) -> None:
        path = self.bin / name
        path.write_text(f'#!/bin/bash\necho "{name} $*" >>"$CALLS"\n{body}\n', encoding="utf-8")
        path.chmod(0o755)

    def with_k3d(self) -> None:
        self.program("docker", "true")
        self.program(
            "k3d",
            'case "$1 $2" in\n"cluster get") [ -e "$CALLS.k3d" ] ;;\n"cluster create") touch "$CALLS.k3d" ;;\n'
            '"cluster delete") rm "$CALLS.k3d" ;;\n"kubeconfig get") echo "apiVersion: v1" ;;\nesac',
        )

    def with_builder(self) -> None:
        path = self.script.parents[2] / "shared" / "tools" / "cluster-up.sh"
        path.parent.mkdir(parents=True)
        path.write_text(BUILDER, encoding="utf-8")
        path.chmod(0o755)
        for name in ("apt-get", "go"):
            self.program(name, "true")
        (self.bin / "id").unlink()
        self.program("id", "echo 0")

    def run(self, *arguments: str, **variables: str) -> subprocess.CompletedProcess[str]:
        environment = {"PATH": str(self.bin), "HOME": str(self.home), "CALLS": str(self.calls), **variables}
        # The script adds the system's folders to PATH, where this machine may have the real programs.
        text = self.script.read_text(encoding="utf-8")
        self.script.write_text(
            "\n".join(line for line in text.splitlines() if not line.startswith("PATH=")), encoding="utf-8"
        )
        return subprocess.run(
            ["bash", self.script, *arguments], env=environment, capture_output=True, text=True, check=False
        )

    def called(self, name: str) -> list[str]:
        lines = self.calls.read_text(encoding="utf-8").splitlines() if self.calls.exists() else []
        return [line.removeprefix(f"{name} ") for line in lines if line.startswith(f"{name} ")]


@pytest.fixture
def machine(tmp_path: Path) -> Machine:
    return Machine(tmp_path)


def test_a_cluster_that_answers_is_taken_and_left_alone(machine: Machine, tmp_path: Path) -> None:
    machine.with_k3d()
    config = tmp_path / "theirs"
    config.touch()
    done = machine.run(KUBECONFIG=str(config))
    assert f"export KUBECONFIG={config} ; export PATH=" in done.stdout
    assert machine.run("stop", KUBECONFIG=str(config)).returncode == 0
    assert machine.called("k3d") == [] and config.exists()


def test_what_it_prints_can_be_taken_whatever_the_folders_are_called(machine: Machine, tmp_path: Path) -> None:
    """As in WSL, whose PATH has the folders of Windows."""
    odd = tmp_path / "Program Files (x86)" / "it's $HOME"
    odd.mkdir(parents=True)
    (odd / "a config").touch()
    path = f"{machine.bin}:{odd}"
    said = machine.run(KUBECONFIG=str(odd / "a config"), PATH=path).stdout
    assert exported(said) == {"KUBECONFIG": str(odd / "a config"), "PATH": path}
    script = f'{said}\nprintf "%s|%s" "$KUBECONFIG" "$PATH"'
    done = subprocess.run(["bash", "-c", script], capture_output=True, text=True, check=True)
    assert done.stdout == f"{odd}/a config|{path}"


def test_k3d_is_made_once_and_only_stop_ends_it(machine: Machine) -> None:
    machine.with_k3d()
    first, second = machine.run(KUBECONFIG="/no/such"), machine.run("control-plane")
    assert "names no cluster that answers" in first.stderr
    assert first.stdout == second.stdout
    assert machine.run("which").stdout == "k3d\n"
    machine.run("stop")
    machine.run("stop")
    calls = [call for call in machine.called("k3d") if call.startswith(("cluster create", "cluster delete"))]
    assert [call.split()[1] for call in calls] == ["create", "delete"]


@pytest.mark.parametrize("asked", ["up", "control-plane"])
def test_the_builder_is_asked_for_as_much_as_is_needed(asked: str, machine: Machine) -> None:
    machine.with_builder()
    done = machine.run(asked)
    assert done.returncode == 0, done.stderr
    assert f"export KUBECONFIG={machine.calls}.built ; " in done.stdout
    assert asked in machine.called("builder")
    machine.run("stop")
    assert machine.called("builder")[-1] == "down"


def test_what_is_built_ahead_is_no_cluster_yet(machine: Machine) -> None:
    machine.with_builder()
    assert machine.run("build").returncode == 0
    assert [call for call in machine.called("builder") if call != "env"] == ["build"]
    machine.with_k3d()
    assert machine.run("build").returncode == 0
    assert machine.called("builder").count("build") == 1 and "cluster create" not in str(machine.called("k3d"))


def test_who_has_its_control_plane_may_ask_for_a_node_too(machine: Machine) -> None:
    machine.with_builder()
    machine.run("control-plane")
    assert machine.run("up", KUBECONFIG=f"{machine.calls}.built").returncode == 0
    assert [call for call in machine.called("builder") if call != "env"] == ["control-plane", "up"]
    machine.run("stop", KUBECONFIG=f"{machine.calls}.built")
    assert machine.called("builder")[-1] == "down"


def test_a_cluster_of_the_builder_that_was_there_before_is_not_ended(machine: Machine) -> None:
    machine.with_builder()
    Path(f"{machine.calls}.built").touch()
    assert machine.run("up").returncode == 0
    machine.run("stop")
    assert "down" not in machine.called("builder")


def test_where_none_can_be_had_it_ends_with_3_and_says_why(machine: Machine) -> None:
    for arguments in (["which"], ["up"]):
        done = machine.run(*arguments)
        assert done.returncode == 3
        assert "are left out" in done.stderr and "k3d" in done.stderr
        assert done.stdout == ""


def test_a_word_that_it_does_not_know_is_refused(machine: Machine) -> None:
    done = machine.run("sideways")
    assert done.returncode == 3 and "Usage" in done.stderr
