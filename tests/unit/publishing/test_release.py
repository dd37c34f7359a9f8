"""Pointers that move forward, back, and for one writer at a time."""

from __future__ import annotations

from pathlib import Path

import pytest

from dataalchemy_pipelines.publishing.gate import Interval, Verdict
from dataalchemy_pipelines.publishing.release import (
    Champion,
    NotReleased,
    advance,
    champion,
    current,
    release,
    rollback,
)
from resources.errors import Conflict, NotFound
from resources.lake import LocalLake

GOOD = Verdict(True, "It helped.", Interval(0.5, 0.4, 0.6, 40), 0.0, (), ())
BAD = Verdict(False, "It did not help.", Interval(0.0, -0.1, 0.1, 40), 0.0, ("no_gain",), ())
FIRST, SECOND = Champion("a" * 64, "e1", "t1"), Champion("b" * 64, "e2", "t2")


@pytest.fixture
def lake(tmp_path: Path) -> LocalLake:
    return LocalLake(root=str(tmp_path))


def test_a_pointer_that_never_moved_is_none(lake: LocalLake) -> None:
    assert current(lake, "index") is None
    assert champion(lake) is None


def test_an_advance_that_expected_something_else_loses(lake: LocalLake) -> None:
    assert advance(lake, "index", {"chunks": "1"}, expected=0).number == 1
    with pytest.raises(Conflict):
        advance(lake, "index", {"chunks": "other"}, expected=0)
    with pytest.raises(Conflict):
        advance(lake, "index", {"chunks": "gap"}, expected=5)
    newest = current(lake, "index")
    assert newest is not None and newest.value == {"chunks": "1"}


def test_rollback_goes_back_step_by_step_and_not_forth(lake: LocalLake) -> None:
    for number in range(3):
        advance(lake, "index", {"n": number}, expected=number)
    assert rollback(lake, "index").value == {"n": 1}
    assert rollback(lake, "index").value == {"n": 0}
    with pytest.raises(NotFound):
        rollback(lake, "index")
    assert advance(lake, "index", {"n": 9}, expected=5).previous == 5
    assert rollback(lake, "index").value == {"n": 0}


def test_ten_moves_keep_their_order(lake: LocalLake) -> None:
    for number in range(11):
        advance(lake, "index", {"n": number}, expected=number)
    newest = current(lake, "index")
    assert newest is not None and (newest.number, newest.value) == (11, {"n": 10})
    assert "pointers/index/000000000011.json" in list(lake.listing("pointers/index/"))


def test_only_a_released_verdict_moves_the_champion(lake: LocalLake) -> None:
    with pytest.raises(NotReleased, match="It did not help"):
        release(lake, BAD, FIRST)
    assert champion(lake) is None
    release(lake, GOOD, FIRST)
    with pytest.raises(NotReleased):
        release(lake, BAD, SECOND)
    assert champion(lake) == FIRST


def test_releasing_the_champion_again_changes_nothing_and_rollback_restores_the_one_before(lake: LocalLake) -> None:
    release(lake, GOOD, FIRST)
    assert release(lake, GOOD, FIRST).number == 1
    release(lake, GOOD, SECOND)
    assert champion(lake) == SECOND
    rollback(lake, "champion")
    assert champion(lake) == FIRST
