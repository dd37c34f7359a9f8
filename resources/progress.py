"""Where work says how far it is: to a log, for runs that nobody watches. The command line has its own, with bars."""

from __future__ import annotations

import logging
import time
from typing import Any

import dagster as dg
from pydantic import PrivateAttr

LOGGER = logging.getLogger("dataalchemy")


class LogProgress(dg.ConfigurableResource[Any]):
    """A log line when a stage starts and ends, and at most one every ``every_s`` seconds between."""

    every_s: float = 5.0
    _last: dict[str, float] = PrivateAttr(default_factory=dict)

    def step(self, stage: str, done: int, total: int | None, *, unit: str = "documents", note: str = "") -> None:
        """See `resources.contracts.Progress`."""
        now = time.monotonic()
        if done != total and now - self._last.get(stage, 0.0) < self.every_s:
            return
        self._last[stage] = now
        LOGGER.info("%s: %s of %s %s %s", stage, done, "?" if total is None else total, unit, note)
