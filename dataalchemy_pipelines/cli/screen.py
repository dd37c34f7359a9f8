"""What a person sees: the first line, bars while work goes on, tables; or one JSON object a line."""

from __future__ import annotations

import json
import logging
import re
import sys
import time
from collections.abc import Iterable, Mapping, Sequence
from types import TracebackType
from typing import Any

import click
from rich.box import SIMPLE
from rich.console import Console
from rich.progress import (
    BarColumn,
    MofNCompleteColumn,
    Progress,
    TaskID,
    TextColumn,
    TimeElapsedColumn,
    TimeRemainingColumn,
)
from rich.table import Table
from rich.text import Text

from dataalchemy_pipelines.core.outcomes import OUTCOMES, Balance
from resources.settings import Settings

PLAIN_WIDTH = 140
LOGGER = logging.getLogger("dataalchemy")
_UNSHOWN = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f\u200e\u200f\u202a-\u202e\u2066-\u2069\ud800-\udfff]")
"""What would steer a terminal, turn the order of what is read, or fail to print; a file's name may hold it."""


def printable(text: str) -> str:
    """The text as a terminal may be given it: what is no character to be seen becomes a replacement character."""
    return _UNSHOWN.sub("\N{REPLACEMENT CHARACTER}", text)


class Screen:
    """Bars on a terminal, plain lines elsewhere, JSON lines on request. It is the `progress` resource of a command."""

    def __init__(self, *, as_json: bool) -> None:
        self.as_json = as_json
        self.console = Console(highlight=False, width=None if sys.stdout.isatty() else PLAIN_WIDTH)
        self._bars: Progress | None = None
        self._tasks: dict[str, TaskID] = {}
        self._started: dict[str, float] = {}
        self._said: dict[str, tuple[int, int | None]] = {}
        LOGGER.handlers = [_Spoken(self)]
        LOGGER.setLevel(logging.INFO)
        LOGGER.propagate = False

    def __enter__(self) -> Screen:
        if self.console.is_terminal and not self.as_json:
            columns = (
                TextColumn("{task.description:<16}"),
                BarColumn(30),
                MofNCompleteColumn(),
                TextColumn("{task.fields[unit]}"),
            )
            times = (TimeElapsedColumn(), TimeRemainingColumn(), TextColumn("{task.fields[note]}"))
            self._bars = Progress(*columns, *times, console=self.console)
            self._bars.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._bars is not None:
            self._bars.stop()
            self._bars, self._tasks = None, {}

    def step(self, stage: str, done: int, total: int | None, *, unit: str = "documents", note: str = "") -> None:
        """See `resources.contracts.Progress`."""
        stage, note = printable(stage), printable(note)
        if self._said.get(stage) == (done, total):
            return
        self._said[stage] = (done, total)
        started = self._started.setdefault(stage, time.monotonic())
        if self.as_json:
            self.event("progress", stage=stage, done=done, total=total, unit=unit, note=note)
        elif self._bars is not None:
            if stage not in self._tasks:
                self._tasks[stage] = self._bars.add_task(stage, unit=unit, note=note, total=total)
            self._bars.update(self._tasks[stage], completed=done, total=total, unit=unit, note=note)
        elif total is not None and done >= total:
            click.echo(f"  {stage:<16} {done:>6} {unit:<10} {time.monotonic() - started:6.1f} s  {note}".rstrip())

    def say(self, text: str = "") -> None:
        """A line for a person; nothing where JSON was asked for."""
        if not self.as_json:
            self.console.print(printable(text), markup=False, soft_wrap=not self.console.is_terminal)

    def event(self, name: str, **fields: Any) -> None:
        """A JSON line; nothing where a person reads."""
        if self.as_json:
            click.echo(json.dumps({"event": name, **fields}, default=str))

    def first_line(self, settings: Settings, resources: Mapping[str, Any]) -> None:
        """Which deployment, lake and cache this command uses."""
        lake, kv = resources["lake"].describe(), resources["kv"].describe()
        self.say(f"{settings.deployment}: lake {lake}, cache {kv}")
        self.event("start", deployment=settings.deployment, lake=lake, cache=kv)

    def table(self, title: str, columns: Sequence[str], rows: Iterable[Sequence[Any]]) -> None:
        """A table with numbers to the right."""
        body = [list(row) for row in rows]
        self.event("table", title=title, columns=list(columns), rows=body)
        if self.as_json:
            return
        table = Table(title=Text(printable(title), style="bold"), title_justify="left", header_style="bold", box=SIMPLE)
        for index, column in enumerate(columns):
            numbers = bool(body) and all(isinstance(row[index], int | float) for row in body)
            table.add_column(column, justify="right" if numbers else "left", overflow="fold")
        for row in body:
            table.add_row(*(f"{cell:,}" if isinstance(cell, int) else Text(printable(str(cell))) for cell in row))
        self.console.print(table)

    def balance(self, sheets: Mapping[str, Mapping[str, Balance]]) -> None:
        """The balance sheet: a line for each stage and source; what ended otherwise than kept, with its reason."""
        shown = [
            name for name in OUTCOMES if any(b.outcomes.get(name) for sheet in sheets.values() for b in sheet.values())
        ]
        rows = [
            [stage, source, balance.seen, *(balance.outcomes.get(name, 0) for name in shown), balance.lost]
            for stage, sheet in sheets.items()
            for source, balance in sheet.items()
        ]
        self.table("Balance sheet", ["stage", "source", "seen", *shown, "lost"], rows)
        reasons = [
            [stage, reason, count]
            for stage, sheet in sheets.items()
            for reason, count in sorted(sum(sheet.values(), Balance(stage, 0)).reasons.items())
        ]
        if reasons:
            self.table("Not kept, and why", ["stage", "reason", "documents"], reasons)


class _Spoken(logging.Handler):
    """What resources log while a person watches (an installation, Spark's address) is a line on the screen."""

    def __init__(self, screen: Screen) -> None:
        super().__init__()
        self._screen = screen

    def emit(self, record: logging.LogRecord) -> None:
        self._screen.say(f"  {record.getMessage()}")
        self._screen.event("log", message=record.getMessage())
