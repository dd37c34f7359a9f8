"""Loads the assets, jobs and sensors of defs/ and binds one deployment's resources; nothing else."""

from typing import Any

import dagster as dg

import dataalchemy_pipelines.defs
from resources.deployments import resources_for
from resources.settings import Settings


def build_defs(settings: Settings, **overrides: Any) -> dg.Definitions:
    """All definitions over one deployment's resources; tests and the command line replace some of them by key."""
    return dg.Definitions.merge(
        dg.load_defs(dataalchemy_pipelines.defs), dg.Definitions(resources={**resources_for(settings), **overrides})
    )


defs = build_defs(Settings.read())
