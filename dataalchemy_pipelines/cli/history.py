"""`history`: Dagster's history, taken from the home where it was kept before."""

from __future__ import annotations

from pathlib import Path

import click

from dataalchemy_pipelines.cli.screen import Screen
from resources.errors import Misconfigured
from resources.settings import Settings


@click.group()
def history() -> None:
    """Dagster's history of runs."""


@history.command()
@click.argument("home", metavar="HOME", type=click.Path(path_type=Path, file_okay=False))
@click.option("--json", "as_json", is_flag=True, help="One JSON object a line.")
@click.pass_obj
def migrate(settings: Settings, home: Path, as_json: bool) -> None:
    """Take the runs and schedules of a SQLite HOME into PostgreSQL; the same again brings what is missing."""
    from dataclasses import asdict

    import dagster as dg

    from resources.history_copy import sqlite_instance, take
    from resources.home import history_of, history_speaking, prepare
    from resources.home import migrate as bring_up_to_date

    target = history_of(settings)
    if target is None:
        fix = "Set DATAALCHEMY_POSTGRES_URL; a home of SQLite is moved by moving its folder."
        raise Misconfigured("There is no PostgreSQL to take it into", subject="DATAALCHEMY_POSTGRES_URL", fix=fix)
    screen = Screen(as_json=as_json)
    screen.say(f"{home} to {target.describe()}")
    prepare(settings)
    bring_up_to_date(settings)
    with screen, history_speaking(settings), sqlite_instance(home) as source, dg.DagsterInstance.get() as instance:
        taken = take(source, instance, progress=screen)
    screen.say(f"{taken.runs} runs with {taken.events} events ({taken.new} runs new), {taken.instigators} schedules")
    screen.event("taken", **asdict(taken))
