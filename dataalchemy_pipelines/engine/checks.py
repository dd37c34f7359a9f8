"""Counts that blocking checks need: what was listed against what landed, and what an adapter learns from."""

from __future__ import annotations

import io

import polars as pl

from dataalchemy_pipelines.core.outcomes import GONE, KEPT, current, frame
from dataalchemy_pipelines.core.records import CHUNKS, HELD_OUT_BELOW, RAW_RECORDS, SFT_PAIRS, TRAINING_SETS
from dataalchemy_pipelines.engine.landing import PAYLOADS, listings
from dataalchemy_pipelines.engine.training_set import standing
from dataalchemy_pipelines.synthesis.grounding import fold
from dataalchemy_pipelines.synthesis.prompts import quoted
from resources.contracts import Lake


def inputs_unaccounted(lake: Lake) -> tuple[int, dict[str, int]]:
    """How many items the sources listed, and what is wrong with the rows that answer to them.

    ``not_landed``: listed items without a row that stands; ``doubled``: versions with more than one row;
    ``without_payload``: kept rows whose bytes are not in the lake. Cost: the rows' keys, and one listing of payloads.
    """
    snapshot = lake.snapshot(RAW_RECORDS)
    listed = {doc_id for ids in listings(lake).values() for doc_id in ids}
    stand = current(snapshot, ["doc_id", "outcome"]).filter(~pl.col("outcome").is_in(GONE))
    rows = frame(snapshot.read(["doc_id", "version", "outcome", "payload_key", "size_bytes"]))
    read = rows.filter((pl.col("outcome") == KEPT) & (pl.col("size_bytes") > 0))
    there = set(lake.listing(PAYLOADS))
    return len(listed), {
        "not_landed": len(listed - set(stand["doc_id"])),
        "doubled": rows.height - rows.unique(["doc_id", "version"]).height,
        "without_payload": sum(key not in there for key in read["payload_key"]),
    }


def pairs_without_ground(lake: Lake) -> tuple[int, int]:
    """How many quoting pairs there are, and in how many the quote stands in none of the prompt's sources."""
    rows = _kept_pairs(lake).filter(pl.col("kind") == "quote")
    wrong = sum(fold(quoted(row["completion"])) not in fold(row["prompt"]) for row in rows.iter_rows(named=True))
    return rows.height, wrong


def pairs_across_the_line(lake: Lake) -> tuple[int, int]:
    """How many pairs the standing training set gives to learn and watch by, and how many of them it must not.

    Wrong is a pair that its table has not as one of these, or that answers for or shows a chunk of a held-out document.
    What is looked at is the very file that the training reads.
    """
    chosen = standing(lake)
    given = pl.read_parquet(io.BytesIO(lake.get(chosen.key))).select("pair_id")
    table = frame(lake.snapshot(TRAINING_SETS).read(["training_set_id", "pair_id", "doc_id", "split", "outcome"]))
    mine = (pl.col("training_set_id") == chosen.training_set_id) & (pl.col("outcome") == KEPT)
    allowed = table.filter(mine & (pl.col("split") != "held_out") & (pl.col("doc_id") >= HELD_OUT_BELOW))
    wrong = set(given.join(allowed, on="pair_id", how="anti")["pair_id"])
    chunks = frame(lake.snapshot(CHUNKS).read(["chunk_id", "doc_id"]))
    held_out = chunks.filter(pl.col("doc_id") < HELD_OUT_BELOW).select("chunk_id")
    shown = _kept_pairs(lake).select("pair_id", pl.col("chunk_ids").alias("chunk_id")).explode("chunk_id")
    shown = shown.join(given, on="pair_id", how="semi")
    wrong |= set(shown.join(held_out, on="chunk_id", how="semi")["pair_id"])
    return given.height, len(wrong)


def _kept_pairs(lake: Lake) -> pl.DataFrame:
    columns = ["doc_id", "pair_id", "kind", "prompt", "completion", "chunk_ids", "outcome"]
    return frame(lake.snapshot(SFT_PAIRS).read(columns)).filter(pl.col("outcome") == KEPT)
