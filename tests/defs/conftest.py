"""A small folder, its lake, and the real definitions over both, run here on an instance that is thrown away."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import dagster as dg
import pytest

from dataalchemy_pipelines.definitions import build_defs
from dataalchemy_pipelines.engine.sources import register, source_of
from resources.lake import LocalLake
from resources.settings import Settings

QUIET = {"loggers": {"console": {"config": {"log_level": "CRITICAL"}}}}
TEXT = (
    "The {0} of line {1} is opened with key {1}, cleaned with a dry brush, and closed before the {0} is started again."
)


@dataclass
class House:
    """A folder of documents, the definitions that read it, and the instance that remembers their runs."""

    folder: Path
    defs: dg.Definitions
    lake: LocalLake
    instance: dg.DagsterInstance

    def run(self, job: str) -> dg.ExecuteInProcessResult:
        """One run of a job, to its end, failed or not."""
        found = self.defs.resolve_job_def(job)
        return found.execute_in_process(run_config=QUIET, instance=self.instance, raise_on_error=False)

    def write(self, name: str, thing: str, number: int) -> Path:
        """A document with words of its own and a mail address in it."""
        path = self.folder / name
        words = "\n\n".join(TEXT.format(thing, number + line) for line in range(4))
        path.write_text(f"# The {thing}\n\n{words}\n\nAsk {thing}{number}@works.example.\n", encoding="utf-8")
        return path


def settings_at(path: Path) -> Settings:
    """Settings with everything that is kept under one folder."""
    return Settings.read(DATAALCHEMY_DATA_PATH=str(path))


@pytest.fixture
def house(tmp_path: Path) -> Iterator[House]:
    """Three documents, an empty file, and a source that names their folder."""
    folder = tmp_path / "documents"
    folder.mkdir()
    defs = build_defs(settings_at(tmp_path / "data"))
    lake = LocalLake(root=(tmp_path / "data" / "lake").as_uri())
    with dg.DagsterInstance.ephemeral() as instance:
        made = House(folder, defs, lake, instance)
        for number, thing in enumerate(("boiler", "lathe", "crane")):
            made.write(f"{thing}.md", thing, number * 10)
        (folder / "empty.txt").write_bytes(b"")
        register(lake, source_of(folder, name="works", access=("local",)))
        yield made


def materialised(result: dg.ExecuteInProcessResult) -> set[str]:
    """Names of the assets that a run made."""
    return {event.materialization.asset_key.to_user_string() for event in result.get_asset_materialization_events()}


def failed_checks(result: dg.ExecuteInProcessResult) -> set[tuple[str, str]]:
    """(asset, check) of the checks that did not hold."""
    return {
        (one.asset_key.to_user_string(), one.check_name)
        for one in result.get_asset_check_evaluations()
        if not one.passed
    }
