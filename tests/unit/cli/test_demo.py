"""What the demo says at its end is true where it was done."""

from __future__ import annotations

from pathlib import Path

from dataalchemy_pipelines.cli.demo import what_next
from resources.settings import Settings


def test_here_it_names_the_folder_that_holds_all_of_it(tmp_path: Path) -> None:
    said = what_next(Settings.read(DATAALCHEMY_DATA_PATH=str(tmp_path)))
    assert f"rm -r {tmp_path}" in said and "full-cycle PATH" in said


def test_elsewhere_it_names_that_ones_pages_and_no_folder_to_remove() -> None:
    said = what_next(Settings.read(DATAALCHEMY_DAGSTER_URL="http://127.0.0.1:3009"))
    assert "http://127.0.0.1:3009" in said and "full-cycle PATH" in said
    assert "rm -r" not in said and "up --demo" not in said
