"""`full-cycle`: everything, in order, over the known sources."""

from __future__ import annotations

from pathlib import Path

import click

from dataalchemy_pipelines.cli.ingest import show, take
from dataalchemy_pipelines.cli.jobs import run_job
from dataalchemy_pipelines.cli.screen import Screen
from resources.settings import Settings


@click.command()
@click.argument("paths", nargs=-1, type=click.Path(path_type=Path))
@click.option(
    "--mode", type=click.Choice(["auto", "local", "spark"]), default="auto", show_default=True, help="Engine."
)
@click.option("--json", "as_json", is_flag=True, help="One JSON object a line.")
@click.pass_obj
def full_cycle(settings: Settings, paths: tuple[Path, ...], mode: str, as_json: bool) -> None:
    """Ingest, refine, synthesize, train, judge, release, index: everything, in order."""
    from dataalchemy_pipelines.engine.sources import source_of
    from resources.deployments import resources_for

    screen = Screen(as_json=as_json)
    resources = resources_for(settings)
    screen.first_line(settings, resources)
    for path in paths:
        take(settings, resources["lake"], source_of(path, name=None, access=("local",)))
    show(screen, resources["lake"], run_job(settings, "full_cycle", screen, mode=mode))
