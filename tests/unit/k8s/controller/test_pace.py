"""A stack at rest is left alone; one that isn't well is looked at again, later each time."""

from __future__ import annotations

import pytest

from k8s.controller.pace import Pace

KEY, OTHER = ("team", "demo"), ("team", "other")


@pytest.mark.parametrize("phase", ["Ready", "Paused"])
def test_at_rest_only_the_resync_comes(phase: str) -> None:
    assert Pace(2400).wait_s(KEY, phase, changed=True) == 2400


@pytest.mark.parametrize(
    ("phase", "waits"), [("Degraded", [10, 20, 40, 80, 160, 300, 300]), ("Progressing", [10, 20, 30, 30, 30, 30, 30])]
)
def test_what_is_not_well_is_looked_at_again_later_each_time(phase: str, waits: list[float]) -> None:
    pace = Pace(2400)
    assert [pace.wait_s(KEY, phase, changed=number == 0) for number in range(7)] == waits
    assert pace.wait_s(OTHER, phase, changed=False) == 10, "one stack's patience is not another's"


def test_news_make_it_soon_again() -> None:
    pace = Pace(2400)
    for _ in range(5):
        pace.wait_s(KEY, "Degraded", changed=False)
    assert pace.wait_s(KEY, "Degraded", changed=True) == 10
    pace.wait_s(KEY, "Ready", changed=True)
    assert pace.wait_s(KEY, "Degraded", changed=False) == 10
