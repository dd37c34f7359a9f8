"""`lake`: look at the lake itself."""

from __future__ import annotations

import json

import click

from dataalchemy_pipelines.cli.screen import Screen
from resources.settings import Settings


@click.group()
def lake() -> None:
    """The lake's digests, and whether it can be trusted."""


@lake.command()
@click.option("--json", "as_json", is_flag=True, help="One JSON object.")
@click.pass_obj
def digest(settings: Settings, as_json: bool) -> None:
    """The content digest of every table: equal input gives equal digests, on every deployment and engine."""
    from dataalchemy_pipelines.core.outcomes import content_digest
    from dataalchemy_pipelines.core.records import TABLES
    from resources.deployments import resources_for

    store = resources_for(settings)["lake"]
    digests = {
        name: content_digest(store.snapshot(spec)) for name, spec in TABLES.items() if "row_sha256" in spec.schema.names
    }
    if as_json:
        click.echo(json.dumps(digests))
        return
    Screen(as_json=False).table("Content digests", ["table", "digest"], digests.items())


@lake.command()
@click.option("--repair", is_flag=True, help="Move damaged log tails aside; tables open at their last durable version.")
@click.option("--json", "as_json", is_flag=True, help="One JSON object a line.")
@click.pass_obj
def verify(settings: Settings, repair: bool, as_json: bool) -> None:
    """Check every table's log and files and every payload against its hash; exit 1 when something is wrong."""
    from dataalchemy_pipelines.engine.verify import verify as check
    from resources.deployments import resources_for

    screen = Screen(as_json=as_json)
    resources = resources_for(settings)
    screen.first_line(settings, resources)
    with screen:
        findings = check(resources["lake"], screen, repair=repair)
    screen.table("Lake", ["what", "state"], [[finding.what, finding.state] for finding in findings])
    raise SystemExit(0 if all(finding.sound for finding in findings) else 1)
