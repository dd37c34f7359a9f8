"""`lake`: look at the lake itself, and move it."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import asdict
from functools import partial
from typing import TYPE_CHECKING

import click

from dataalchemy_pipelines.cli.screen import Screen
from resources.settings import Settings

if TYPE_CHECKING:
    from dataalchemy_pipelines.engine.moving_plan import Plan
    from resources.contracts import Lake
    from resources.lake import ObjectLake


@click.group()
def lake() -> None:
    """The lake's digests, whether it can be trusted, and copies of it."""


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
    """Check logs, rows, objects, pointers and the ledger; exit 1 when something is wrong."""
    from dataalchemy_pipelines.engine.verify import verify as check
    from resources.deployments import resources_for

    screen = Screen(as_json=as_json)
    resources = resources_for(settings)
    screen.first_line(settings, resources)
    with screen:
        findings = list(check(resources["lake"], screen, repair=repair))
    for finding in findings:
        screen.event("finding", **asdict(finding))
    marks = [["ok" if finding.sound else "WRONG", finding.what, finding.state] for finding in findings]
    screen.table("Lake", ["", "what", "state"], marks)
    raise SystemExit(0 if all(finding.sound for finding in findings) else 1)


@lake.command()
@click.argument("source", metavar="FROM")
@click.argument("target", metavar="TO")
@click.option("--from-endpoint", help="S3 server of FROM, if not the settings'; its credentials are FROM_AWS_….")
@click.option("--to-endpoint", help="S3 server of TO, if not the settings'; its credentials are TO_AWS_….")
@click.option("--json", "as_json", is_flag=True, help="One JSON object a line.")
@click.pass_obj
def migrate(
    settings: Settings, source: str, target: str, from_endpoint: str | None, to_endpoint: str | None, as_json: bool
) -> None:
    """Copy the lake FROM one address TO another, each object verified; the same again continues or catches up."""
    from dataalchemy_pipelines.engine.moving_plan import plan_of_lake
    from resources.places import lake_at

    source_lake = lake_at(settings, source, side="FROM", endpoint=from_endpoint)
    target_lake = lake_at(settings, target, side="TO", endpoint=to_endpoint)
    _copied(source_lake, target_lake, plan_of_lake, screen=Screen(as_json=as_json))


@lake.command()
@click.argument("target", metavar="TO")
@click.option("--to-endpoint", help="S3 server of TO, if not the settings'; its credentials are TO_AWS_….")
@click.option("--json", "as_json", is_flag=True, help="One JSON object a line.")
@click.pass_obj
def backup(settings: Settings, target: str, to_endpoint: str | None, as_json: bool) -> None:
    """Copy this deployment's lake into an empty folder or address, each table at one version, while work goes on."""
    from dataalchemy_pipelines.engine.moving_plan import plan_for_backup
    from resources.deployments import resources_for
    from resources.places import lake_at

    target_lake = lake_at(settings, target, side="TO", endpoint=to_endpoint)
    plan = partial(plan_for_backup, target=target_lake)
    _copied(resources_for(settings)["lake"], target_lake, plan, screen=Screen(as_json=as_json))


@lake.command()
@click.argument("source", metavar="FROM")
@click.option("--from-endpoint", help="S3 server of FROM, if not the settings'; its credentials are FROM_AWS_….")
@click.option("--json", "as_json", is_flag=True, help="One JSON object a line.")
@click.pass_obj
def restore(settings: Settings, source: str, from_endpoint: str | None, as_json: bool) -> None:
    """Bring a whole backup into this deployment's lake, which must be empty; each object against its digest."""
    from dataalchemy_pipelines.engine.moving_plan import plan_of_backup
    from resources.deployments import resources_for
    from resources.places import lake_at

    source_lake = lake_at(settings, source, side="FROM", endpoint=from_endpoint)
    _copied(source_lake, resources_for(settings)["lake"], plan_of_backup, screen=Screen(as_json=as_json))


def _copied(source: ObjectLake, target: ObjectLake, plan: Callable[[Lake], Plan], *, screen: Screen) -> None:
    """Copy by a plan, and say what the copy holds."""
    from dataalchemy_pipelines.engine.moving import copy
    from resources.places import refuse_unfit

    refuse_unfit(source, target)
    screen.say(f"{source.describe()} to {target.describe()}")
    screen.event("start", source=source.describe(), target=target.describe())
    with screen:
        made = copy(plan(source), source, target, progress=screen)
    rows = [[name, state["version"], state["rows"], state["digest"] or "none"] for name, state in made.tables.items()]
    screen.table("Tables, equal on both sides", ["table", "version", "rows", "digest"], rows)
    screen.say(f"{made.objects:,} objects, {made.size_bytes:,} bytes; {made.brought:,} brought now, each read back")
    screen.event("copied", objects=made.objects, size_bytes=made.size_bytes, brought=made.brought)
