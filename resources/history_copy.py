"""Dagster's history taken from one instance into another: runs with their events, and what schedules and sensors know.

Dagster has no command for it, and its databases differ in shape (SQLite has one file a run), so what is copied are runs
and events through the storages of the same Dagster, not rows.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

from resources.contracts import Progress
from resources.errors import Misconfigured, NotFound

if TYPE_CHECKING:
    from dagster import DagsterInstance, RunRecord
    from dagster._core.events.log import EventLogEntry

PAGE = 1000


@dataclass(frozen=True)
class Taken:
    """Runs that are in the target now, those of them that came in this time, events, schedules and sensors."""

    runs: int
    new: int
    events: int
    instigators: int


def sqlite_instance(home: Path) -> DagsterInstance:
    """The instance of a home whose history is SQLite, whatever its dagster.yaml says of storage. Raises NotFound."""
    from dagster import DagsterInstance
    from dagster._core.instance.ref import InstanceRef

    if not (home / "history" / "runs.db").is_file():
        raise NotFound("There is no history here", subject=str(home), fix="Give Dagster's home: the folder `dagster`.")
    # A deployment that takes over its own home has written PostgreSQL into the dagster.yaml there.
    kept = {"storage": {"sqlite": {"base_dir": str(home.absolute())}}}
    return DagsterInstance.from_ref(InstanceRef.from_dir(str(home), overrides=kept))


def take(source: DagsterInstance, target: DagsterInstance, *, progress: Progress) -> Taken:
    """Bring every finished run, oldest first, and the state of schedules and sensors; the same again brings the rest.

    A run that came in half is removed from the target and brought anew. Raises Misconfigured where a run is unfinished.
    """
    records = list(_runs(source))
    if unfinished := [record.dagster_run.run_id for record in records if not record.dagster_run.is_finished]:
        fix = "End `up`, and start it once and end it where its process died, so that these runs are closed."
        raise Misconfigured("Runs are not finished", subject=f"{len(unfinished)}, {unfinished[0]} is one", fix=fix)
    new = events = 0
    for number, record in enumerate(records, start=1):
        run_id = record.dagster_run.run_id
        entries = list(_events(source, run_id))
        events += len(entries)
        if not target.has_run(run_id) or len(list(_events(target, run_id))) != len(entries):
            _take_run(source, target, record, entries)
            new += 1
        progress.step("history", number, len(records), unit="runs")
    return Taken(len(records), new, events, _take_instigators(source, target))


def _runs(instance: DagsterInstance) -> Iterator[RunRecord]:
    """Oldest first, a page at a time."""
    cursor: str | None = None
    while page := instance.get_run_records(limit=PAGE, ascending=True, cursor=cursor):
        yield from page
        cursor = page[-1].dagster_run.run_id


def _events(instance: DagsterInstance, run_id: str) -> Iterator[EventLogEntry]:
    cursor: str | None = None
    while True:
        page = instance.get_records_for_run(run_id, cursor=cursor, limit=PAGE)
        yield from (record.event_log_entry for record in page.records)
        if not page.has_more:
            return
        cursor = page.cursor


def _take_run(
    source: DagsterInstance, target: DagsterInstance, record: RunRecord, entries: list[EventLogEntry]
) -> None:
    """One run: what it was made of, the run itself as of its time, its events; these set when it began and ended."""
    run, runs = record.dagster_run, target.run_storage
    if target.has_run(run.run_id):
        _forget_run(target, run.run_id)
    if run.job_snapshot_id and not target.has_job_snapshot(run.job_snapshot_id):
        runs.add_job_snapshot(source.get_job_snapshot(run.job_snapshot_id))
    if run.execution_plan_snapshot_id and not runs.has_execution_plan_snapshot(run.execution_plan_snapshot_id):
        runs.add_execution_plan_snapshot(source.get_execution_plan_snapshot(run.execution_plan_snapshot_id))
    runs.add_historical_run(run, record.create_timestamp)
    for entry in entries:
        target.event_log_storage.store_event(entry)
        if entry.dagster_event is not None:
            runs.handle_run_event(run.run_id, entry.dagster_event, datetime.fromtimestamp(entry.timestamp, UTC))


def _forget_run(target: DagsterInstance, run_id: str) -> None:
    """Remove a run; Dagster's own way leaves its asset checks behind, which would then be there twice."""
    from dagster._core.storage.event_log.schema import AssetCheckExecutionsTable
    from dagster._core.storage.event_log.sql_event_log import SqlEventLogStorage

    events = target.event_log_storage
    if isinstance(events, SqlEventLogStorage):
        with events.index_connection() as connection:
            connection.execute(AssetCheckExecutionsTable.delete().where(AssetCheckExecutionsTable.c.run_id == run_id))
    target.delete_run(run_id)


def _take_instigators(source: DagsterInstance, target: DagsterInstance) -> int:
    """Whether each schedule and sensor is on, and its cursor, where the target knows nothing of it yet."""
    states = source.all_instigator_state()
    for state in states:
        if target.get_instigator_state(state.instigator_origin_id, state.selector_id) is None:
            target.add_instigator_state(state)
    return len(states)
