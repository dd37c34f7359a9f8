"""Before and after, in numbers that a newcomer understands."""

from __future__ import annotations

import polars as pl

from dataalchemy_pipelines.core.outcomes import DUPLICATE, KEPT, QUARANTINED, REJECTED, current, frame
from dataalchemy_pipelines.core.records import CHUNKS, CLEAN_DOCUMENTS, CLUSTERS, DOCUMENTS, RAW_RECORDS, SFT_PAIRS
from dataalchemy_pipelines.engine.leaks import leaks
from resources.contracts import Lake


def before_and_after(lake: Lake) -> list[tuple[str, str, str]]:
    """Rows of (what, before, after): inputs, unread, personal values, duplicates, characters, chunks, pairs."""
    raw = current(lake.snapshot(RAW_RECORDS), ["doc_id", "outcome"]).filter(pl.col("outcome") == KEPT)
    parsed = current(lake.snapshot(DOCUMENTS), ["doc_id", "outcome", "text"])
    clean = current(lake.snapshot(CLEAN_DOCUMENTS), ["doc_id", "outcome", "text", "redactions"])
    clusters = current(lake.snapshot(CLUSTERS), ["doc_id", "outcome"])
    unique = clusters.filter(pl.col("outcome") == KEPT)
    left_out = [frame_.filter(pl.col("outcome").is_in([QUARANTINED, REJECTED])).height for frame_ in (parsed, clean)]
    masked = clean.select(pl.col("redactions").explode().struct.field("count").sum()).item() or 0
    duplicates = clusters.filter(pl.col("outcome") == DUPLICATE).height
    text = unique.join(clean, on="doc_id")["text"].str.len_chars().sum()
    chunks = frame(lake.snapshot(CHUNKS).read(["outcome"])).filter(pl.col("outcome") == KEPT).height
    pairs = frame(lake.snapshot(SFT_PAIRS).read(["outcome"])).filter(pl.col("outcome") == KEPT).height
    left = sum(leaks(lake).values())
    return [
        ("documents", f"{raw.height:,}", f"{unique.height:,} unique"),
        ("not readable or not worth it", "unknown", f"{sum(left_out):,} left out, each with its reason"),
        ("personal values and keys", f"{masked:,} in the text", f"{left:,} found by the leak check"),
        ("duplicates", f"{duplicates:,} hidden", "each names the one that stands for it"),
        ("characters of text", f"{parsed['text'].str.len_chars().sum():,}", f"{text:,}"),
        ("pieces to search and to learn from", "none", f"{chunks:,} chunks, {pairs:,} question-answer pairs"),
    ]
