"""`ingest`: a folder, a file, or all known sources into the lake, and on through the stages."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import click

from dataalchemy_pipelines.cli.jobs import run_job
from dataalchemy_pipelines.cli.screen import Screen
from dataalchemy_pipelines.core.errors import WrongInput
from dataalchemy_pipelines.core.records import Source
from resources.settings import Settings

JOBS = {"wash": "wash", "refine": "refine", "all": "full_cycle"}


@click.command()
@click.argument("paths", nargs=-1, type=click.Path(path_type=Path))
@click.option("--source", "name", help="Name of the source; default: the folder's own name.")
@click.option(
    "--access", multiple=True, default=("local",), show_default=True, help="Who may read it; may be repeated."
)
@click.option(
    "--mode", type=click.Choice(["auto", "local", "spark"]), default="auto", show_default=True, help="Engine."
)
@click.option("--stage", type=click.Choice(list(JOBS)), default="refine", show_default=True, help="How far to go.")
@click.option("--synthesis", is_flag=True, help="Also make supervised pairs and the training set.")
@click.option("--max-samples", type=click.IntRange(1), help="At most this many pairs in the training set.")
@click.option("--confirm-withdrawals", is_flag=True, help="Believe that the many documents that are missing are gone.")
@click.option("--json", "as_json", is_flag=True, help="One JSON object a line.")
@click.pass_obj
def ingest(settings: Settings, /, paths: Sequence[Path], **options: Any) -> None:
    """Read PATH… (or every known source again) into the lake, and on through the stages."""
    from dataalchemy_pipelines.engine.sources import source_of
    from resources.deployments import resources_for

    screen = Screen(as_json=options["as_json"])
    resources = resources_for(settings)
    screen.first_line(settings, resources)
    if options["name"] and len(paths) > 1:
        raise WrongInput(
            "One name cannot serve several paths", subject=options["name"], fix="Give one PATH with --source."
        )
    sources = [source_of(path, name=options["name"], access=options["access"]) for path in paths]
    for source in sources:
        take(settings, resources["lake"], source)
    names = [source.name for source in sources] or ([options["name"]] if options["name"] else [])
    config = {"sources": names, "confirm_withdrawals": options["confirm_withdrawals"]}
    ops: dict[str, Any] = {"raw_records": {"config": config}}
    mode = options["mode"]
    made = run_job(settings, JOBS[options["stage"]], screen, ops=ops, mode=mode)
    if options["synthesis"] and options["stage"] != "all":
        limits = {"max_samples": options["max_samples"]} if options["max_samples"] else {}
        made |= run_job(settings, "synthesize", screen, ops={"training_sets": {"config": limits}}, mode=mode)
    show(screen, resources["lake"], made)


def take(settings: Settings, lake: Any, source: Source) -> None:
    """Make a source known to those who work: here as it is, elsewhere by what is read of it here."""
    from dataalchemy_pipelines.engine.sources import register, send

    if settings.dagster_url:
        send(lake, source)
    else:
        register(lake, source)


def show(screen: Screen, lake: Any, made: dict[str, dict[str, Any]]) -> None:
    """The balance sheet of everything in the lake, and whether anything was new."""
    from dataalchemy_pipelines.core.outcomes import balances, landing_balances
    from dataalchemy_pipelines.core.records import RAW_RECORDS, STAGES

    sheets = {"raw_records": landing_balances(lake.snapshot(RAW_RECORDS))}
    for source, target in STAGES:
        if lake.snapshot(target).version >= 0:
            sheets[target.name] = balances(lake, source, target)
    screen.balance(sheets)
    awaiting = int(made.get("raw_records", {}).get("awaiting", 0))
    if awaiting:
        screen.say(
            f"{awaiting} documents are missing at their source; that is much, so nothing was withdrawn. "
            "If they are really gone: the same command with --confirm-withdrawals."
        )
    worked = sum(int(metadata.get("worked_on", 0)) for metadata in made.values())
    screen.say("nothing new" if not worked else f"{worked} documents worked on over all stages")
    screen.event("done", worked_on=worked, awaiting=awaiting)
