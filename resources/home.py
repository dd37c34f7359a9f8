"""Dagster's kept home: its folder, its instance file, and runs left behind by a process that died."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict
from datetime import UTC, datetime, timedelta
from importlib.resources import files
from pathlib import Path
from string import Template
from typing import TYPE_CHECKING

from resources.errors import Unavailable
from resources.history import PASSWORD_VARIABLE, PostgresHistory
from resources.settings import Settings, export

if TYPE_CHECKING:
    from dagster import DagsterInstance

PROCESS_TAG = "dataalchemy/process"
"""Run tag: `pid:start time` of the process that works on the run, where that process is our own."""

RUNS_COUNTED = 1000


def prepare(settings: Settings) -> Path:
    """Make the home with its instance file, point Dagster at it, and return it.

    Where PostgreSQL keeps the history, that must answer. Raises Unavailable, Misconfigured, Missing.
    """
    home, text = settings.dagster_home, _instance("dagster.yaml")
    if history := history_of(settings):
        history.check()
        export(**{PASSWORD_VARIABLE: history.password()})
        names = {name: json.dumps(value) for name, value in asdict(history).items()}
        text += Template(_instance("postgres.yaml")).substitute(names)
    if settings.run_launcher != "default":
        launcher = Template(_instance(f"run-launcher-{settings.run_launcher}.yaml"))
        text += launcher.substitute(project=settings.compose_project)
    instance_file = home / "dagster.yaml"
    try:
        home.mkdir(parents=True, exist_ok=True)
        if not instance_file.is_file() or instance_file.read_text(encoding="utf-8") != text:
            instance_file.write_text(text, encoding="utf-8")
    except OSError as error:
        raise Unavailable(
            "Dagster's home cannot be written",
            subject=f"{home} ({error.strerror})",
            fix="Make room or mend its permissions.",
        ) from None
    export(DAGSTER_HOME=str(home), DAGSTER_DISABLE_TELEMETRY="yes")
    return home


def migrate(settings: Settings) -> str:
    """Make the history's schema, or bring an older version's up to date. Needs a prepared home; returns where it is."""
    import dagster as dg

    with history_speaking(settings), dg.DagsterInstance.get() as instance:
        instance.upgrade()
        instance.reindex()
    history = history_of(settings)
    return history.describe() if history else f"SQLite in {settings.dagster_home}"


def runs_by_status(settings: Settings) -> tuple[dict[tuple[str, str], float], dict[tuple[str, str], float]]:
    """How many runs each job has in each status, and when the last of them ended, in seconds since 1970.

    Looks at the newest `RUNS_COUNTED`. Raises Unavailable, Misconfigured, Missing.
    """
    prepare(settings)
    import dagster as dg

    counted: dict[tuple[str, str], float] = {}
    ended: dict[tuple[str, str], float] = {}
    with history_speaking(settings), dg.DagsterInstance.get() as instance:
        for record in instance.get_run_records(limit=RUNS_COUNTED):
            key = (record.dagster_run.job_name, record.dagster_run.status.value.lower())
            counted[key] = counted.get(key, 0.0) + 1
            if record.end_time is not None:
                ended[key] = max(ended.get(key, 0.0), record.end_time)
    return counted, ended


@contextmanager
def history_speaking(settings: Settings) -> Iterator[None]:
    """Turns errors of the history's database into ours. Raises Unavailable."""
    try:
        yield
    except _errors_of_the_history(settings) as error:
        cause = getattr(error, "orig", None)
        reason = type(cause).__name__ if cause else "too many retries"
        raise history_away(settings, reason) from None


def _errors_of_the_history(settings: Settings) -> tuple[type[Exception], ...]:
    """What the history's database raises; a home in SQLite is spared a second of imports."""
    from sqlalchemy.exc import DBAPIError

    if not settings.postgres_url:
        return (DBAPIError,)
    from dagster_postgres.utils import DagsterPostgresException

    return (DBAPIError, DagsterPostgresException)


