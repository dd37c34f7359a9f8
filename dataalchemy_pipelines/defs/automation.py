"""Jobs, the schedule, the file-drop sensor and the word on failed runs. Keep work out; jobs select assets."""

from collections.abc import Mapping
from typing import Any

import dagster as dg
from dagster._core.definitions.unresolved_asset_job_definition import UnresolvedAssetJobDefinition

from dataalchemy_pipelines.engine.sources import look_again, registered
from resources.contracts import Alert, Lake, Notify
from resources.settings import Settings

HOURLY = "0 * * * *"
WEEKLY = "30 4 * * 0"
SETTINGS = Settings.read()
ON, OFF = dg.DefaultScheduleStatus.RUNNING, dg.DefaultScheduleStatus.STOPPED
CONSOLE: dict[str, Any] = {"loggers": {"console": {"config": {}}}}
"""Names the console logger of the definitions, text or JSON; a run that names none logs text."""
SMALL = {"dagster-k8s/config": {"container_config": {"resources": {"requests": {"cpu": "100m", "memory": "512Mi"}}}}}
"""What a run's pod is promised where it only reads or tidies; its limits, and all of other runs, are the stack's."""
LANDING = dg.AssetSelection.assets("raw_records")
CLEANING = dg.AssetSelection.groups("clean")
REFINING = dg.AssetSelection.groups("clean", "curate")
SYNTHESIS = dg.AssetSelection.groups("synthesize")
TRAINING = dg.AssetSelection.groups("train")
PUBLISHING = dg.AssetSelection.groups("publish")
MAINTENANCE = dg.AssetSelection.groups("maintain")


def _job(
    name: str, selection: dg.AssetSelection, description: str, *, tags: Mapping[str, Any] | None = None
) -> UnresolvedAssetJobDefinition:
    return dg.define_asset_job(name, selection, description=description, config=CONSOLE, tags=tags)


ingest = _job("ingest", LANDING, "Read the sources; nothing more.", tags=SMALL)
refine = _job("refine", LANDING | REFINING, "Read the sources, clean, deduplicate, cut.")
wash = _job("wash", LANDING | CLEANING, "Read the sources and clean.")
synthesize = _job("synthesize", SYNTHESIS, "Make supervised pairs and the training set.")
train = _job("train", SYNTHESIS | TRAINING, "Train an adapter on the pairs.")
publish = _job("publish", PUBLISHING, "Build the index, judge the adapter, release it or not.")
full_cycle = _job("full_cycle", dg.AssetSelection.all() - MAINTENANCE, "Everything, in order.")
maintain = _job("maintain", MAINTENANCE, "Keep the lake and Dagster's history small.", tags=SMALL)
JOBS = (ingest, wash, refine, synthesize, train, publish, full_cycle, maintain)

scheduled_ingestion = dg.ScheduleDefinition(
    name="scheduled_ingestion",
    job=refine,
    cron_schedule=SETTINGS.schedule or HOURLY,
    description="Reads every source again and brings the corpus up to date.",
    default_status=ON if SETTINGS.schedule else OFF,
)

scheduled_maintenance = dg.ScheduleDefinition(
    name="scheduled_maintenance",
    job=maintain,
    cron_schedule=WEEKLY,
    description="Keeps the lake and Dagster's history small; off until it is switched on here.",
    default_status=OFF,
)


@dg.sensor(job=refine, minimum_interval_seconds=30, default_status=dg.DefaultSensorStatus.STOPPED)
def dropped_files(context: dg.SensorEvaluationContext, lake: dg.ResourceParam[Lake]) -> dg.SensorResult | dg.SkipReason:
    """A run whenever a source's folder holds other files than at the last look."""
    sources = registered(lake)
    if not sources:
        return dg.SkipReason("No source yet: `dataalchemy ingest PATH`.")
    found = look_again(sources, context.cursor)
    if found is None:
        return dg.SkipReason("No file came, changed or went.")
    cursor, key = found
    return dg.SensorResult(run_requests=[dg.RunRequest(run_key=key)], cursor=cursor)


@dg.run_failure_sensor(default_status=dg.DefaultSensorStatus.RUNNING, monitor_all_code_locations=True)
def run_failed(context: dg.RunFailureSensorContext, notify: dg.ResourceParam[Notify]) -> None:
    """One alert a failed run: which job, the first line of its error, and what to do next."""
    run = context.dagster_run
    failed = [event.step_failure_data for event in context.get_step_failure_events()]
    said = [data.user_failure_data.description for data in failed if data.user_failure_data]
    detail = next((text for text in said if text), "See the run's log.")
    notify.send(
        Alert(title=f"Run of {run.job_name} failed", detail=detail, fix=f"`dataalchemy up`, run {run.run_id[:8]}.")
    )
