"""Ingest stage: what sources hold comes into the lake as it is. Keep reading out; engine/landing.py has it."""

import dagster as dg
from pydantic import Field

from dataalchemy_pipelines.core.outcomes import OUTCOMES, Balance, content_digest, landing_balances
from dataalchemy_pipelines.core.records import RAW_RECORDS
from dataalchemy_pipelines.defs.accounts import result
from dataalchemy_pipelines.defs.failures import explained
from dataalchemy_pipelines.engine.landing import land_sources
from resources.contracts import Lake, Progress


class IngestConfig(dg.Config):
    """Which sources to read, and a person's word where much is missing."""

    sources: list[str] = Field([], description="Names of sources; empty means all.")
    confirm_withdrawals: bool = False


@dg.asset(key="raw_records", group_name="ingest", kinds={"delta"}, pool="sources", owners=["team:data"])
@explained
def raw_records(
    config: IngestConfig, lake: dg.ResourceParam[Lake], progress: dg.ResourceParam[Progress]
) -> dg.MaterializeResult:
    """Every item of every source, byte for byte, with its version and who may read it."""
    landed = land_sources(lake, config.sources, progress=progress, confirm_withdrawals=config.confirm_withdrawals)
    snapshot = lake.snapshot(RAW_RECORDS)
    worked = sum(source.new + source.changed + source.withdrawn for source in landed)
    return result(landing_balances(snapshot), digest=content_digest(snapshot), rows=snapshot.count(), worked=worked)


@dg.asset_check(asset=raw_records, blocking=True)
def every_input_has_one_outcome(lake: dg.ResourceParam[Lake]) -> dg.AssetCheckResult:
    """Each version of each item has one outcome out of the closed list, and its payload where it was read."""
    total = sum(landing_balances(lake.snapshot(RAW_RECORDS)).values(), Balance("raw_records", 0))
    passed = total.seen == sum(total.outcomes.values()) and set(total.outcomes) <= set(OUTCOMES)
    return dg.AssetCheckResult(passed=passed, metadata=total.counts())
