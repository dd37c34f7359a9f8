"""Programs of others are found or missed with what mends it; what they say reaches the person, a secret nobody."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from resources import programs
from resources.errors import Missing, Unavailable
from tests.stand_ins import StandIns


def script(folder: Path, name: str, body: str) -> None:
    (folder / name).write_text(f"#!/bin/sh\n{body}\n", encoding="utf-8")
    (folder / name).chmod(0o755)


@pytest.fixture
def bin_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("PATH", f"{tmp_path}:/usr/bin:/bin")
    return tmp_path


@pytest.mark.parametrize("name", ["kubectl", "k3d", "docker", "minikube", "ctr"])
def test_a_program_that_is_missing_is_named_with_what_mends_it(
    name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    assert not programs.there(name)
    with pytest.raises(Missing, match=f"{name}. (Install|It comes)"):
        programs.ask([name, "version"])


def test_what_a_program_said_last_is_in_the_error(bin_folder: Path) -> None:
    script(bin_folder, "docker", "echo a long story >&2; echo no space left on device >&2; exit 1")
    with pytest.raises(Unavailable, match=r"docker image load \(.*no space left on device\)"):
        programs.ask(["docker", "--debug", "image", "load"])


def test_input_reaches_the_program_and_its_answer_comes_back(bin_folder: Path) -> None:
    script(bin_folder, "docker", "cat; echo; echo $MORE")
    assert programs.ask(["docker"], given="é\n", more={"MORE": "x"}) == "é\n\nx\n"


def test_a_program_that_never_ends_is_an_error(bin_folder: Path) -> None:
    script(bin_folder, "docker", "exec sleep 30")
    with pytest.raises(Unavailable, match="No answer within"):
        programs.ask(["docker"], limit_s=0.2)


def test_what_takes_its_time_speaks_on_stderr_alone(bin_folder: Path, capfd: pytest.CaptureFixture[str]) -> None:
    script(bin_folder, "docker", "echo layer; [ $1 != fail ]")
    programs.show(["docker", "build"])
    assert capfd.readouterr() == ("", "layer\n")
    with pytest.raises(Unavailable, match="docker fail"):
        programs.show(["docker", "fail"])


def test_what_a_person_asked_for_is_on_stdout_with_its_code(
    bin_folder: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    script(bin_folder, "kubectl", "echo log; exit 4")
    assert programs.follow(["kubectl", "logs"]) == 4
    assert capfd.readouterr() == ("log\n", "")


def test_a_pipe_names_whichever_end_failed(bin_folder: Path) -> None:
    script(bin_folder, "docker", "echo content; exit $1")
    script(bin_folder, "ctr", 'read line; [ "$line" = content ] || exit 9; echo refused >&2; exit $1')
    programs.pipe(["docker", "0"], ["ctr", "0"])
    with pytest.raises(Unavailable, match=r"ctr 1 \(refused\)"):
        programs.pipe(["docker", "0"], ["ctr", "1"])
    with pytest.raises(Unavailable, match="docker 1"):
        programs.pipe(["docker", "1"], ["ctr", "0"])


def test_only_kubectl_gets_a_clouds_keys(world: StandIns, monkeypatch: pytest.MonkeyPatch) -> None:
    """A cluster's sign-in may need them; a builder of images doesn't."""
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "x")
    programs.ask(["kubectl", "get", "--raw=/readyz"])
    programs.attempt(["docker", "image", "inspect", "none"])
    by_name = {call.program: call.variables for call in world.calls()}
    assert "AWS_SECRET_ACCESS_KEY" in by_name["kubectl"]
    assert "AWS_SECRET_ACCESS_KEY" not in by_name["docker"]


def test_the_stand_ins_run_by_this_python(world: StandIns) -> None:
    assert sys.executable in (world.bin / "kubectl").read_text(encoding="utf-8")
