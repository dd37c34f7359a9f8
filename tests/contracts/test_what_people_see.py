"""What leaves the lake for people holds no name from before redaction, and steers no terminal."""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest
from click.testing import CliRunner

from dataalchemy_pipelines.cli.app import program
from dataalchemy_pipelines.cli.screen import Screen, printable
from dataalchemy_pipelines.engine import landing, steps
from dataalchemy_pipelines.engine.batch import run_stage
from dataalchemy_pipelines.engine.sources import register, source_of
from dataalchemy_pipelines.transforms.recipe import RecipeSettings
from resources.lake import LocalLake
from resources.progress import LogProgress
from resources.settings import Settings
from resources.spark import LocalEngine

NAME = "jane.miller@works.example"
STEERING = "\x1b[2J\x1b]0;owned\x07\x9b1m\u202egpj.exe\x7f\ud800"


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    """A lake with a document that is named after a person, and one that never got as far as the clean stage."""
    settings = Settings.read(DATAALCHEMY_DATA_PATH=str(tmp_path / "data"))
    folder = tmp_path / "mails"
    folder.mkdir()
    (folder / f"to {NAME}, second.md").write_text("The boiler is cleaned in spring, and tested a week later.\n" * 8)
    (folder / f"from {NAME}, broken.pdf").write_bytes(b"%PDF-1.7\nnothing that a reader could use")
    lake = LocalLake(root=settings.lake)
    register(lake, source_of(folder, name="mails", access=("local",)))
    landing.land_sources(lake, [], progress=LogProgress())
    for stage in (steps.parse_stage(), steps.clean_stage(RecipeSettings())):
        run_stage(stage, lake=lake, engine=LocalEngine(), progress=LogProgress())
    return settings


def exported(settings: Settings, tmp_path: Path, *options: str) -> list[dict[str, object]]:
    """The lines of `export ledger`."""
    out = tmp_path / "ledger.jsonl"
    CliRunner().invoke(
        program.get_command(None, "export"),  # type: ignore[arg-type]
        ["ledger", "--out", str(out), *options],
        obj=settings,
        catch_exceptions=False,
    )
    return [json.loads(line) for line in out.read_text(encoding="utf-8").splitlines()]


def test_an_exported_ledger_names_nobody_unless_asked_to(settings: Settings, tmp_path: Path) -> None:
    rows = exported(settings, tmp_path)
    assert {row["stage"] for row in rows} == {"raw_records", "documents", "clean_documents"}
    assert NAME not in json.dumps(rows)
    assert any(str(row["native_id"]).endswith(".md") for row in rows), "what was redacted is still there to be read"
    assert {row["native_id"] for row in rows if row["outcome"] == "quarantined"} == {None}
    private = exported(settings, tmp_path, "--private")
    assert len(private) == len(rows)
    assert f"from {NAME}, broken.pdf" in {row["native_id"] for row in private}


def test_a_name_that_steers_a_terminal_is_shown_and_does_nothing(capsys: pytest.CaptureFixture[str]) -> None:
    screen = Screen(as_json=False)
    screen.say(f"read {STEERING}.txt")
    screen.table(f"Of {STEERING}", ["name", "n"], [[f"{STEERING}.txt", 1]])
    screen.step(f"stage {STEERING}", 1, 1, note=STEERING)
    out = capsys.readouterr().out
    assert not [sign for sign in STEERING if ord(sign) not in range(32, 127) and sign in out]
    assert out.count("owned") == 5


def test_what_people_read_stays_as_it_is() -> None:
    text = "Übung macht 達人,\tdaily\u00a0… \N{THUMBS UP SIGN}\nnext line"
    assert printable(text) == text
    os.fsencode(printable(STEERING))
