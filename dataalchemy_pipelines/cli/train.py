"""`train`: pairs, training set and a candidate adapter out of the chunks in the lake."""

from __future__ import annotations

import click

from dataalchemy_pipelines.cli.jobs import run_job
from dataalchemy_pipelines.cli.screen import Screen
from resources.settings import Settings


@click.command()
@click.option("--max-steps", type=click.IntRange(1), help="Optimiser steps; default: the training's own setting.")
@click.option("--max-samples", type=click.IntRange(1), help="At most this many pairs to learn from.")
@click.option("--audience", multiple=True, default=("local",), show_default=True, help="Whom the adapter may answer.")
@click.option("--json", "as_json", is_flag=True, help="One JSON object a line.")
@click.pass_obj
def train(
    settings: Settings, max_steps: int | None, max_samples: int | None, audience: tuple[str, ...], as_json: bool
) -> None:
    """Make pairs and train a candidate adapter; `evaluate` judges it."""
    from resources.deployments import resources_for

    screen = Screen(as_json=as_json)
    screen.first_line(settings, resources_for(settings))
    wanted = {"audience": list(audience), **({"max_samples": max_samples} if max_samples else {})}
    steps = {"max_steps": max_steps} if max_steps else {}
    made = run_job(settings, "train", screen, ops={"training_sets": {"config": wanted}, "adapter": {"config": steps}})
    figures = {name: value for name, value in made["adapter"].items() if isinstance(value, int | float | str)}
    screen.table("Candidate adapter", ["figure", "value"], [[name, value] for name, value in figures.items()])
