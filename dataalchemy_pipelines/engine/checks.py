"""Counts that the blocking checks of the synthesize stage need."""

from __future__ import annotations

import polars as pl

from dataalchemy_pipelines.core.outcomes import KEPT, frame
from dataalchemy_pipelines.core.records import CHUNKS, HELD_OUT_BELOW, SFT_PAIRS
from dataalchemy_pipelines.synthesis.grounding import fold
from dataalchemy_pipelines.synthesis.prompts import quoted
from resources.contracts import Lake


def pairs_without_ground(lake: Lake) -> tuple[int, int]:
    """How many quoting pairs there are, and in how many the quote stands in none of the prompt's sources."""
    rows = _kept_pairs(lake).filter(pl.col("kind") == "quote")
    wrong = sum(fold(quoted(row["completion"])) not in fold(row["prompt"]) for row in rows.iter_rows(named=True))
    return rows.height, wrong


def pairs_across_the_line(lake: Lake) -> tuple[int, int]:
    """How many pairs of documents to learn from there are, and how many show a chunk of a held-out document."""
    rows = _kept_pairs(lake).filter(pl.col("doc_id") >= HELD_OUT_BELOW)
    chunks = frame(lake.snapshot(CHUNKS).read(["chunk_id", "doc_id"]))
    held_out = chunks.filter(pl.col("doc_id") < HELD_OUT_BELOW).select("chunk_id")
    shown = rows.select("pair_id", pl.col("chunk_ids").alias("chunk_id")).explode("chunk_id")
    return rows.height, shown.join(held_out, on="chunk_id", how="semi")["pair_id"].n_unique()


def _kept_pairs(lake: Lake) -> pl.DataFrame:
    columns = ["doc_id", "pair_id", "kind", "prompt", "completion", "chunk_ids", "outcome"]
    return frame(lake.snapshot(SFT_PAIRS).read(columns)).filter(pl.col("outcome") == KEPT)
