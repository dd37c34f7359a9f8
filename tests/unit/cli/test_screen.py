"""What a command prints: JSON lines that a program can read, plain tables that a person can."""

from __future__ import annotations

import json
import logging
from pathlib import Path
from typing import Any

import pytest

from dataalchemy_pipelines.cli.screen import LOGGER, Screen
from dataalchemy_pipelines.core.outcomes import Balance
from resources.deployments import resources_for
from resources.lake import LocalLake
from resources.settings import Settings

SHEETS = {
    "raw_records": {"wiki": Balance("raw_records", 1204, {"kept": 1203, "quarantined": 1}, {"unreadable": 1})},
    "documents": {
        "wiki": Balance("documents", 1203, {"kept": 1200, "rejected": 2}, {"empty": 2}, lost=1),
        "mail": Balance("documents", 7, {"kept": 6, "rejected": 1}, {"empty": 1}),
    },
}


def lines(capsys: pytest.CaptureFixture[str]) -> list[dict[str, Any]]:
    """What was printed, each line as JSON; a line that is none fails here."""
    return [json.loads(line) for line in capsys.readouterr().out.splitlines()]


@pytest.fixture(autouse=True)
def logger() -> Any:
    """The program's logger as it was before a screen took it."""
    kept = (LOGGER.handlers, LOGGER.level, LOGGER.propagate)
    yield
    LOGGER.handlers, LOGGER.propagate = kept[0], kept[2]
    LOGGER.setLevel(kept[1])


def test_every_line_is_a_json_object_where_json_was_asked_for(capsys: pytest.CaptureFixture[str]) -> None:
    screen = Screen(as_json=True)
    with screen:
        screen.step("documents", 1, None, note='a "quoted" name\nof two lines')
        screen.step("documents", 2, 2)
    screen.say("for people only")
    screen.table("Sizes", ["what", "bytes"], [["päge", 12], [Path("a/b"), 1.5]])
    screen.balance(SHEETS)
    LOGGER.info("Spark's own pages: %s", "http://127.0.0.1:4040")
    found = lines(capsys)
    assert [line["event"] for line in found] == ["progress", "progress", "table", "table", "table", "log"]
    assert found[2]["rows"] == [["päge", 12], ["a/b", 1.5]]
    assert found[-1]["message"] == "Spark's own pages: http://127.0.0.1:4040"


def test_the_same_progress_is_said_once(capsys: pytest.CaptureFixture[str]) -> None:
    screen = Screen(as_json=True)
    for done in (0, 0, 3, 3, 3):
        screen.step("chunks", done, 3)
    assert [line["done"] for line in lines(capsys)] == [0, 3]


def test_numbers_stay_numbers_in_json(capsys: pytest.CaptureFixture[str]) -> None:
    Screen(as_json=True).balance(SHEETS)
    sheet, reasons = lines(capsys)
    assert sheet["columns"] == ["stage", "source", "seen", "kept", "rejected", "quarantined", "lost"]
    assert sheet["rows"][1] == ["documents", "wiki", 1203, 1200, 2, 0, 1]
    assert reasons["rows"] == [["raw_records", "unreadable", 1], ["documents", "empty", 3]]


def test_a_plain_table_shows_every_number_and_no_escape_codes(capsys: pytest.CaptureFixture[str]) -> None:
    Screen(as_json=False).balance(SHEETS)
    out = capsys.readouterr().out
    assert "\x1b" not in out
    row = next(line.split() for line in out.splitlines() if "1,203" in line and "documents" in line)
    assert row == ["documents", "wiki", "1,203", "1,200", "2", "0", "1"]
    assert any(line.split() == ["documents", "empty", "3"] for line in out.splitlines())


def test_a_name_with_brackets_is_shown_as_it_is(capsys: pytest.CaptureFixture[str]) -> None:
    screen = Screen(as_json=False)
    screen.table("Sources", ["name", "documents"], [["notes [draft]", 2], ["[/]", 1]])
    screen.say("read [bold] as it is")
    out = capsys.readouterr().out
    assert "notes [draft]" in out and "[/]" in out
    assert "read [bold] as it is" in out


def test_a_stage_says_one_plain_line_when_it_is_done(capsys: pytest.CaptureFixture[str]) -> None:
    screen = Screen(as_json=False)
    with screen:
        for done in (0, 40, 80):
            screen.step("signatures", done, 80, note="12/s")
    (line,) = capsys.readouterr().out.splitlines()
    assert line.split()[:3] == ["signatures", "80", "documents"]
    assert line.endswith("12/s")


def test_the_first_line_names_deployment_lake_and_cache(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    settings = Settings.read(DATAALCHEMY_DATA_PATH=str(tmp_path))
    Screen(as_json=True).first_line(settings, resources_for(settings))
    (said,) = lines(capsys)
    assert (said["deployment"], said["lake"]) == ("native", LocalLake(root=settings.lake).describe())
    assert "kv.sqlite" in said["cache"]


def test_a_line_stays_one_line_where_no_terminal_limits_it(capsys: pytest.CaptureFixture[str]) -> None:
    long = "lake " + "/a folder of a long name" * 20
    Screen(as_json=False).say(long)
    assert capsys.readouterr().out == f"{long}\n"


def test_what_is_logged_below_info_is_not_said(capsys: pytest.CaptureFixture[str]) -> None:
    Screen(as_json=True)
    LOGGER.debug("small talk")
    LOGGER.log(logging.WARNING, "a warning")
    assert [line["message"] for line in lines(capsys)] == ["a warning"]
