"""Every fault of `bench/faults`, once: it hits, nothing is lost or doubled, and the next run ends as without it.

The counts of a writer killed, a disk cut and replies lost are in tests/contracts/test_lake_faults.py; the whole
schedule is `python -m bench.faults`.
"""

from __future__ import annotations

import os
import random
from collections.abc import Iterator
from pathlib import Path

import pytest

from bench.faults.place import Place
from bench.faults.schedule import FAULTS
from resources.errors import Missing
from resources.settings import SECRET_VARIABLES

SOURCE = Path(__file__).parents[2] / "samples" / "handbook"
ELSEWHERE = {"writer-killed", "power-cut", "reply-lost"}
NEEDS_ROOT = {"disk-full"}
DRAWS = 3
"""A moment after the run's last call to the server hits nothing and proves nothing: then another is drawn."""

pytestmark = [pytest.mark.services, pytest.mark.system]


@pytest.fixture(scope="module")
def place() -> Iterator[Place]:
    """Servers of this module's own, and the environment as it was when it ends."""
    with pytest.MonkeyPatch.context() as patch:
        for name in SECRET_VARIABLES:
            patch.setenv(name, "")
        with Place(SOURCE) as place:
            yield place


@pytest.mark.parametrize("name", sorted(FAULTS.keys() - ELSEWHERE))
def test_the_fault_hits_and_the_next_run_ends_as_without_it(place: Place, name: str) -> None:
    try:
        for number in range(DRAWS):
            outcomes = list(FAULTS[name](place, 1, random.Random(f"{number} {name}")))
            if all(outcome.hit for outcome in outcomes):
                break
    except Missing as error:
        if os.environ.get("CI") == "true" and name not in NEEDS_ROOT:
            pytest.fail(str(error))
        pytest.skip(str(error))
    for outcome in outcomes:
        assert outcome.hit == outcome.rounds == 1, outcome.line()
        assert outcome.sound, outcome.line()
