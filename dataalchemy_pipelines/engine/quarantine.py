"""Another try at documents that no parser could read: their verdicts are taken back, so the next run tries anew."""

from __future__ import annotations

import polars as pl

from dataalchemy_pipelines.core.outcomes import QUARANTINED, frame
from dataalchemy_pipelines.core.records import DOCUMENTS
from resources.contracts import Change, Lake


def reopen(lake: Lake) -> int:
    """Take back every quarantine of the parsed stage; return how many documents. Raises Conflict.

    Items that the source would not give need none of this: each ingestion asks the source again.
    """
    base = lake.snapshot(DOCUMENTS)
    rows = frame(base.read(["doc_id", "outcome"]))
    ids = frozenset(rows.filter(pl.col("outcome") == QUARANTINED)["doc_id"])
    if ids:
        lake.commit(base, Change(replaces=ids))
    return len(ids)
