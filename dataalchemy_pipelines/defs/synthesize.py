"""Synthesize stage: what an adapter learns from. Keep making pairs out; synthesis/ and engine/ have it."""

import dagster as dg
from pydantic import Field

from dataalchemy_pipelines.core.records import CHUNKS, SFT_PAIRS
from dataalchemy_pipelines.defs.accounts import accounting_check, counts_table, report
from dataalchemy_pipelines.defs.failures import explained
from dataalchemy_pipelines.engine import steps
from dataalchemy_pipelines.engine.batch import run_stage
from dataalchemy_pipelines.engine.checks import pairs_across_the_line, pairs_without_ground
from dataalchemy_pipelines.engine.training_set import build_training_set
from dataalchemy_pipelines.synthesis.generate import PairSettings
from resources.contracts import BatchEngine, Lake, Progress


class TrainingSetConfig(dg.Config):
    """Whom the adapter may answer, and how much it learns from."""

    audience: list[str] = Field(
        ["local"], min_length=1, description="Principals; only what all of them may read is learnt from."
    )
    max_samples: int | None = None


@dg.asset(
    key="sft_pairs", deps=["chunks"], group_name="synthesize", kinds={"delta"}, pool="engine", owners=["team:data"]
)
@explained
def sft_pairs(
    lake: dg.ResourceParam[Lake], engine: dg.ResourceParam[BatchEngine], progress: dg.ResourceParam[Progress]
) -> dg.MaterializeResult:
    """Questions with quoted, cited answers out of the chunks, and questions that the sources do not answer."""
    worked = run_stage(steps.pair_stage(lake, PairSettings()), lake=lake, engine=engine, progress=progress)
    return report(lake, CHUNKS, SFT_PAIRS, worked=worked)


@dg.asset(key="training_sets", deps=["sft_pairs"], group_name="synthesize", kinds={"delta"}, owners=["team:data"])
@explained
def training_sets(config: TrainingSetConfig, lake: dg.ResourceParam[Lake]) -> dg.MaterializeResult:
    """The pairs that one audience may read, split by document; a quarter of the documents is held out."""
    made, worked = build_training_set(lake, audience=config.audience, max_samples=config.max_samples)
    sides = {"train": made.train, "valid": made.valid, "held_out": made.held_out}
    return dg.MaterializeResult(
        data_version=dg.DataVersion(made.training_set_id),
        metadata={
            **sides,
            "documents": made.documents,
            "worked_on": worked,
            "split": dg.MetadataValue.md(counts_table("side", sides)),
            "audience": ", ".join(made.audience),
        },
    )


sft_pairs_are_accounted_for = accounting_check(sft_pairs, CHUNKS, SFT_PAIRS)


@dg.asset_check(asset=sft_pairs, blocking=True)
@explained
def every_quote_stands_in_its_source(lake: dg.ResourceParam[Lake]) -> dg.AssetCheckResult:
    """The answer of each quoting pair is a sentence of a chunk that its prompt shows."""
    pairs, wrong = pairs_without_ground(lake)
    return dg.AssetCheckResult(passed=wrong == 0, metadata={"pairs": pairs, "without_ground": wrong})


@dg.asset_check(asset=training_sets, blocking=True)
@explained
def no_held_out_document_is_learnt(lake: dg.ResourceParam[Lake]) -> dg.AssetCheckResult:
    """No pair to learn from touches a held-out document, by answer or by distractor."""
    pairs, wrong = pairs_across_the_line(lake)
    return dg.AssetCheckResult(passed=wrong == 0, metadata={"pairs": pairs, "across_the_line": wrong})
