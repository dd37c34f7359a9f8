"""The leak check: the privacy policy's own finders over everything that left the clean stage."""

from __future__ import annotations

from collections import Counter

import polars as pl

from dataalchemy_pipelines.core.outcomes import KEPT, frame
from dataalchemy_pipelines.core.records import CLEAN_DOCUMENTS
from dataalchemy_pipelines.transforms.redact import count
from resources.contracts import Lake

COLUMNS = ("title", "native_id", "text")


def leaks(lake: Lake) -> dict[str, int]:
    """How many values of each kind are left in the cleaned documents; empty when there are none."""
    found: Counter[str] = Counter()
    snapshot = lake.snapshot(CLEAN_DOCUMENTS)
    for file in snapshot.files():
        rows = frame(lake.read_file(file.key, [*COLUMNS, "outcome"])).filter(pl.col("outcome") == KEPT)
        for name in COLUMNS:
            found += count(rows[name])
    return dict(sorted(found.items()))
