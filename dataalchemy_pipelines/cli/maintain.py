"""`maintain`: keep the lake and Dagster's history small."""

from __future__ import annotations

import click

from dataalchemy_pipelines.cli.jobs import run_job
from dataalchemy_pipelines.cli.screen import Screen
from resources.settings import Settings


@click.command()
@click.option("--json", "as_json", is_flag=True, help="One JSON object a line.")
@click.pass_obj
def maintain(settings: Settings, as_json: bool) -> None:
    """Remove what nothing needs and is older than a day, merge small files, forget old runs; say what came free."""
    from resources.deployments import resources_for
    from resources.upkeep import Keeper

    screen = Screen(as_json=as_json)
    resources = resources_for(settings)
    screen.first_line(settings, resources)
    Keeper(resources["lake"]).drop_ballast()  # first of all: on a full disk not even the run could be written down
    made = run_job(settings, "maintain", screen)["upkeep"]
    numbers = {name: value for name, value in made.items() if isinstance(value, int)}
    screen.table("Maintenance", ["what", "count"], [[name.replace("_", " "), value] for name, value in numbers.items()])
    screen.event("done", **numbers)
