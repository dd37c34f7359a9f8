"""One real run in a process of its own: python -m bench.faults.job FOLDER lands FOLDER and refines it.

It works on what the settings in its environment name, and ends as the command line does: 0, or one line of error and
1, 2 or 3.
"""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

from dataalchemy_pipelines.cli.app import exit_code
from dataalchemy_pipelines.cli.jobs import run_job
from dataalchemy_pipelines.cli.screen import Screen
from dataalchemy_pipelines.engine.sources import register, source_of
from resources.deployments import resources_for
from resources.errors import DataAlchemyError
from resources.settings import Settings


class Watched(Screen):
    """Says each step on stdout, and through the deployment's own progress, as a run of the daemon does."""

    def __init__(self, own: Any) -> None:
        super().__init__(as_json=True)
        self._own = own

    def step(self, stage: str, done: int, total: int | None, *, unit: str = "documents", note: str = "") -> None:
        """See `resources.contracts.Progress`."""
        self._own.step(stage, done, total, unit=unit, note=note)
        super().step(stage, done, total, unit=unit, note=note)
        sys.stdout.flush()


def main(folder: Path) -> int:
    """Register the folder and run the job; the exit code."""
    try:
        settings = Settings.read()
        resources = resources_for(settings)
        register(resources["lake"], source_of(folder, name="samples", access=["local"]))
        run_job(settings, "refine", Watched(resources["progress"]), mode="local")
    except DataAlchemyError as error:
        sys.stderr.write(f"error: {error}\n")
        return exit_code(error)
    return 0


if __name__ == "__main__":
    sys.exit(main(Path(sys.argv[1])))
