"""`setup`: everything that commands would install when they first need it, at once."""

from __future__ import annotations

import click

from resources.provision import NEEDS, ensure


class Lines:
    """Progress as plain lines: each note once, as it comes."""

    def step(self, stage: str, done: int, total: int | None, *, unit: str = "documents", note: str = "") -> None:
        """See `resources.contracts.Progress`."""
        if note:
            click.echo(f"{stage}: {note}")


@click.command()
def setup() -> None:
    """Install everything at once, for a machine that will be offline: PyTorch, models, Spark with Java, test tools."""
    progress = Lines()
    for need, parts in NEEDS.items():
        ensure(need, progress)
        click.echo(f"{need}: {parts.what} is there")
