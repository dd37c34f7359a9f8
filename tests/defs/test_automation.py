"""What starts a run by itself, and what is said when one fails."""

from __future__ import annotations

import json
from pathlib import Path

import dagster as dg
import polars as pl
import pytest
from dagster_k8s.job import get_user_defined_k8s_config

from dataalchemy_pipelines.defs.automation import dropped_files, run_failed
from dataalchemy_pipelines.transforms import recipe
from resources.lake import LocalLake
from resources.notify import FileNotify
from tests.defs.conftest import House


def looked(house: House, cursor: str | None) -> dg.SensorResult:
    """What the file-drop sensor says after a look, given what it remembered of the last."""
    context = dg.build_sensor_context(instance=house.instance, cursor=cursor, resources={"lake": house.lake})
    return dropped_files.evaluate_tick(context)  # type: ignore[return-value]


def test_a_file_that_came_asks_for_one_run_and_no_file_for_none(house: House) -> None:
    first = looked(house, None)
    assert len(first.run_requests or []) == 1
    again = looked(house, first.cursor)
    assert not again.run_requests and again.cursor in (None, first.cursor)
    house.write("pump.md", "pump", 70)
    came = looked(house, first.cursor)
    assert len(came.run_requests or []) == 1
    assert came.cursor != first.cursor
    keys = {one.run_key for look in (first, came) for one in look.run_requests or []}
    assert len(keys) == 2, "Dagster starts no second run under a key that it knows"


def test_an_edit_and_a_removal_ask_for_a_run_too(house: House) -> None:
    seen = looked(house, None).cursor
    house.write("crane.md", "crane on rails", 20)
    edited = looked(house, seen)
    assert len(edited.run_requests or []) == 1
    (house.folder / "crane.md").unlink()
    assert len(looked(house, edited.cursor).run_requests or []) == 1


def test_without_a_source_the_sensor_says_how_to_give_it_one(house: House, tmp_path: Path) -> None:
    house.lake = LocalLake(root=(tmp_path / "other" / "lake").as_uri())
    answer = looked(house, None)
    assert not answer.run_requests
    assert "dataalchemy ingest PATH" in str(answer.skip_message)  # type: ignore[attr-defined]


def alerts_of(house: House, result: dg.ExecuteInProcessResult, path: Path) -> list[dict[str, str]]:
    """What the sensor on failed runs writes of this run."""
    (failure,) = [event for event in result.all_events if event.event_type is dg.DagsterEventType.RUN_FAILURE]
    context = dg.build_run_status_sensor_context(
        sensor_name="run_failed",
        dagster_event=failure,
        dagster_instance=house.instance,
        dagster_run=result.dagster_run,
        resources={"notify": FileNotify(path=str(path))},
    ).for_run_failure()
    run_failed(context)
    return [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]


def test_a_failed_run_sends_one_alert_with_the_errors_own_words(house: House, tmp_path: Path) -> None:
    for key in house.lake.listing("private/sources"):
        house.lake.delete([key])
    result = house.run("refine")
    assert not result.success
    (alert,) = alerts_of(house, result, tmp_path / "alerts.jsonl")
    assert alert["title"] == "Run of refine failed"
    assert "There is no source yet" in alert["detail"]
    assert result.run_id[:8] in alert["fix"]


def test_an_alert_holds_no_text_of_a_document_even_where_an_error_does(
    house: House, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def quoting(rows: pl.DataFrame, settings: recipe.RecipeSettings) -> pl.DataFrame:
        raise ValueError(f"cannot read {rows['text'][0]}")

    monkeypatch.setattr(recipe, "clean", quoting)
    result = house.run("refine")
    assert not result.success
    (alert,) = alerts_of(house, result, tmp_path / "alerts.jsonl")
    assert alert["title"] == "Run of refine failed"
    assert not [word for word in ("dry brush", "works.example", "boiler", "crane") if word in json.dumps(alert)]


def test_a_run_that_only_reads_or_tidies_asks_a_cluster_for_little(house: House) -> None:
    asked = {job: get_user_defined_k8s_config(house.defs.resolve_job_def(job).tags) for job in ("ingest", "refine")}
    assert asked["ingest"].container_config["resources"] == {"requests": {"cpu": "100m", "memory": "512Mi"}}
    assert asked["refine"].container_config == {}
