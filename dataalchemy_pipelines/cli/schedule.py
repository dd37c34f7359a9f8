"""`schedule`: ingestion by itself, kept as one setting in .env."""

from __future__ import annotations

import re
from pathlib import Path

import click
from dotenv import set_key, unset_key

from dataalchemy_pipelines.core.errors import WrongInput
from resources.settings import Settings

VARIABLE = "DATAALCHEMY_SCHEDULE"
INTERVAL = re.compile(r"([1-9][0-9]?)([mhd])")


@click.command()
@click.argument("action", type=click.Choice(["status", "off"]), required=False)
@click.option("--interval", help="Every so often: 15m, 6h, 1d.")
@click.option("--cron", help='A cron expression, such as "30 6 * * 1-5".')
@click.pass_obj
def schedule(settings: Settings, action: str | None, interval: str | None, cron: str | None) -> None:
    """Ingest every source on a schedule while `dataalchemy up` runs; `off` ends it, `status` shows it."""
    if sum(value is not None for value in (action, interval, cron)) != 1:
        raise WrongInput("Give one of them", subject="schedule", fix="--interval 6h, --cron EXPRESSION, off or status.")
    env = settings.project_root / ".env"
    if action == "status":
        now = f"on, cron {settings.schedule}" if settings.schedule else "off"
        click.echo(f"scheduled ingestion: {now}")
        return
    if action == "off":
        if env.is_file():
            unset_key(env, VARIABLE)
        click.echo("scheduled ingestion: off; a running `dataalchemy up` takes it over after a restart")
        return
    expression = cron_of(interval) if interval else checked(cron or "")
    keep(env, expression)
    click.echo(f"scheduled ingestion: on, cron {expression}; `dataalchemy up` runs it (restart it to take this over)")


def keep(env: Path, expression: str) -> None:
    """Write the setting into `.env`, which only its owner may read."""
    env.touch(mode=0o600)
    set_key(env, VARIABLE, expression)


def cron_of(interval: str) -> str:
    """The cron expression of an interval that divides its hour, day or is a day. Raises WrongInput."""
    found = INTERVAL.fullmatch(interval.strip())
    number, unit = (int(found[1]), found[2]) if found else (0, "")
    if unit == "m" and 60 % number == 0:
        return f"*/{number} * * * *" if number < 60 else "0 * * * *"
    if unit == "h" and number <= 24 and 24 % number == 0:
        return f"0 */{number} * * *" if number < 24 else "0 3 * * *"
    if (number, unit) == (1, "d"):
        return "0 3 * * *"
    raise WrongInput(
        "That interval cannot be kept evenly",
        subject=interval,
        fix="Use 5m, 10m, 15m, 30m, 1h, 2h, 3h, 6h, 12h, 1d, or --cron.",
    )


def checked(expression: str) -> str:
    """A cron expression that Dagster takes. Raises WrongInput."""
    from dagster._utils.schedules import is_valid_cron_string

    if not is_valid_cron_string(expression):
        raise WrongInput("That is no cron expression", subject=expression, fix='Five fields, such as "30 6 * * 1-5".')
    return expression
