"""`init`: what this deployment keeps its things in, made or brought up to date."""

from __future__ import annotations

import click

from dataalchemy_pipelines.cli.screen import Screen
from resources.settings import Settings


@click.command()
@click.option("--versioned", is_flag=True, help="Let the bucket keep old versions of its objects.")
@click.option("--json", "as_json", is_flag=True, help="One JSON object a line.")
@click.pass_obj
def init(settings: Settings, versioned: bool, as_json: bool) -> None:
    """Make the lake's bucket, Dagster's home and its database schema; the same again only brings them up to date."""
    from resources.bucket import make_bucket
    from resources.deployments import resources_for
    from resources.home import migrate, prepare
    from resources.lake import S3Lake

    screen, resources = Screen(as_json=as_json), resources_for(settings)
    screen.first_line(settings, resources)
    lake = resources["lake"]
    if isinstance(lake, S3Lake):
        _said(screen, "bucket", f"{lake.bucket}, {make_bucket(lake, versioned=versioned)}")
    lake.check()
    _said(screen, "lake", "can be written")
    _said(screen, "home", str(prepare(settings)))
    _said(screen, "history", migrate(settings))


def _said(screen: Screen, what: str, state: str) -> None:
    screen.say(f"  {what:<8} {state}")
    screen.event("init", what=what, state=state)
