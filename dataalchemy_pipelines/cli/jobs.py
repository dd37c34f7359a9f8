"""Runs a job of the definitions: in this process on the kept home, or on the Dagster that the settings name."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from functools import partial
from typing import Any

from dataalchemy_pipelines.cli.failures import SAID, FailedStep, error_of
from dataalchemy_pipelines.cli.screen import Screen
from resources.errors import DataAlchemyError
from resources.home import PROCESS_TAG, history_away, history_speaking, prepare, sweep, this_process
from resources.settings import Settings

NO_CAPTURE = {
    "compute_logs": {"module": "dagster._core.storage.noop_compute_log_manager", "class": "NoOpComputeLogManager"}
}
"""What this process prints goes to its terminal; capturing it would start two processes a step, which Ctrl-C breaks."""
QUIET = {"loggers": {"console": {"config": {"log_level": "CRITICAL"}}}}


def run_job(
    settings: Settings,
    name: str,
    screen: Screen,
    *,
    ops: Mapping[str, Any] | None = None,
    mode: str = "auto",
    **overrides: Any,
) -> dict[str, dict[str, Any]]:
    """Run one job to its end; return each asset's metadata as plain values.

    ``overrides`` replace resources of a run in this process. Raises the error that ended the run, with its own what,
    subject and fix, LostDocuments where a check failed, or KeyboardInterrupt.
    """
    from resources.spark import ENGINE_TAG

    tags = {ENGINE_TAG: mode, "dataalchemy/deployment": settings.deployment}
    if settings.dagster_url:
        from dataalchemy_pipelines.cli.remote import follow, launch

        run_id = launch(settings.dagster_url, name, ops=dict(ops or {}), tags=tags)
        with screen:
            return follow(settings, run_id, screen)
    run = {"run_config": {**QUIET, "ops": dict(ops or {})}, "tags": {PROCESS_TAG: this_process(), **tags}}
    return _run_here(settings, name, run, progress=screen, overrides=overrides)


def _run_here(
    settings: Settings, name: str, run: dict[str, Any], *, progress: Screen, overrides: dict[str, Any]
) -> dict[str, dict[str, Any]]:
    prepare(settings)
    import dagster as dg
    from dagster._core.instance.ref import InstanceRef

    from dataalchemy_pipelines.definitions import build_defs

    for name_of_logger in ("", "dagster"):  # each retry of a database is told, with its host, by the root's logger
        logging.getLogger(name_of_logger).setLevel(logging.CRITICAL)
    reference = InstanceRef.from_dir(str(settings.dagster_home), overrides=NO_CAPTURE)
    with history_speaking(settings), dg.DagsterInstance.from_ref(reference) as instance:
        sweep(instance, nothing_else_runs=False)
        job = build_defs(settings, progress=progress, **overrides).resolve_job_def(name)
        with progress:
            result = job.execute_in_process(instance=instance, raise_on_error=False, **run)
    if not result.success:
        raise _error_of(result, settings)
    made = [event.materialization for event in result.get_asset_materialization_events()]
    return {one.asset_key.to_user_string(): {key: value.value for key, value in one.metadata.items()} for one in made}


def _error_of(result: Any, settings: Settings) -> DataAlchemyError:
    """The error that ended a run in this process."""
    failed = [_failed(event) for event in result.all_events if event.is_step_failure]
    failed += [FailedStep("run", {}, _class_of(event.job_failure_data.error)) for event in _run_failures(result)]
    checks = [check.check_name for check in result.get_asset_check_evaluations() if not check.passed]
    return error_of(failed, checks, partial(history_away, settings))


def _run_failures(result: Any) -> list[Any]:
    """Failures of the run outside its steps: of its own history, for instance."""
    return [event for event in result.all_events if event.is_job_failure and event.job_failure_data.error]


def _failed(event: Any) -> FailedStep:
    data = event.step_failure_data
    metadata = data.user_failure_data.metadata if data.user_failure_data is not None else {}
    said = {name: str(metadata[name].value) for name in SAID if name in metadata}
    return FailedStep(event.step_key, said, _class_of(data.error) if data.error else "unknown")


def _class_of(error: Any) -> str:
    return str((error.cause or error).cls_name)
