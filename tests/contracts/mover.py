"""A copy for the kill test: says after each part how many objects are there.

python mover.py FROM TO          addresses as `Lake.address` gives them; one line `DONE TOTAL` after each part
"""

from __future__ import annotations

import sys

from dataalchemy_pipelines.engine.moving import copy
from dataalchemy_pipelines.engine.moving_plan import plan_of_lake
from resources.lake import open_lake


class Said:
    """Progress as lines."""

    def step(self, stage: str, done: int, total: int | None, *, unit: str = "documents", note: str = "") -> None:
        """See `resources.contracts.Progress`."""
        print(done, total, flush=True)


if __name__ == "__main__":
    source, target = map(open_lake, sys.argv[1:3])
    copy(plan_of_lake(source), source, target, progress=Said())
