"""`demo`: the whole path on bundled samples, what came of it, and what to do next."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Any

import click

from dataalchemy_pipelines.cli.chat import show_answer
from dataalchemy_pipelines.cli.demo_home import demo_settings
from dataalchemy_pipelines.cli.evaluate import show_verdict, take_questions
from dataalchemy_pipelines.cli.expectations import differences, load_expectations
from dataalchemy_pipelines.cli.ingest import show, take
from dataalchemy_pipelines.cli.jobs import run_job
from dataalchemy_pipelines.cli.screen import Screen
from dataalchemy_pipelines.core.errors import WrongInput
from resources.settings import CHECKOUT, Settings

NOT_DOCUMENTS = ("README.md", "expected.json", "questions.jsonl")
JUDGED = {"most_questions": 40, "generate_for": 12, "max_new_tokens": 48}
"""Fewer questions than `evaluate` puts: enough for a narrow interval, and little more than a minute on two cores."""
NEXT = """What to do next
  your own folder   ./alchemy full-cycle PATH      (ingest alone: ./alchemy ingest PATH)
"""
HERE = """  the pages         ./alchemy up --demo            this run and its numbers, in a browser
  ask               ./alchemy chat                 after a full-cycle on your own folder
  remove the demo   rm -r {home}"""
ELSEWHERE = """  the pages         {url}
  ask               ./alchemy chat                 on this machine, from the lake there"""


@click.command()
@click.option("--samples", type=click.Path(path_type=Path), help="A folder of the same form as samples/.")
@click.option(
    "--mode", type=click.Choice(["auto", "local", "spark"]), default="auto", show_default=True, help="Engine."
)
@click.option("--json", "as_json", is_flag=True, help="One JSON object a line.")
@click.pass_obj
def demo(settings: Settings, samples: Path | None, mode: str, as_json: bool) -> None:
    """The whole path on bundled samples: cleaned, deduplicated, learnt, judged, indexed, asked."""
    from dagster import ResourceDefinition

    from dataalchemy_pipelines.cli.summary import before_and_after
    from resources.deployments import resources_for

    started = time.monotonic()
    folder = (samples or CHECKOUT / "samples").absolute()
    expected = _expectations(folder)
    settings = demo_settings(settings, samples)
    screen, resources = Screen(as_json=as_json), resources_for(settings)
    screen.first_line(settings, resources)
    lake = resources["lake"]
    source = _register(settings, lake, folder)
    questions = folder / "questions.jsonl"
    if questions.is_file():
        take_questions(lake, questions)
    ops = {"evaluations": {"config": JUDGED}}
    llm = ResourceDefinition.hardcoded_resource(resources["llm"])  # outlives the run, for the question at the end
    made = run_job(settings, "full_cycle", screen, ops=ops, mode=mode, llm=llm)
    screen.table("Before and after", ["what", "before", "after"], before_and_after(lake))
    show(screen, lake, made)
    wrong = _expected(screen, lake, source, expected)
    _judged_and_asked(settings, screen, resources)
    screen.say(what_next(settings))
    screen.say(f"done in {time.monotonic() - started:.0f} s")
    screen.event("demo", seconds=round(time.monotonic() - started, 1), differences=len(wrong))
    raise SystemExit(1 if wrong else 0)


def what_next(settings: Settings) -> str:
    """What a person may do after the demo. Where a Dagster elsewhere did it, it is a source of that one's lake."""
    rest = ELSEWHERE.format(url=settings.dagster_url) if settings.dagster_url else HERE.format(home=settings.data_path)
    return NEXT + rest


def _expectations(folder: Path) -> dict[str, Any] | None:
    if not folder.is_dir():
        raise WrongInput("There are no samples", subject=str(folder), fix="Give a folder: --samples DIR.")
    path = folder / "expected.json"
    return load_expectations(path) if path.is_file() else None


def _register(settings: Settings, lake: Any, folder: Path) -> str:
    from dataalchemy_pipelines.core.records import Source

    take(settings, lake, Source("samples", str(folder), ("local",), NOT_DOCUMENTS))
    return "samples"


def _expected(screen: Screen, lake: Any, source: str, expected: dict[str, Any] | None) -> list[str]:
    """Hold the lake against what is expected of the samples."""
    if expected is None:
        screen.say("no expected.json beside the samples, so nothing was held against it")
        return []
    wrong = differences(lake, source, expected)
    lines = len(expected["inputs"]) + len(expected["groups"])
    screen.say(f"expected.json: {lines - len(wrong)} of {lines} lines hold")
    for line in wrong:
        screen.say(f"  {line}")
    return wrong


def _judged_and_asked(settings: Settings, screen: Screen, resources: Any) -> None:
    """The four arms, the verdict, and one question answered with its source."""
    from dataalchemy_pipelines.serving.chat import Chat
    from dataalchemy_pipelines.serving.evaluate import newest, showpiece

    verdict = newest(resources["lake"])
    if verdict is not None:
        show_verdict(screen, verdict)
    question = showpiece(resources["lake"])
    if question is not None and not settings.dagster_url:  # a chat works on this machine
        screen.say(f"? {question}")
        with Chat(resources, principals=settings.asking) as session:
            show_answer(screen, session.ask(question))
