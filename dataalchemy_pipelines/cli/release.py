"""`promote` and `rollback`: which adapter answers users."""

from __future__ import annotations

import click

from resources.settings import Settings


@click.command()
@click.pass_obj
def promote(settings: Settings) -> None:
    """Release the judged candidate, if the gate let it through."""
    from dataalchemy_pipelines.core.errors import WrongInput
    from dataalchemy_pipelines.publishing.release import NotReleased, champion
    from dataalchemy_pipelines.serving.evaluate import newest, publish
    from resources.deployments import resources_for

    lake = resources_for(settings)["lake"]
    made = newest(lake)
    if made is None:
        raise WrongInput("There is no judgement yet", subject="promote", fix="Run `dataalchemy evaluate` first.")
    if not made.verdict.released:
        raise NotReleased(made.verdict.sentence, subject=made.adapter[:12], fix="Train on more or better pairs.")
    moved = publish(lake)
    now = champion(lake)
    click.echo(f"{'released' if moved else 'is released already'}: {now.adapter[:12] if now else 'none'}")


@click.command()
@click.pass_obj
def rollback(settings: Settings) -> None:
    """Answer with the adapter that was released before."""
    from dataalchemy_pipelines.publishing.release import CHAMPION
    from dataalchemy_pipelines.publishing.release import rollback as back
    from resources.deployments import resources_for

    pointer = back(resources_for(settings)["lake"], CHAMPION)
    click.echo(f"released now: {pointer.value['adapter'][:12]}")
