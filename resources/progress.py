"""Where work says how far it is: to a log, and to the key-value store where a person may follow from another machine.

The command line has its own, with bars.
"""

from __future__ import annotations

import json
import logging
import time
from collections.abc import Iterator
from typing import Any

import dagster as dg
from pydantic import PrivateAttr

from resources.contracts import Kv
from resources.errors import DataAlchemyError
from resources.kv import RedisKv

LOGGER = logging.getLogger("dataalchemy")
KEPT_S = 86_400.0


class LogProgress(dg.ConfigurableResource[Any]):
    """A log line when a stage starts and ends, and at most one every ``every_s`` seconds between."""

    every_s: float = 5.0
    _last: dict[str, float] = PrivateAttr(default_factory=dict)

    def step(self, stage: str, done: int, total: int | None, *, unit: str = "documents", note: str = "") -> None:
        """See `resources.contracts.Progress`."""
        if self._is_due(stage, done, total):
            LOGGER.info("%s: %s of %s %s %s", stage, done, "?" if total is None else total, unit, note)

    def _is_due(self, stage: str, done: int, total: int | None) -> bool:
        now = time.monotonic()
        if done != total and now - self._last.get(stage, 0.0) < self.every_s:
            return False
        self._last[stage] = now
        return True


class KvProgress(LogProgress):
    """The same, and each step into the key-value store under the run's id. Without the store only the view is lost."""

    every_s: float = 0.5
    kv: RedisKv
    _run_id: str = PrivateAttr(default="")
    _order: list[str] = PrivateAttr(default_factory=list)
    _lost: bool = PrivateAttr(default=False)

    def setup_for_execution(self, context: dg.InitResourceContext) -> None:
        """Dagster's start of a run."""
        self._run_id = context.run_id or ""

    def step(self, stage: str, done: int, total: int | None, *, unit: str = "documents", note: str = "") -> None:
        """See `resources.contracts.Progress`."""
        if not self._is_due(stage, done, total):
            return
        LOGGER.info("%s: %s of %s %s %s", stage, done, "?" if total is None else total, unit, note)
        if stage not in self._order:
            self._order.append(stage)
        step = {"stage": stage, "done": done, "total": total, "unit": unit, "note": note}
        key = f"{_folder(self._run_id)}{self._order.index(stage):04}"
        began = time.monotonic()
        try:
            self.kv.set(key, json.dumps(step).encode(), ttl_s=KEPT_S)
            self._lost = False
        except DataAlchemyError as error:  # progress is not work: losing it is said, once, and costs nothing else
            if not self._lost:
                LOGGER.warning("progress cannot be followed from elsewhere now: %s", error)
            self._lost = True
        self._last[stage] += 10 * (time.monotonic() - began)  # a slow store takes a tenth of the work's time at most


def steps_of(kv: Kv, run_id: str) -> Iterator[dict[str, Any]]:
    """The newest step of each stage of a run, in the order in which the stages began. Raises what the store raises."""
    for key in kv.scan(_folder(run_id)):
        if body := kv.get(key):
            yield json.loads(body)


def _folder(run_id: str) -> str:
    return f"progress:{run_id}:"
