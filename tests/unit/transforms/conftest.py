"""Hostile texts, and how much longer one takes that is four times as long."""

from __future__ import annotations

import time
from collections.abc import Callable

import pytest


def _growth(work: Callable[[str], object], piece: str, chars: int = 60_000) -> float:
    """CPU seconds for 4 n characters over those for n, the least of three tries; 4 is linear, 16 is quadratic.

    A floor of 10 ms under both keeps the fixed cost of a call and the clock out of the ratio.
    """
    spans = [_least_s(work, piece * (chars * times // len(piece))) for times in (1, 4)]
    return spans[1] / spans[0]


def _least_s(work: Callable[[str], object], text: str) -> float:
    tries = []
    for _ in range(3):
        start = time.process_time()
        work(text)
        tries.append(time.process_time() - start)
    return max(min(tries), 0.01)


HOSTILE = (
    "a", "@", "a@", "1-", "1", "1 ", "a1", "key=", "password: ", "secret:'", "://a:", "0:", "::", "1.1.1.1", "+1 ", "(",
    " tel ", "tel 1", "4111 ", "DE89 ", "a.b@c.", "eyJaaaaaaaaaaaaaa.", "sk-aaaaaaaaaaaaaaaaaaaaaaaaa ",
    "-----BEGIN PRIVATE KEY-----\n", "'a' == ", " ", "\n", " \n", "# ", "| a ", "- ", "```\n", "a. ", "é", "中",
    "\u200d", "= a ", "# #", "version | 1.1.1.1 ", '"firmware": "', "a/1.1.1.1 ", "bearer ", "-u a:",
    "password|", "password is ", "a%40", "| password |\n|---|\n", "| password |\n",
)  # fmt: skip
"""Pieces whose repetition makes careless patterns quadratic."""


@pytest.fixture(params=HOSTILE)
def hostile(request: pytest.FixtureRequest) -> str:
    """Each hostile piece in turn."""
    return str(request.param)


@pytest.fixture
def growth() -> Callable[[Callable[[str], object], str], float]:
    """Measures the growth of the work on a text made of repetitions of a piece."""
    return _growth
