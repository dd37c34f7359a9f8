"""`deploy`: the deployments that run in containers, started, stopped and looked at."""

from __future__ import annotations

import json
from dataclasses import asdict

import click

from dataalchemy_pipelines.cli import deploy_cluster
from resources import compose
from resources.settings import Settings


@click.group()
def deploy() -> None:
    """Start, stop and look at a deployment with servers of its own."""


deploy.add_command(deploy_cluster.k3d)
deploy.add_command(deploy_cluster.k8s)


@deploy.group()
def docker() -> None:
    """MinIO, cache, PostgreSQL and Dagster in containers on this machine."""


@docker.command()
@click.option("--build", is_flag=True, help="Build the project's images anew first, as after an update.")
@click.pass_obj
def up(settings: Settings, build: bool) -> None:
    """Start every service, wait until all are healthy, and say what to open; secrets are made on first use."""
    containers = _containers(settings)
    containers.up(build=build)
    click.echo(f"open http://{containers.address(compose.UI_SERVICE, compose.UI_PORT)}  (Dagster)")
    console = containers.address(compose.S3_SERVICE, compose.CONSOLE_PORT)
    click.echo(f"     http://{console}  (MinIO; the user is AWS_ACCESS_KEY_ID in .env)")


@docker.command()
@click.pass_obj
def down(settings: Settings) -> None:
    """Stop and remove the containers; what they keep stays in its volumes."""
    containers = _containers(settings)
    kept = containers.volumes()
    containers.down()
    click.echo(f"kept: {', '.join(kept)}. `dataalchemy deploy docker up` goes on with them.")


@docker.command()
@click.option("--json", "as_json", is_flag=True, help="One JSON object a line.")
@click.pass_obj
def status(settings: Settings, as_json: bool) -> None:
    """Say how each service is; the exit code is 0 when all are up and healthy."""
    services = _containers(settings).services()
    for service in services:
        line = f"{service.name:<10} {service.state:<10} {service.health}".rstrip()
        click.echo(json.dumps({**asdict(service), "well": service.well}) if as_json else line)
    if not services and not as_json:
        click.echo("not up: dataalchemy deploy docker up")
    raise SystemExit(0 if services and all(service.well for service in services) else 1)


@docker.command()
@click.argument("services", nargs=-1)
@click.option("--follow", "-f", is_flag=True, help="Go on until Ctrl-C.")
@click.option("--tail", type=click.IntRange(1), default=200, show_default=True, help="Last lines of each service.")
@click.pass_obj
def logs(settings: Settings, services: tuple[str, ...], follow: bool, tail: int) -> None:
    """Print what services wrote: all of them, or those named."""
    raise SystemExit(1 if _containers(settings).logs(services, follow=follow, tail=tail) else 0)


def _containers(settings: Settings) -> compose.Compose:
    """Compose takes its file only with the secrets that it names, so even a look at it needs them made."""
    containers = compose.compose_for(settings)
    made = compose.make_secrets(containers.env_file)
    if made:
        click.echo(f"new in {containers.env_file}: {', '.join(made)}", err=True)
    return containers
