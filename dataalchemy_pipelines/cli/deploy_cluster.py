"""`deploy k3d` and `deploy k8s`: the stack in a cluster, set up until Ready, stopped with its data kept, looked at."""

from __future__ import annotations

import json
from dataclasses import asdict
from pathlib import Path

import click

from resources import cluster, stacks


@click.group()
@click.pass_context
def k3d(ctx: click.Context) -> None:
    """A Kubernetes cluster in Docker on this machine, made from k8s/k3d.yaml."""
    ctx.obj = cluster.k3d_site(ctx.obj)


@click.group()
@click.pass_context
def k8s(ctx: click.Context) -> None:
    """The cluster that kubectl's context names, whatever it is."""
    ctx.obj = cluster.k8s_site(ctx.obj)


@click.command()
@click.option(
    "--file",
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    help="The stack to set up. Default: the one that is there, else an example of k8s/examples.",
)
@click.option("--build", is_flag=True, help="Build the project's images anew first, as after an update.")
@click.option("--timeout", type=click.IntRange(1), default=900, show_default=True, help="Seconds to wait for Ready.")
@click.pass_obj
def up(site: cluster.Site, file: Path | None, build: bool, timeout: int) -> None:
    """Bring images, operator, credentials and stack, wait until Ready, and say what to open."""
    patience = stacks.Patience(ready_s=timeout)
    state = cluster.up(site, cluster.Wish(file, build, patience), lambda line: click.echo(line, err=True))
    _show_addresses(state)


@click.command()
@click.pass_obj
def down(site: cluster.Site) -> None:
    """Stop the stack and its operator; data and passwords stay."""
    cluster.down(site, click.echo)


@click.command()
@click.option("--json", "as_json", is_flag=True, help="One JSON object a line.")
@click.pass_obj
def status(site: cluster.Site, as_json: bool) -> None:
    """Say how the operator and each stack are, and what to open; the exit code is 0 when all are well."""
    report = cluster.report(site)
    if report.operator is not None:
        told = {"kind": "operator", **asdict(report.operator)}
        line = f"operator  {report.operator.message}  (cluster {report.operator.context})"
        click.echo(json.dumps(told) if as_json else line)
    for state in report.stacks:
        if as_json:
            click.echo(json.dumps({"kind": "stack", **asdict(state)}))
            continue
        click.echo(f"{state.namespace}/{state.name}  {state.phase}: {state.message}")
        for one in state.conditions:
            click.echo(f"  {one['type']:<16} {one['status']:<7} {one['reason']:<16} {one['message']}")
        _show_addresses(state)
    if not report.stacks and not as_json:
        click.echo(f"not up: dataalchemy deploy {site.command} up")
    raise SystemExit(0 if report.well else 1)


@click.command()
@click.argument("part", required=False)
@click.option("--follow", "-f", is_flag=True, help="Go on until Ctrl-C.")
@click.option("--tail", type=click.IntRange(1), default=200, show_default=True, help="Last lines of each pod.")
@click.pass_obj
def logs(site: cluster.Site, part: str | None, follow: bool, tail: int) -> None:
    """Print what the operator wrote, or a part: lake, cache, postgres, code, webserver, daemon, metrics."""
    raise SystemExit(1 if cluster.logs(site, part, follow=follow, tail=tail) else 0)


for _group in (k3d, k8s):
    for _command in (up, down, status, logs):
        _group.add_command(_command)


def _show_addresses(state: stacks.State) -> None:
    for name, address in state.endpoints.items():
        click.echo(f"{'open' if name == 'dagster' else '':<5}{name:<8} {address}")
