"""`chat`: ask the documents; every answer names where it stands."""

from __future__ import annotations

import json
from dataclasses import asdict
from typing import TYPE_CHECKING

import click

from dataalchemy_pipelines.cli.screen import Screen
from resources.settings import Settings

if TYPE_CHECKING:
    from dataalchemy_pipelines.serving.answer import Answer


@click.command()
@click.option("--once", metavar="QUESTION", help="Ask one question and leave.")
@click.option("--as", "principals", multiple=True, help="Ask as this principal; default: DATAALCHEMY_PRINCIPALS.")
@click.option("--json", "as_json", is_flag=True, help="One JSON object an answer.")
@click.pass_obj
def chat(settings: Settings, once: str | None, principals: tuple[str, ...], as_json: bool) -> None:
    """Ask the documents. An answer is a quote that stands in a source, or says that it is not there."""
    from dataalchemy_pipelines.serving.chat import Chat
    from resources.deployments import resources_for

    screen = Screen(as_json=as_json)
    resources = resources_for(settings)
    screen.first_line(settings, resources)
    with Chat(resources, principals=principals or settings.asking) as session:
        if once is not None:
            show_answer(screen, session.ask(once))
            return
        screen.say("Ask; an empty line or Ctrl-D ends it.")
        while question := click.prompt("?", default="", show_default=False, prompt_suffix=" ").strip():
            show_answer(screen, session.ask(question))


def show_answer(screen: Screen, answer: Answer) -> None:
    """The answer, and each source that it quotes."""
    if screen.as_json:
        click.echo(json.dumps({"event": "answer", **asdict(answer)}))
        return
    screen.say(answer.text)
    for citation in answer.citations:
        title = f" ({citation.title})" if citation.title else ""
        screen.say(f"  [{citation.number}] {citation.native_id}{title}")
