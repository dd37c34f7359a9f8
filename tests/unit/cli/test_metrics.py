"""Metrics tell the state of a deployment; a service that is away is a 0 and hides nothing else."""

from __future__ import annotations

import threading
import urllib.request
from pathlib import Path

import pytest
from click.testing import CliRunner
from prometheus_client import CollectorRegistry, generate_latest

from dataalchemy_pipelines.cli.metrics import Numbers, metrics
from dataalchemy_pipelines.core.records import Source
from dataalchemy_pipelines.engine.landing import land_sources
from dataalchemy_pipelines.engine.sources import register
from resources.deployments import resources_for
from resources.progress import LogProgress
from resources.settings import Settings
from tests.conftest import free_port

WORDS = "quokkaberry jam recipe"


@pytest.fixture
def settings(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Settings:
    monkeypatch.setenv("DATAALCHEMY_DATA_PATH", str(tmp_path / "data"))
    made = Settings.read()
    folder = tmp_path / "papers"
    folder.mkdir()
    (folder / f"{WORDS}.txt").write_text(WORDS, encoding="utf-8")
    lake = resources_for(made)["lake"]
    register(lake, Source("papers", str(folder), ("local",)))
    land_sources(lake, [], progress=LogProgress())
    return made


def text_of(settings: Settings) -> str:
    registry = CollectorRegistry(auto_describe=False)
    registry.register(Numbers(settings))
    return generate_latest(registry).decode()


def test_documents_tables_runs_and_services_are_told_in_numbers(settings: Settings) -> None:
    text = text_of(settings)
    assert 'dataalchemy_documents{outcome="kept",source="papers",stage="raw_records"} 1.0' in text
    assert 'dataalchemy_documents_lost{stage="raw_records"} 0.0' in text
    assert 'dataalchemy_table_rows{table="raw_records"} 1.0' in text
    assert [line for line in text.splitlines() if line.startswith("dataalchemy_service_up{")] == [
        f'dataalchemy_service_up{{service="{name}"}} 1.0' for name in ("lake", "cache", "history")
    ]


def test_no_text_and_no_file_name_is_in_them(settings: Settings) -> None:
    assert "quokkaberry" not in text_of(settings)


def test_a_lake_that_is_away_is_a_zero_and_the_rest_is_told(settings: Settings) -> None:
    lake = settings.data_path / "lake"
    lake.rename(lake.with_name("elsewhere"))
    lake.write_text("no folder", encoding="utf-8")
    text = text_of(settings)
    assert 'dataalchemy_service_up{service="lake"} 0.0' in text
    assert 'dataalchemy_service_up{service="cache"} 1.0' in text


def test_they_are_served_where_they_can_be_scraped(settings: Settings) -> None:
    port = free_port()
    serving = threading.Thread(
        target=CliRunner().invoke, args=(metrics, ["--port", str(port)]), kwargs={"obj": settings}, daemon=True
    )
    serving.start()
    address, body = f"http://127.0.0.1:{port}/metrics", b""
    for _ in range(100):
        try:
            body = urllib.request.urlopen(address, timeout=60).read()
            break
        except OSError:
            serving.join(0.1)
    assert b"dataalchemy_table_rows" in body
