"""Runs a job of the definitions in this process, on the kept home, so that the run is in the UI like any other."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from typing import Any

from dataalchemy_pipelines.cli.screen import Screen
from resources import errors as resource_errors
from resources.errors import DataAlchemyError
from resources.home import PROCESS_TAG, history_speaking, prepare, sweep, this_process
from resources.settings import Settings

NO_CAPTURE = {
    "compute_logs": {"module": "dagster._core.storage.noop_compute_log_manager", "class": "NoOpComputeLogManager"}
}
"""What this process prints goes to its terminal; capturing it would start two processes a step, which Ctrl-C breaks."""
QUIET = {"loggers": {"console": {"config": {"log_level": "CRITICAL"}}}}


def run_job(
    settings: Settings, name: str, screen: Screen, *, ops: Mapping[str, Any] | None = None, **overrides: Any
) -> dict[str, dict[str, Any]]:
    """Run one job to its end; return each asset's metadata as plain values.

    Raises the error that ended the run, with its own what, subject and fix, LostDocuments where a check failed, or
    KeyboardInterrupt.
    """
    prepare(settings)
    import dagster as dg
    from dagster._core.instance.ref import InstanceRef

    from dataalchemy_pipelines.definitions import build_defs

    logging.getLogger("dagster").setLevel(logging.CRITICAL)
    reference = InstanceRef.from_dir(str(settings.dagster_home), overrides=NO_CAPTURE)
    with history_speaking(settings), dg.DagsterInstance.from_ref(reference) as instance:
        sweep(instance, nothing_else_runs=False)
        job = build_defs(settings, progress=screen, **overrides).resolve_job_def(name)
        with screen:
            result = job.execute_in_process(
                run_config={**QUIET, "ops": dict(ops or {})},
                instance=instance,
                raise_on_error=False,
                tags={PROCESS_TAG: this_process(), "dataalchemy/deployment": settings.deployment},
            )
    if not result.success:
        raise _error_of(result)
    made = [event.materialization for event in result.get_asset_materialization_events()]
    return {one.asset_key.to_user_string(): {key: value.value for key, value in one.metadata.items()} for one in made}


def _error_of(result: Any) -> DataAlchemyError:
    """The error that ended a run, made again from what the failure carries."""
    from dataalchemy_pipelines.core import errors as core_errors

    for event in result.all_events:
        if not event.is_step_failure:
            continue
        failure = event.step_failure_data.user_failure_data
        if failure is not None and "what" in failure.metadata:
            said = {key: str(value.value) for key, value in failure.metadata.items()}
            known: dict[str, type[DataAlchemyError]] = {**vars(core_errors), **vars(resource_errors)}
            return known.get(said["kind"], DataAlchemyError)(said["what"], subject=said["subject"], fix=said["fix"])
        error = event.step_failure_data.error
        name = (error.cause or error).cls_name if error is not None else "unknown"
        if name == "DagsterExecutionInterruptedError":
            raise KeyboardInterrupt
        if name == "DagsterAssetCheckFailedError":
            break
        return DataAlchemyError(
            "A step failed", subject=f"{event.step_key} ({name})", fix="`dataalchemy up` shows its log."
        )
    failed = [check.check_name for check in result.get_asset_check_evaluations() if not check.passed]
    return core_errors.LostDocuments(
        "A check did not hold, so nothing after it was made",
        subject=", ".join(failed) or "unknown",
        fix="`dataalchemy up` shows the numbers beside the asset.",
    )
