"""`setup` says what is there, and does nothing twice."""

from __future__ import annotations

import pytest
from click.testing import CliRunner

from dataalchemy_pipelines.cli.setup import Lines, setup
from resources import provision


def test_what_is_there_is_named_and_nothing_is_installed(monkeypatch: pytest.MonkeyPatch) -> None:
    need = provision.Need("the tests' own tool", (), ("pytest",), 0.1)
    monkeypatch.setattr(provision, "NEEDS", {"tool": need})
    monkeypatch.setattr("dataalchemy_pipelines.cli.setup.NEEDS", provision.NEEDS)
    result = CliRunner().invoke(setup)
    assert (result.exit_code, result.output) == (0, "tool: the tests' own tool is there\n")


def test_a_note_is_a_line_and_a_step_without_one_is_silent(capsys: pytest.CaptureFixture[str]) -> None:
    lines = Lines()
    lines.step("install x", 0, 1, note="about 1 GB")
    lines.step("install x", 1, 1)
    assert capsys.readouterr().out == "install x: about 1 GB\n"
