"""The steps of the stages as workers call them: ``step(lake, frame, settings)``; the work lives in the packages."""

from __future__ import annotations

from collections.abc import Sequence

import polars as pl

from dataalchemy_pipelines.core.outcomes import KEPT, content_digest, current, frame
from dataalchemy_pipelines.core.records import (
    CHUNKS,
    CLEAN_DOCUMENTS,
    CLUSTERS,
    DOCUMENTS,
    HELD_OUT_BELOW,
    RAW_RECORDS,
    SFT_PAIRS,
    SIGNATURES,
)
from dataalchemy_pipelines.engine import near_dedup
from dataalchemy_pipelines.engine.batch import Stage, settle_rows
from dataalchemy_pipelines.parsing.sandbox import Sandbox
from dataalchemy_pipelines.parsing.step import PARSER_VERSION, parse_batch
from dataalchemy_pipelines.synthesis.generate import PAIRS_VERSION, PairSettings, make_pairs
from dataalchemy_pipelines.transforms import chunk as chunking
from dataalchemy_pipelines.transforms import minhash, recipe
from resources.contracts import Lake, Progress

MODULE = "dataalchemy_pipelines.engine.steps"


def parse_stage() -> Stage:
    """raw_records -> documents."""
    return Stage(RAW_RECORDS, DOCUMENTS, f"{MODULE}:parse", PARSER_VERSION)


def clean_stage(settings: recipe.RecipeSettings) -> Stage:
    """documents -> clean_documents."""
    version = recipe.recipe_version(settings)
    return Stage(DOCUMENTS, CLEAN_DOCUMENTS, f"{MODULE}:clean", version, settings.model_dump_json())


def sign_stage() -> Stage:
    """clean_documents -> signatures."""
    return Stage(CLEAN_DOCUMENTS, SIGNATURES, f"{MODULE}:sign", minhash.VERSION)


def chunk_stage(settings: chunking.ChunkSettings) -> Stage:
    """clean_documents, of those that are unique -> chunks."""
    version = f"{chunking.VERSION}:{settings.model_dump_json()}"
    return Stage(CLEAN_DOCUMENTS, CHUNKS, f"{MODULE}:cut", version, settings.model_dump_json(), gate=CLUSTERS)


def pair_stage(lake: Lake, settings: PairSettings) -> Stage:
    """chunks -> sft_pairs. Pairs depend on all chunks, by rarity and distractors, so other chunks make them stale."""
    version = f"{PAIRS_VERSION}:{settings.model_dump_json()}:{content_digest(lake.snapshot(CHUNKS))}"
    return Stage(CHUNKS, SFT_PAIRS, f"{MODULE}:pair", version, settings.model_dump_json())


def parse(lake: Lake, rows: pl.DataFrame, settings: str) -> pl.DataFrame:
    """Bytes to documents, in child processes with limits."""
    with Sandbox() as sandbox:
        return parse_batch(rows, lake.get, sandbox)


def clean(lake: Lake, rows: pl.DataFrame, settings: str) -> pl.DataFrame:
    """Normalise, redact, judge."""
    return recipe.clean(rows, recipe.RecipeSettings.model_validate_json(settings))


def sign(lake: Lake, rows: pl.DataFrame, settings: str) -> pl.DataFrame:
    """MinHash band keys."""
    return minhash.sign(rows)


def cut(lake: Lake, rows: pl.DataFrame, settings: str) -> pl.DataFrame:
    """Documents to chunks."""
    return chunking.chunk(rows, chunking.ChunkSettings.model_validate_json(settings))


def pair(lake: Lake, rows: pl.DataFrame, settings: str) -> pl.DataFrame:
    """Chunks to supervised pairs; distractors come from the same side of the held-out line."""
    pool = frame(lake.snapshot(CHUNKS).read()).filter(pl.col("outcome") == KEPT)
    held_out = pl.col("doc_id") < HELD_OUT_BELOW
    chosen = PairSettings.model_validate_json(settings)
    sides = [make_pairs(rows.filter(side), pool.filter(side), chosen) for side in (held_out, ~held_out)]
    return pl.concat(sides)


def settle_clusters(lake: Lake, progress: Progress) -> int:
    """signatures -> clusters, over all documents at once; return how many documents changed their cluster."""

    settings = near_dedup.DedupSettings()

    def made() -> tuple[pl.DataFrame, pl.DataFrame]:
        signatures = frame(lake.snapshot(SIGNATURES).read()).filter(pl.col("outcome") == KEPT)
        rows = near_dedup.cluster(signatures, lambda ids: _texts(lake, ids), settings)
        return rows, signatures.select("doc_id", "row_sha256")

    changed = settle_rows(
        lake, CLUSTERS, made=made, recipe_version=f"{near_dedup.VERSION}:{settings.model_dump_json()}"
    )
    progress.step(CLUSTERS.name, changed, changed)
    return changed


def _texts(lake: Lake, ids: Sequence[str]) -> dict[str, str]:
    """Cleaned text of the candidates alone."""
    rows = current(lake.snapshot(CLEAN_DOCUMENTS), ["doc_id", "text"]).filter(pl.col("doc_id").is_in(list(ids)))
    return dict(rows.iter_rows())
