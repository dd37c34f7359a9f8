"""Commands whose work is done by a Dagster elsewhere: the same words and exit codes as in their own process."""

from __future__ import annotations

import json
import re
import signal
from pathlib import Path

import pytest

from resources.settings import CHECKOUT
from tests.system.test_up import LIMIT_S, Place, ask, opened, until

pytestmark = pytest.mark.system


def test_a_command_sends_its_work_and_ends_as_if_it_had_done_it(tmp_path: Path) -> None:
    place, papers = Place(tmp_path), tmp_path / "papers"
    papers.mkdir()
    for number in range(3):
        text = f"# Paper {number}\n\nThe bicycle of room {number} is oiled every {number + 2} weeks.\n"
        (papers / f"{number}.md").write_text(text, encoding="utf-8")
    with opened(place) as (address, _):
        (tmp_path / ".env").write_text(f"DATAALCHEMY_DAGSTER_URL={address}\n", encoding="utf-8")
        code, _, err = place.finished("ingest")
        assert code == 2 and "There is no source yet" in err, err
        code, out, err = place.finished("doctor")
        assert code == 0 and re.search(rf"^ok +dagster +\S+ at {address}$", out, re.MULTILINE), out
        code, out, err = place.finished("ingest", str(papers), "--stage", "wash", "--json")
        assert code == 0, err
    events = [json.loads(line) for line in out.splitlines() if line.startswith("{")]
    assert [event["url"].startswith(address) for event in events if event["event"] == "run"] == [True]
    assert events[-1] == {"event": "done", "worked_on": 9, "awaiting": 0}


def test_an_address_at_which_no_dagster_answers_is_said_with_its_mend(tmp_path: Path) -> None:
    place = Place(tmp_path)
    (tmp_path / ".env").write_text("DATAALCHEMY_DAGSTER_URL=http://127.0.0.1:1\n", encoding="utf-8")
    code, _, err = place.finished("ingest")
    assert code == 3
    assert err.startswith("error: Dagster does not answer") and "DATAALCHEMY_DAGSTER_URL" in err
    code, out, _ = place.finished("doctor")
    assert code == 3 and re.search(r"^fail +dagster +No Dagster answers", out, re.MULTILINE), out


def test_a_run_that_fails_elsewhere_ends_here_in_its_own_words(tmp_path: Path) -> None:
    place = Place(tmp_path)
    here = place.finished("train")
    with opened(place) as (address, _):
        (tmp_path / ".env").write_text(f"DATAALCHEMY_DAGSTER_URL={address}\n", encoding="utf-8")
        there = place.finished("train")
    assert here[0] == there[0] == 2
    assert here[2] == there[2] and here[2].startswith("error: There is nothing to learn from")


def test_ctrl_c_here_stops_the_run_there(tmp_path: Path) -> None:
    place = Place(tmp_path)
    with opened(place) as (address, _):
        (tmp_path / ".env").write_text(f"DATAALCHEMY_DAGSTER_URL={address}\n", encoding="utf-8")
        process = place.command("ingest", str(CHECKOUT / "samples"), "--json")
        assert process.stdout is not None
        started = next(event for line in process.stdout if (event := json.loads(line))["event"] == "run")
        until(lambda: status_of(address, started["run_id"]) == "STARTED")
        process.send_signal(signal.SIGINT)
        process.communicate(timeout=LIMIT_S)
        until(lambda: status_of(address, started["run_id"]) == "CANCELED")
    assert process.returncode == 1


def status_of(address: str, run_id: str) -> str:
    found = ask(address, f'{{runOrError(runId:"{run_id}"){{... on Run{{status}}}}}}')
    return str(found["runOrError"].get("status"))
