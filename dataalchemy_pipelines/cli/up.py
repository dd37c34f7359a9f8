"""`up`: Dagster's pages and daemon on the kept home."""

from __future__ import annotations

import fcntl
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import click

from dataalchemy_pipelines.cli.demo_home import demo_settings
from dataalchemy_pipelines.core.errors import WrongInput
from resources.errors import Unavailable
from resources.home import prepare, sweep
from resources.settings import CHECKOUT, Settings, child_environment

HOST = "127.0.0.1"
START_S = 90
END_S = 20
"""A run in progress is told to stop, and its step may have a file to finish."""


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
    with alone(home) as lock:
        _sweep()
        click.echo(f"Dagster home {home}")
        child = _start(settings, port, lock)
        try:
            _wait(child, port)
            click.echo(f"open http://{HOST}:{port}  (Ctrl-C ends it)")
            code = child.wait()
        except KeyboardInterrupt:
            code = 0
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


@contextmanager
def alone(home: Path) -> Iterator[int]:
    """Hold the home's lock: a second daemon would start each schedule twice and take the first one's runs for dead.

    Yields the lock's descriptor, for the child to hold as well. Raises WrongInput where another holds it.
    """
    with (home / "up.lock").open("wb") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise WrongInput(
                "It is up already", subject=str(home), fix="Use that page, or end it first with Ctrl-C."
            ) from None
        yield lock.fileno()


def _sweep() -> None:
    import dagster as dg

    with dg.DagsterInstance.get() as instance:
        swept = sweep(instance, nothing_else_runs=True)
    if swept:
        click.echo(f"{swept} runs of a process that is gone were marked as failed")


def _start(settings: Settings, port: int, lock: int) -> subprocess.Popen[bytes]:
    """Dagster's processes, in a group of their own; they say errors, and not that another command supersedes theirs.

    They stand in the home: Dagster lets a `.env` of the folder it stands in override the environment, which in the
    checkout names another home than the demo's, and Python would import a gql.py or a queue.py of that folder.
    """
    # A shell lets its background jobs ignore Ctrl-C and children inherit that, but Dagster ends by nothing else.
    signal.signal(signal.SIGINT, signal.default_int_handler)
    fields = type(settings).model_fields.items()
    paths = {str(field.alias): getattr(settings, name) for name, field in fields}
    absolute = {alias: str(path) for alias, path in paths.items() if isinstance(path, Path)}
    log = ["--log-level", "error", "--log-format", {"text": "colored", "json": "json"}[settings.log_format]]
    python = [sys.executable, "-W", "ignore", "-m", "dagster", "dev", *log]
    return subprocess.Popen(
        [*python, "--workspace", str(workspace()), "-h", HOST, "-p", str(port)],
        env={**child_environment(), **absolute},
        cwd=settings.dagster_home,
        start_new_session=True,
        pass_fds=(lock,),
    )


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
    """Ask Dagster to end as Ctrl-C would, then end whatever is left of its group, with the runs in it."""
    try:
        if child.poll() is None:
            child.send_signal(signal.SIGINT)
            with suppress(subprocess.TimeoutExpired):
                child.wait(timeout=END_S)
    finally:
        with suppress(ProcessLookupError):
            os.killpg(child.pid, signal.SIGKILL)
        child.wait()
