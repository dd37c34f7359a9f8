"""Runs of the real job that a fault strikes; the run after the fault must end where an undisturbed one ends."""

from __future__ import annotations

import random
import subprocess
import sys
import threading
import time
from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from bench.faults.outcome import Outcome
from dataalchemy_pipelines.core.records import TABLES
from resources.lake import ObjectLake
from resources.settings import CHECKOUT, child_environment

SAMPLES = CHECKOUT / "samples"
GIVE_UP_S = 600.0
LATEST_S = 1.0
REFINED = ("raw_records", "documents", "clean_documents", "signatures", "clusters", "chunks")


@dataclass(frozen=True)
class Ended:
    """How a run ended: exit code, what it said on stderr, whether it was struck, and how many seconds after that."""

    code: int
    said: str
    struck: bool
    after_s: float


@dataclass(frozen=True)
class Moment:
    """A moment of a run: some seconds after it first speaks of a stage. So it is one on a slow machine, too."""

    stage: str
    after_s: float


@dataclass
class Fault:
    """What happens to a run: ``strike`` at a moment of it, in a thread beside it, and ``mend`` once it has ended.

    ``touched`` says whether the fault met anything; ``names`` is what the run's error must hold if it ends with one.
    """

    strike: Callable[[], None]
    mend: Callable[[], None] = lambda: None
    touched: Callable[[], bool] = lambda: True
    names: tuple[str, ...] = ()
    early: bool = False
    """Strike at the first step instead of at a random moment."""


@dataclass
class Runs:
    """Runs over one folder, each on an empty lake, held against an undisturbed one."""

    data: Path
    source: Path = SAMPLES
    undisturbed: dict[str, Counter[str]] = field(default_factory=dict)

    def learn(self, lake: ObjectLake, environment: Mapping[str, str]) -> None:
        """Make the undisturbed run."""
        ended = self.run(environment)
        assert ended.code == 0, ended.said
        self.undisturbed = rows_of(lake)

    def run(self, environment: Mapping[str, str], fault: Fault | None = None, at: Moment | None = None) -> Ended:
        """One run; ``fault`` strikes at the moment, or at its first step."""
        self.data.mkdir(parents=True, exist_ok=True)
        own = {"DATAALCHEMY_DATA_PATH": str(self.data), "PROJECT_ROOT": str(self.data), "PYTHONPATH": str(CHECKOUT)}
        struck: list[float] = []
        with (
            (self.data / "said.log").open("w+", encoding="utf-8") as said,
            subprocess.Popen(
                [sys.executable, "-m", "bench.faults.job", str(self.source)],
                env={**child_environment(), **own, **environment},
                cwd=CHECKOUT,
                stdout=subprocess.PIPE,
                stderr=said,
                text=True,
            ) as process,
        ):

            def strike() -> None:
                if fault is not None and process.poll() is None:
                    struck.append(time.monotonic())
                    fault.strike()

            timer, stop = None, threading.Timer(GIVE_UP_S, process.kill)
            stop.daemon = True  # a benchmark that is ended does not wait for it
            stop.start()
            assert process.stdout is not None
            for line in process.stdout:
                if timer is None and (at is None or f'"stage": "{at.stage}"' in line):
                    timer = threading.Timer(at.after_s if at else 0.0, strike)
                    timer.start()
            code, ended = process.wait(), time.monotonic()
            stop.cancel()
            if timer is not None:
                timer.join()
            said.seek(0)
            return Ended(code, said.read().strip(), bool(struck), ended - struck[0] if struck else 0.0)

    def disturb(
        self, lake: ObjectLake, environment: Mapping[str, str], fault: Fault, outcome: Outcome, draw: random.Random
    ) -> None:
        """One round: a run that is struck, the mend, the same run again, and what came of it."""
        at = None if fault.early else Moment(draw.choice(REFINED[:-1]), draw.uniform(0.0, LATEST_S))
        first = self.run(environment, fault, at)
        touched = fault.touched()
        fault.mend()
        second = self.run(environment)
        outcome.rounds += 1
        outcome.hit += first.struck and touched
        self._judge(first, fault, outcome)
        if second.code:
            outcome.more.setdefault("reruns_failed", []).append(second.said[-300:])
            return
        outcome.reopened += 1
        found = rows_of(lake)
        for table, rows in self.undisturbed.items():
            outcome.lost += sum((rows - found[table]).values())
            outcome.doubled += sum((found[table] - rows).values())
            outcome.acknowledged += sum(rows.values())
        outcome.digests_equal = (outcome.digests_equal or 0) + (found == self.undisturbed)

    def _judge(self, first: Ended, fault: Fault, outcome: Outcome) -> None:
        """Count how a struck run ended, and keep what it said where that does not name the cause and the mend."""
        outcome.more.setdefault("went_through", 0)
        outcome.more.setdefault("stopped", 0)
        outcome.more["slowest_s"] = max(outcome.more.get("slowest_s", 0.0), round(first.after_s, 1))
        if first.code == 0:
            outcome.more["went_through"] += 1
            return
        outcome.more["stopped"] += 1
        last = first.said.splitlines()[-1:] or ["nothing"]
        if first.code not in (1, 3) or not last[0].startswith("error: ") or not all(n in last[0] for n in fault.names):
            outcome.more.setdefault("unclear", []).append(f"{first.code}: {last[0][:400]}")


def rows_of(lake: ObjectLake) -> dict[str, Counter[str]]:
    """The hashes of each table's rows, which its content digest is made from; the whole log is read on the way."""
    found = {}
    for name in REFINED:
        lake.read_log(TABLES[name])
        found[name] = Counter(lake.snapshot(TABLES[name]).read(["row_sha256"])["row_sha256"].to_pylist())
    return found
