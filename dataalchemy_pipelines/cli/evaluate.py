"""`evaluate`: the candidate adapter against the base model, with and without retrieval."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from dataalchemy_pipelines.cli.jobs import run_job
from dataalchemy_pipelines.cli.screen import Screen
from dataalchemy_pipelines.core.errors import WrongInput
from resources.settings import Settings

if TYPE_CHECKING:
    from dataalchemy_pipelines.serving.evaluate import Evaluated
    from resources.contracts import Lake


@click.command()
@click.option("--questions", type=click.Path(path_type=Path), help="JSONL of questions in people's own words.")
@click.option("--json", "as_json", is_flag=True, help="One JSON object a line.")
@click.pass_obj
def evaluate(settings: Settings, questions: Path | None, as_json: bool) -> None:
    """Judge the candidate adapter in four arms; it is released only where it was shown to help."""
    from dataalchemy_pipelines.serving.evaluate import newest
    from resources.deployments import resources_for

    screen = Screen(as_json=as_json)
    resources = resources_for(settings)
    screen.first_line(settings, resources)
    if questions is not None:
        take_questions(resources["lake"], questions)
    run_job(settings, "publish", screen)
    made = newest(resources["lake"])
    if made is not None:
        show_verdict(screen, made)


def take_questions(lake: Lake, path: Path) -> int:
    """Judge by this file's questions from now on. Raises WrongInput where it can't be read."""
    from dataalchemy_pipelines.serving.evaluate import ask_with

    try:
        text = path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError):
        raise WrongInput("The questions cannot be read", subject=str(path), fix="Give a JSONL file in UTF-8.") from None
    return ask_with(lake, text)


def show_verdict(screen: Screen, made: Evaluated) -> None:
    """The four arms with their intervals, and the verdict's sentence."""
    rows = [
        [
            line.arm,
            line.held_out,
            line.nll.count,
            str(line.nll),
            _share(line.verbatim),
            _share(line.f1, "{:.2f}"),
            _share(line.stopped),
        ]
        for line in made.verdict.table
    ]
    columns = ["arm", "questions on", "n", "nats a token [95 %]", "verbatim quotes", "F1", "ends by itself"]
    screen.table("Four arms on held-out questions (fewer nats are better)", columns, rows)
    if not made.own_words:
        screen.say(
            "The questions were made from held-out documents by the pairs' templates: weaker evidence than --questions."
        )
    screen.say(made.verdict.sentence)
    screen.event("verdict", sentence=made.verdict.sentence, released=made.verdict.released, faults=made.verdict.faults)


def _share(value: float | None, form: str = "{:.0%}") -> str:
    return "" if value is None else form.format(value)
