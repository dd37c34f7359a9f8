"""Maintain stage: the lake and Dagster's history kept small. Keep removing out; engine/maintain.py has it."""

import dagster as dg

from dataalchemy_pipelines.defs.accounts import counts_table
from dataalchemy_pipelines.defs.failures import explained
from dataalchemy_pipelines.engine.maintain import maintain
from resources.contracts import Progress
from resources.home import prune
from resources.lake import ObjectLake
from resources.settings import Settings
from resources.upkeep import Keeper


@dg.asset(key="upkeep", group_name="maintain", kinds={"delta"}, pool="maintain", owners=["team:data"])
@explained
def upkeep(
    context: dg.AssetExecutionContext, lake: dg.ResourceParam[ObjectLake], progress: dg.ResourceParam[Progress]
) -> dg.MaterializeResult:
    """What the lake weighed before and after it was rid of what nothing needs, and the old runs that were forgotten."""
    done = maintain(lake, Keeper(lake), progress)
    runs = prune(context.instance, days=Settings.read().keep_runs_days)
    sizes = {name: size for name, (_, size) in done.after.items()}
    return dg.MaterializeResult(
        metadata={
            **done.counts(),
            "runs_removed": runs,
            "bytes_by_folder": dg.MetadataValue.md(counts_table("folder", sizes)),
        }
    )
