"""Clean stage: bytes become documents, documents become fit to learn from. Keep text handling out; it lives below."""

import dagster as dg
import polars as pl

from dataalchemy_pipelines.core.outcomes import KEPT, frame
from dataalchemy_pipelines.core.records import CLEAN_DOCUMENTS, DOCUMENTS, RAW_RECORDS
from dataalchemy_pipelines.defs.accounts import accounting_check, counts_table, report
from dataalchemy_pipelines.defs.failures import explained
from dataalchemy_pipelines.engine import steps
from dataalchemy_pipelines.engine.batch import run_stage
from dataalchemy_pipelines.engine.leaks import leaks
from dataalchemy_pipelines.transforms.recipe import RecipeSettings
from resources.contracts import BatchEngine, Lake, Progress


@dg.asset(
    key="documents", deps=["raw_records"], group_name="clean", kinds={"delta"}, pool="engine", owners=["team:data"]
)
@explained
def documents(
    lake: dg.ResourceParam[Lake], engine: dg.ResourceParam[BatchEngine], progress: dg.ResourceParam[Progress]
) -> dg.MaterializeResult:
    """Every item read by its format's parser, in a child process with limits; what could not be read says why."""
    worked = run_stage(steps.parse_stage(), lake=lake, engine=engine, progress=progress)
    return report(lake, RAW_RECORDS, DOCUMENTS, worked=worked)


@dg.asset(
    key="clean_documents", deps=["documents"], group_name="clean", kinds={"delta"}, pool="engine", owners=["team:data"]
)
@explained
def clean_documents(
    lake: dg.ResourceParam[Lake], engine: dg.ResourceParam[BatchEngine], progress: dg.ResourceParam[Progress]
) -> dg.MaterializeResult:
    """Normalised, redacted, judged documents; one left out has a row without text that says why."""
    worked = run_stage(steps.clean_stage(RecipeSettings()), lake=lake, engine=engine, progress=progress)
    made = report(lake, DOCUMENTS, CLEAN_DOCUMENTS, worked=worked)
    kinds = frame(lake.snapshot(CLEAN_DOCUMENTS).read(["redactions", "language", "outcome"]))
    found = kinds.select(pl.col("redactions").explode()).unnest("redactions").drop_nulls()
    redactions = dict(found.group_by("kind").agg(pl.col("count").sum()).sort("kind").iter_rows())
    languages = dict(
        kinds.filter(pl.col("outcome") == KEPT).group_by("language").len().sort("len", descending=True).iter_rows()
    )
    plots = {f"redactions_{kind}": count for kind, count in redactions.items()}
    tables = {
        "redactions": dg.MetadataValue.md(counts_table("kind", redactions)),
        "languages": dg.MetadataValue.md(counts_table("language", dict(list(languages.items())[:20]))),
    }
    return made._replace(metadata={**(made.metadata or {}), **plots, **tables})


documents_are_accounted_for = accounting_check(documents, RAW_RECORDS, DOCUMENTS)
clean_documents_are_accounted_for = accounting_check(clean_documents, DOCUMENTS, CLEAN_DOCUMENTS)


@dg.asset_check(asset=clean_documents, blocking=True)
@explained
def nothing_personal_is_left(lake: dg.ResourceParam[Lake]) -> dg.AssetCheckResult:
    """The finders of the privacy policy find nothing in what was cleaned. Counts only, never what was found."""
    found = leaks(lake)
    return dg.AssetCheckResult(passed=not found, metadata={"leaks": sum(found.values()), **found})
