"""`up`: Dagster's pages and daemon on the kept home."""

from __future__ import annotations

import signal
import socket
import subprocess
import sys
import time
from pathlib import Path

import click

from dataalchemy_pipelines.cli.demo_home import demo_settings
from dataalchemy_pipelines.core.errors import WrongInput
from resources.errors import Unavailable
from resources.home import prepare, sweep
from resources.settings import CHECKOUT, Settings, child_environment

HOST = "127.0.0.1"
START_S = 90


@click.command()
@click.option("--port", type=click.IntRange(1, 65535), default=3000, show_default=True, help="Port on 127.0.0.1.")
@click.option("--demo", is_flag=True, help="Open the demo's lake and history instead of your own.")
@click.pass_obj
def up(settings: Settings, port: int, demo: bool) -> None:
    """Open the Dagster UI and its daemon, so that schedules and sensors run; Ctrl-C ends them."""
    settings = demo_settings(settings) if demo else settings
    home = prepare(settings)
    if not free(port):
        raise WrongInput("The port is in use", subject=f"{HOST}:{port}", fix=f"Use another: --port {port + 1}.")
    import dagster as dg

    with dg.DagsterInstance.get() as instance:
        swept = sweep(instance, nothing_else_runs=True)
    if swept:
        click.echo(f"{swept} runs of a process that is gone were marked as failed")
    click.echo(f"Dagster home {home}")
    command = [sys.executable, "-m", "dagster", "dev", "--workspace", str(workspace()), "-h", HOST, "-p", str(port)]
    child = subprocess.Popen([*command, "--log-level", "warning"], env=child_environment(), start_new_session=True)
    try:
        _wait(child, port)
        click.echo(f"open http://{HOST}:{port}  (Ctrl-C ends it)")
        code = child.wait()
    finally:
        _end(child)
    raise SystemExit(1 if code else 0)


def workspace() -> Path:
    """The workspace file of the checkout."""
    return CHECKOUT / "workspace.yaml"


def free(port: int) -> bool:
    """Whether the port can be listened on."""
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((HOST, port))
        except OSError:
            return False
    return True


def _wait(child: subprocess.Popen[bytes], port: int) -> None:
    """Until the pages answer. Raises Unavailable when they do not."""
    deadline = time.monotonic() + START_S
    while time.monotonic() < deadline and child.poll() is None:
        with socket.socket() as probe:
            probe.settimeout(1)
            if probe.connect_ex((HOST, port)) == 0:
                return
        time.sleep(0.2)
    raise Unavailable(
        "Dagster did not start", subject=f"{HOST}:{port}", fix="Read its lines above; `dataalchemy doctor`."
    )


def _end(child: subprocess.Popen[bytes]) -> None:
    """Ask the child to end as Ctrl-C would, then insist. Its own children are in its group."""
    if child.poll() is None:
        child.send_signal(signal.SIGINT)
        try:
            child.wait(timeout=8)
        except subprocess.TimeoutExpired:
            child.kill()
            child.wait()
