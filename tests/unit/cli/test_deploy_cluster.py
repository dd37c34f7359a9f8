"""`deploy k3d` and `deploy k8s` as a person calls them: what is on screen, and with which exit code it ends."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import pytest

from dataalchemy_pipelines.cli import app
from resources import k3d, stacks
from tests.stand_ins import StandIns


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(k3d, "host_ports", lambda: [])
    monkeypatch.setattr("dataalchemy_pipelines.cli.deploy_cluster.stacks.Patience", _hasty)


def _hasty(ready_s: float) -> stacks.Patience:
    patience: stacks.Patience = PATIENCE(ready_s=ready_s, degraded_s=0.1, poll_s=0.01)
    return patience


PATIENCE = stacks.Patience


def call(monkeypatch: pytest.MonkeyPatch, *words: str) -> int:
    monkeypatch.setattr(sys, "argv", ["dataalchemy", "deploy", *words])
    with pytest.raises(SystemExit) as ended:
        app.main()
    code = ended.value.code
    return int(code) if code is not None else 0


@pytest.mark.parametrize("kind", ["k3d", "k8s"])
def test_up_ends_with_what_to_open_and_progress_is_beside_it(
    kind: str, world: StandIns, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    world.world(statuses=["progressing", "ready"])
    assert call(monkeypatch, kind, "up") == 0
    out, err = capsys.readouterr()
    assert out.splitlines() == ["open dagster  http://127.0.0.1:3000", "     s3       http://127.0.0.1:9000"]
    assert "Progressing: Waiting for lake (starting)." in err


def test_one_that_stays_degraded_ends_badly_with_the_conditions_message(
    world: StandIns, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    world.world(statuses=["degraded"])
    assert call(monkeypatch, "k8s", "up") == 3
    assert "error: The stack is not ready: dataalchemy. No class. Name one." in capsys.readouterr().err


@pytest.mark.parametrize(("kind", "program"), [("k8s", "kubectl"), ("k3d", "k3d")])
def test_a_missing_program_ends_it_with_the_command_that_mends_it(
    kind: str,
    program: str,
    world: StandIns,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.setenv("PATH", str(world.folder))
    for words in ("up", "status", "down"):
        assert call(monkeypatch, kind, words) == 3
        assert f"{program}. Install it: " in capsys.readouterr().err


def test_status_tells_all_and_its_code_is_whether_all_are_ready(
    world: StandIns, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    assert call(monkeypatch, "k8s", "status") == 1
    assert capsys.readouterr().out == (
        "operator  not installed  (cluster somewhere)\nnot up: dataalchemy deploy k8s up\n"
    )
    call(monkeypatch, "k8s", "up")
    capsys.readouterr()
    assert call(monkeypatch, "k8s", "status") == 0
    out = capsys.readouterr().out
    first, rest = out.split("\n", 1)
    assert first == "operator  available  (cluster somewhere)"
    assert rest.startswith("dataalchemy/dataalchemy  Ready: Ready.\n  Ready            True    AllReady")
    assert "http://127.0.0.1:3000" in out
    world.world(statuses=["degraded"])
    assert call(monkeypatch, "k8s", "status", "--json") == 1
    who, told = map(json.loads, capsys.readouterr().out.splitlines())
    assert (who["kind"], who["available"], who["context"], told["kind"]) == ("operator", True, "somewhere", "stack")
    assert (told["phase"], told["ready"], told["conditions"][0]["message"]) == (
        "Degraded",
        False,
        "No class. Name one.",
    )


def test_a_ready_stack_whose_operator_is_down_is_not_well(
    world: StandIns, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    call(monkeypatch, "k8s", "up")
    world.world(down=True)
    capsys.readouterr()
    assert call(monkeypatch, "k8s", "status") == 1
    out = capsys.readouterr().out
    assert out.startswith("operator  not available: No minimum availability.  (cluster somewhere)\n")
    assert "Ready: Ready." in out


def test_logs_are_the_operators_or_a_parts(world: StandIns, monkeypatch: pytest.MonkeyPatch) -> None:
    call(monkeypatch, "k8s", "up")
    world.forget_calls()
    assert call(monkeypatch, "k8s", "logs") == 0
    assert call(monkeypatch, "k8s", "logs", "lake", "--follow", "--tail", "5") == 0
    lines = [line for line in world.lines() if " logs " in line]
    assert lines == [
        "kubectl logs deployment/dataalchemy-operator --tail=200 --prefix",
        "kubectl logs --selector=dataalchemy.io/part=lake --tail=5 --prefix --follow",
    ]


def test_down_says_what_is_kept(
    world: StandIns, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    call(monkeypatch, "k8s", "up")
    capsys.readouterr()
    assert call(monkeypatch, "k8s", "down") == 0
    assert "kept: " in capsys.readouterr().out


def test_a_file_that_is_not_there_is_wrong_use(
    world: StandIns, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    assert call(monkeypatch, "k8s", "up", "--file", str(tmp_path / "none.yaml")) == 2
    assert world.calls() == []
