"""Publish stage: the index, the judgement of the candidate, and its release or not. Keep judging out."""

import dagster as dg

from dataalchemy_pipelines.defs.failures import explained
from dataalchemy_pipelines.engine.indexing import build_index, chunks_beside_the_index
from dataalchemy_pipelines.publishing.gate import GateSettings, Verdict
from dataalchemy_pipelines.publishing.release import champion
from dataalchemy_pipelines.serving.evaluate import evaluate, publish, questions_by_arm
from dataalchemy_pipelines.serving.judge import JudgeSettings
from resources.contracts import Lake, Llm, Progress
from resources.settings import Settings


@dg.asset(key="index", deps=["chunks"], group_name="publish", kinds={"numpy"}, owners=["team:ml"])
@explained
def index(
    lake: dg.ResourceParam[Lake], llm: dg.ResourceParam[Llm], progress: dg.ResourceParam[Progress]
) -> dg.MaterializeResult:
    """Words and meanings of every chunk, with who may read it; immutable, and replaced as a whole."""
    made = build_index(lake, llm, progress)
    return dg.MaterializeResult(
        data_version=dg.DataVersion(made.ref.chunks),
        metadata={
            "chunks": made.chunks,
            "documents": made.documents,
            "worked_on": made.embedded,
            "digest": made.ref.chunks,
        },
    )


@dg.asset_check(asset=index, blocking=True)
@explained
def every_chunk_can_be_found(lake: dg.ResourceParam[Lake]) -> dg.AssetCheckResult:
    """The index holds the kept chunks, all of them and no others."""
    kept, wrong = chunks_beside_the_index(lake)
    return dg.AssetCheckResult(passed=wrong == 0, metadata={"chunks": kept, "beside_the_index": wrong})


class EvaluationConfig(JudgeSettings, dg.Config):
    """How questions are put, editable in the launchpad."""


@dg.asset(key="evaluations", deps=["adapter", "index"], group_name="publish", kinds={"delta"}, owners=["team:ml"])
@explained
def evaluations(
    config: EvaluationConfig,
    lake: dg.ResourceParam[Lake],
    llm: dg.ResourceParam[Llm],
    progress: dg.ResourceParam[Progress],
) -> dg.MaterializeResult:
    """The candidate against the base model, with and without retrieval, on questions that it never learnt from."""
    judging = JudgeSettings.model_validate(config.model_dump())
    made = evaluate(lake, llm, principals=Settings.read().asking, settings=(judging, GateSettings()), progress=progress)
    verdict = made.verdict
    return dg.MaterializeResult(
        metadata={
            "questions": made.questions,
            "gain_nats_a_token": verdict.gain.mean,
            "gain_low": verdict.gain.low,
            "gain_high": verdict.gain.high,
            "forgetting_nats_a_token": verdict.forgetting,
            "released": int(verdict.released),
            "worked_on": int(made.made_now),
            "sentence": verdict.sentence,
            "arms": dg.MetadataValue.md(arms_table(verdict)),
        },
    )


@dg.asset_check(asset=evaluations, blocking=True)
@explained
def every_arm_answered_the_same_questions(lake: dg.ResourceParam[Lake]) -> dg.AssetCheckResult:
    """A comparison is fair only where all four arms were scored on the same questions."""
    counts = questions_by_arm(lake)
    return dg.AssetCheckResult(passed=len(set(counts.values())) == 1 and len(counts) == 4, metadata=counts)


@dg.asset(key="released_adapter", deps=["evaluations"], group_name="publish", kinds={"json"}, owners=["team:ml"])
@explained
def released_adapter(lake: dg.ResourceParam[Lake]) -> dg.MaterializeResult:
    """The adapter that answers users. A candidate that did not help is not released, and the one before stays."""
    moved = publish(lake)
    now = champion(lake)
    return dg.MaterializeResult(
        metadata={
            "worked_on": int(moved),
            "released": int(now is not None),
            "adapter": now.adapter if now else "none: the base model answers",
        }
    )


def arms_table(verdict: Verdict) -> str:
    """The four arms as Markdown, with intervals and with bars of nats a token (shorter is better)."""
    lines = ["| arm | questions | nats a token | | verbatim | ends by itself |", "|---|---|---|---|---|---|"]
    for row in verdict.table:
        shares = [f"{share:.0%}" if share is not None else "" for share in (row.verbatim, row.stopped)]
        bar = "█" * max(1, round(6 * row.nll.mean))
        lines.append(
            f"| {row.arm} | {row.held_out} ({row.nll.count}) | {row.nll} | {bar} | {shares[0]} | {shares[1]} |"
        )
    return "\n".join(lines)
