"""Loads the assets, checks, jobs and sensors of defs/ and binds one deployment's resources; nothing else."""

from typing import Any

import dagster as dg

from dataalchemy_pipelines import defs as stages
from dataalchemy_pipelines.defs import automation
from resources.deployments import resources_for
from resources.settings import Settings

LOGGERS = {"text": dg.colored_console_logger, "json": dg.json_console_logger}


def build_defs(settings: Settings, **overrides: Any) -> dg.Definitions:
    """All definitions over one deployment's resources; tests and the command line replace some of them by key."""
    return dg.Definitions(
        assets=dg.load_assets_from_package_module(stages),
        asset_checks=dg.load_asset_checks_from_package_module(stages),
        jobs=automation.JOBS,
        schedules=[automation.scheduled_ingestion, automation.scheduled_maintenance],
        sensors=[automation.dropped_files, automation.run_failed],
        loggers={"console": LOGGERS[settings.log_format]},
        executor=dg.in_process_executor,  # a process a step costs a full cycle 26 starts; heavy work has its own
        resources={**resources_for(settings), **overrides},
    )


defs = build_defs(Settings.read())
