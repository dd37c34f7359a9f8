"""`quarantine`: documents that could not be trusted, and another try at them."""

from __future__ import annotations

import click

from dataalchemy_pipelines.cli.jobs import run_job
from dataalchemy_pipelines.cli.screen import Screen
from resources.settings import Settings


@click.group()
def quarantine() -> None:
    """Documents that could not be read, and why."""


@quarantine.command(name="list")
@click.option("--json", "as_json", is_flag=True, help="One JSON object a line.")
@click.pass_obj
def list_(settings: Settings, as_json: bool) -> None:
    """Each quarantined document with its stage and reason."""
    from dataalchemy_pipelines.core.outcomes import QUARANTINED
    from dataalchemy_pipelines.core.outcomes import ledger as entries
    from resources.deployments import resources_for

    rows = [row for row in entries(resources_for(settings)["lake"]) if row["outcome"] == QUARANTINED]
    columns = ["source", "native_id", "stage", "reason", "doc_id"]
    Screen(as_json=as_json).table(
        f"{len(rows)} in quarantine", columns, [[row[name] for name in columns] for row in rows]
    )


@quarantine.command()
@click.option("--json", "as_json", is_flag=True, help="One JSON object a line.")
@click.pass_obj
def retry(settings: Settings, as_json: bool) -> None:
    """Take quarantined documents back to their source or parser, and on through the stages."""
    from dataalchemy_pipelines.cli.ingest import show
    from dataalchemy_pipelines.engine.quarantine import reopen
    from resources.deployments import resources_for

    screen = Screen(as_json=as_json)
    resources = resources_for(settings)
    screen.first_line(settings, resources)
    count = reopen(resources["lake"])
    screen.say(f"{count} documents taken out of quarantine for another try")
    show(screen, resources["lake"], run_job(settings, "refine", screen))
