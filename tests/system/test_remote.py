"""Commands whose work is done by a Dagster elsewhere: the same words and exit codes as in their own process."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.system.test_up import Place, opened

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
