"""`metrics`: the state of this deployment in Prometheus' text format, once or at an address that is scraped."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import click

from dataalchemy_pipelines.core.errors import WrongInput
from dataalchemy_pipelines.engine.metrics import Family, lake_families
from resources.errors import DataAlchemyError
from resources.settings import Settings

if TYPE_CHECKING:
    from prometheus_client.core import Metric

KEPT_S = 15.0
"""Scrapes within this time get the same numbers, so that a fast scraper costs no more than a slow one."""


@click.command()
@click.option("--port", type=click.IntRange(1, 65535), help="Serve them at /metrics on this port until Ctrl-C.")
@click.option("--host", default="127.0.0.1", show_default=True, help="Address to serve on.")
@click.pass_obj
def metrics(settings: Settings, port: int | None, host: str) -> None:
    """Documents, tables, runs and services as Prometheus metrics; numbers and names of sources, never a text."""
    from prometheus_client import CollectorRegistry, generate_latest, start_http_server

    registry = CollectorRegistry(auto_describe=False)
    registry.register(Numbers(settings))
    if port is None:
        click.echo(generate_latest(registry).decode(), nl=False)
        return
    try:
        start_http_server(port, addr=host, registry=registry)
    except OSError as error:
        fix = "Use another --port or --host."
        raise WrongInput("Cannot serve there", subject=f"{host}:{port} ({error.strerror})", fix=fix) from None
    click.echo(f"metrics at http://{host}:{port}/metrics  (Ctrl-C ends it)")
    threading.Event().wait()


class Numbers:
    """A Prometheus collector over the deployment's lake, cache and history. A service that is away is a 0, no error."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._made: list[Metric] = []
        self._made_at = -KEPT_S
        self._lock = threading.Lock()

    def collect(self) -> Iterator[Metric]:
        """All metrics, not older than `KEPT_S`."""
        with self._lock:
            if time.monotonic() - self._made_at >= KEPT_S:
                self._made = [_gauge(family) for family in self._families()]
                self._made_at = time.monotonic()
            yield from self._made

    def _families(self) -> Iterator[Family]:
        from resources.deployments import resources_for
        from resources.home import history_of

        resources = resources_for(self._settings)
        services = {"lake": resources["lake"], "cache": resources["kv"], "history": history_of(self._settings)}
        up = {name: _works(service) for name, service in services.items()}
        samples = tuple(((name,), float(works)) for name, works in up.items())
        yield Family("dataalchemy_service_up", "Whether a service answers as it should", ("service",), samples)
        if up["lake"]:
            yield from lake_families(resources["lake"])
        if up["history"]:
            yield from _runs(self._settings)


def _works(service: Any) -> bool:
    """A history that needs no service works."""
    try:
        if service is not None:
            service.check()
    except DataAlchemyError:
        return False
    return True


def _runs(settings: Settings) -> Iterator[Family]:
    from resources.home import runs_by_status

    counted, ended = runs_by_status(settings)
    labels = ("job", "status")
    yield Family("dataalchemy_runs", "Runs in Dagster's history", labels, tuple(counted.items()))
    yield Family(
        "dataalchemy_run_last_end_seconds", "When the last one ended, since 1970", labels, tuple(ended.items())
    )


def _gauge(family: Family) -> Metric:
    from prometheus_client.core import GaugeMetricFamily

    gauge = GaugeMetricFamily(family.name, family.help, labels=family.labels)
    for labels, value in family.samples:
        gauge.add_metric(labels, value)
    return gauge
