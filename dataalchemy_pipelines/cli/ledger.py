"""`ledger`: what became of a document, stage by stage."""

from __future__ import annotations

import click

from dataalchemy_pipelines.cli.screen import Screen
from dataalchemy_pipelines.core.errors import WrongInput
from resources.settings import Settings


@click.group()
def ledger() -> None:
    """What became of every document."""


@ledger.command()
@click.argument("doc")
@click.option("--json", "as_json", is_flag=True, help="One JSON object a line.")
@click.pass_obj
def show(settings: Settings, doc: str, as_json: bool) -> None:
    """Each stage's word on DOC, a document's id, the start of one, or its path at the source.

    The path is looked up as the source has it, before redaction; what is shown holds no more of it than was typed.
    """
    from dataalchemy_pipelines.core.outcomes import ledger as entries
    from resources.deployments import resources_for

    found = [
        row
        for row in entries(resources_for(settings)["lake"])
        if doc == row["native_id"] or row["doc_id"].startswith(doc)
    ]
    if not found:
        raise WrongInput("No such document", subject=doc, fix="`dataalchemy export ledger` lists them all.")
    screen = Screen(as_json=as_json)
    columns = ["doc_id", "version", "stage", "outcome", "reason", "matched_doc_id"]
    screen.table(doc, columns, [[row[name] if row[name] is not None else "" for name in columns] for row in found])