def history_away(settings: Settings, reason: str) -> Unavailable:
    """The error of a history that can't be used, for ``reason``: the name of a class, or a word of a closed list."""
    if history := history_of(settings):
        return history.away(reason)
    fix = "Make room or mend its permissions, then run the same command again; it continues."
    subject = f"{settings.dagster_home} ({reason})"
    return Unavailable("Dagster's history cannot be written", subject=subject, fix=fix)


def history_of(settings: Settings) -> PostgresHistory | None:
    """The database that keeps the history; None where the home itself does."""
    return PostgresHistory.at(settings.postgres_url) if settings.postgres_url else None


def _instance(name: str) -> str:
    return files("resources").joinpath("instances", name).read_text(encoding="utf-8")


def this_process() -> str:
    """The process tag's value for this process."""
    return f"{os.getpid()}:{_start_time(os.getpid())}"


def sweep(instance: DagsterInstance, *, nothing_else_runs: bool) -> int:
    """Mark runs failed whose process is gone, and free the pool slots of all that ended; return how many were marked.

    A run that lost its history's database could free nothing, and whoever needs its slot would wait for good.
    A run that carries the process tag is judged by it. Runs of the daemon have none: they are swept only where the
    caller knows that no daemon is running on this home.
    """
    from dagster import DagsterRunStatus, RunsFilter

    unfinished = [DagsterRunStatus.STARTING, DagsterRunStatus.STARTED, DagsterRunStatus.CANCELING]
    swept = 0
    for run in instance.get_runs(filters=RunsFilter(statuses=unfinished)):
        owner = run.tags.get(PROCESS_TAG)
        if _alive(owner) if owner else not nothing_else_runs:
            continue
        instance.report_run_failed(run, "Its process is gone (kill, power cut or reboot). Run it again; it continues.")
        swept += 1
    for run_id in instance.event_log_storage.get_concurrency_run_ids():
        holder = instance.get_run_by_id(run_id)
        if holder is None or holder.is_finished:
            instance.event_log_storage.free_concurrency_slots_for_run(run_id)
    return swept


def _alive(owner: str) -> bool:
    pid, _, started = owner.partition(":")
    return _start_time(int(pid)) == started


def _start_time(pid: int) -> str:
    """Start of a process in clock ticks since boot, so that a pid used again is not taken for the old one."""
    try:
        fields = Path(f"/proc/{pid}/stat").read_text(encoding="utf-8").rpartition(")")[2].split()
    except OSError:
        return "gone"
    return f"{fields[19]}@{Path('/proc/sys/kernel/random/boot_id').read_text(encoding='utf-8').strip()[:8]}"


def prune(instance: DagsterInstance, *, days: int) -> int:
    """Forget ended runs older than ``days``, with their events and captured output; return how many.

    The run that last made an asset stays, however old: without it the asset would count as never made.
    """
    from dagster import DagsterRunStatus, RunsFilter

    ended = [DagsterRunStatus.SUCCESS, DagsterRunStatus.FAILURE, DagsterRunStatus.CANCELED]
    before = datetime.now(UTC) - timedelta(days=days)
    made = instance.get_latest_materialization_events(list(instance.all_asset_keys())).values()
    standing = {event.run_id for event in made if event is not None}
    runs = instance.get_runs(filters=RunsFilter(statuses=ended, updated_before=before))
    doomed = [run.run_id for run in runs if run.run_id not in standing]
    for run_id in doomed:
        instance.compute_log_manager.delete_logs(prefix=[run_id])
        instance.delete_run(run_id)
        _drop_shard(instance, run_id)
    return len(doomed)


def _drop_shard(instance: DagsterInstance, run_id: str) -> None:
    """SQLite keeps the events of each run in a file of its own, which Dagster empties and leaves behind."""
    from dagster._core.storage.event_log import SqliteEventLogStorage

    storage = instance.event_log_storage
    if isinstance(storage, SqliteEventLogStorage):
        for suffix in ("", "-wal", "-shm"):
            Path(f"{storage.path_for_shard(run_id)}{suffix}").unlink(missing_ok=True)
