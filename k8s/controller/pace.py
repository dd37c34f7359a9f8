"""When a stack is looked at again although nothing woke its reconcile: what is freed elsewhere is told to nobody."""

from __future__ import annotations

PROGRESS_S, LONGEST_PROGRESS_S, LONGEST_WAIT_S = 10.0, 30.0, 300.0


class Pace:
    """Until the resync at rest; else soon, and later each time that a stack says the same."""

    def __init__(self, resync_s: float) -> None:
        self._resync_s = resync_s
        self._waits = dict[tuple[str, str], float]()

    def wait_s(self, key: tuple[str, str], phase: str, *, changed: bool) -> float:
        """Seconds until the next reconcile; ``changed``: it says something else than before."""
        if phase in ("Ready", "Paused"):
            self._waits.pop(key, None)
            return self._resync_s
        # Why something makes no progress stands in events, which wake nobody.
        longest_s = LONGEST_PROGRESS_S if phase == "Progressing" else LONGEST_WAIT_S
        again = min(longest_s, 2 * self._waits.get(key, PROGRESS_S / 2))
        self._waits[key] = PROGRESS_S if changed else again
        return self._waits[key]
