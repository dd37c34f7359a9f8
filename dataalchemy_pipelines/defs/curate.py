"""Curate stage: which documents are the same, and how each is cut. Keep comparing and cutting out; it lives below."""

import dagster as dg

from dataalchemy_pipelines.core.records import CHUNKS, CLEAN_DOCUMENTS, CLUSTERS, SIGNATURES
from dataalchemy_pipelines.defs.accounts import accounting_check, report
from dataalchemy_pipelines.defs.failures import explained
from dataalchemy_pipelines.engine import steps
from dataalchemy_pipelines.engine.batch import run_stage
from dataalchemy_pipelines.transforms.chunk import ChunkSettings
from resources.contracts import BatchEngine, Lake, Progress


@dg.asset(
    key="signatures",
    deps=["clean_documents"],
    group_name="curate",
    kinds={"delta"},
    pool="engine",
    owners=["team:data"],
)
@explained
def signatures(
    lake: dg.ResourceParam[Lake], engine: dg.ResourceParam[BatchEngine], progress: dg.ResourceParam[Progress]
) -> dg.MaterializeResult:
    """MinHash band keys of each document; kept, so that what comes later is compared with all before it."""
    worked = run_stage(steps.sign_stage(), lake=lake, engine=engine, progress=progress)
    return report(lake, CLEAN_DOCUMENTS, SIGNATURES, worked=worked)


@dg.asset(
    key="clusters", deps=["signatures", "clean_documents"], group_name="curate", kinds={"delta"}, owners=["team:data"]
)
@explained
def clusters(lake: dg.ResourceParam[Lake], progress: dg.ResourceParam[Progress]) -> dg.MaterializeResult:
    """Exact and near duplicates, each with the document that stands for it and their true Jaccard similarity."""
    worked = steps.settle_clusters(lake, progress)
    return report(lake, CLEAN_DOCUMENTS, CLUSTERS, worked=worked)


@dg.asset(
    key="chunks",
    deps=["clusters", "clean_documents"],
    group_name="curate",
    kinds={"delta"},
    pool="engine",
    owners=["team:data"],
)
@explained
def chunks(
    lake: dg.ResourceParam[Lake], engine: dg.ResourceParam[BatchEngine], progress: dg.ResourceParam[Progress]
) -> dg.MaterializeResult:
    """Unique documents, cut where a person would: at headings, lists, tables and sentences."""
    worked = run_stage(steps.chunk_stage(ChunkSettings()), lake=lake, engine=engine, progress=progress)
    return report(lake, CLUSTERS, CHUNKS, worked=worked)


signatures_are_accounted_for = accounting_check(signatures, CLEAN_DOCUMENTS, SIGNATURES)
clusters_are_accounted_for = accounting_check(clusters, CLEAN_DOCUMENTS, CLUSTERS)
chunks_are_accounted_for = accounting_check(chunks, CLUSTERS, CHUNKS)
