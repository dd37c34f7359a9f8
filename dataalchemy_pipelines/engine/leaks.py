"""The leak check: the privacy policy's own finders over everything that left the clean stage."""

from __future__ import annotations

from collections import Counter

from dataalchemy_pipelines.core.outcomes import KEPT, frame
from dataalchemy_pipelines.core.records import CLEAN_DOCUMENTS
from dataalchemy_pipelines.transforms.redact import find
from resources.contracts import Lake

COLUMNS = ("title", "native_id", "text")


def leaks(lake: Lake) -> dict[str, int]:
    """How many values of each kind are left in the cleaned documents; empty when there are none."""
    found: Counter[str] = Counter()
    snapshot = lake.snapshot(CLEAN_DOCUMENTS)
    for file in snapshot.files():
        rows = frame(lake.read_file(file.key, [*COLUMNS, "outcome"]))
        for row in rows.filter(rows["outcome"] == KEPT).iter_rows(named=True):
            found.update(span.kind for name in COLUMNS for span in find(row[name] or ""))
    return dict(sorted(found.items()))
