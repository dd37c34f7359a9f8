"""Ingest stage: what sources hold comes into the lake as it is. Keep reading out; engine/landing.py has it."""

import dagster as dg
from pydantic import Field

from dataalchemy_pipelines.core.outcomes import OUTCOMES, Balance, content_digest, landing_balances
from dataalchemy_pipelines.core.records import RAW_RECORDS
from dataalchemy_pipelines.defs.accounts import result
from dataalchemy_pipelines.defs.failures import explained
from dataalchemy_pipelines.engine.checks import inputs_unaccounted
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
    made = result(landing_balances(snapshot), digest=content_digest(snapshot), rows=snapshot.count(), worked=worked)
    awaiting = sum(source.awaiting for source in landed)
    return dg.MaterializeResult(
        data_version=made.data_version, metadata={**(made.metadata or {}), "awaiting": awaiting}
    )


@dg.asset_check(asset=raw_records, blocking=True)
@explained
def every_input_has_one_outcome(lake: dg.ResourceParam[Lake]) -> dg.AssetCheckResult:
    """Each item that a source listed has a row that stands, each version one outcome, and what was read its payload."""
    total = sum(landing_balances(lake.snapshot(RAW_RECORDS)).values(), Balance("raw_records", 0))
    listed, wrong = inputs_unaccounted(lake)
    passed = set(total.outcomes) <= set(OUTCOMES) and not any(wrong.values())
    return dg.AssetCheckResult(passed=passed, metadata={**total.counts(), "listed": listed, **wrong})
