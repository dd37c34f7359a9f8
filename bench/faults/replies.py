"""Replies that the store lost after it had done the write: dropped, reset, or answered 503."""

from __future__ import annotations

import itertools
import random
from collections import Counter

from bench.faults.outcome import Outcome
from bench.faults.writer import CURSOR, SPEC, rows
from bench.proxy import DROPPED, RESET, UNAVAILABLE, ReplyLoser
from bench.servers import S3Server
from resources.contracts import Change
from resources.lake import S3Lake

WAYS = (DROPPED, RESET, UNAVAILABLE)


def lose_replies(server: S3Server, lake: S3Lake, outcome: Outcome, *, rounds: int, draw: random.Random) -> None:
    """Commits and creates by turns, each through a proxy that loses the first reply to its deciding PUT."""
    ways = itertools.cycle(draw.sample(WAYS, len(WAYS)))
    committed = 0

    def lose(line: bytes) -> str | None:
        return next(ways) if b"/_delta_log/0" in line or b"/pointers/" in line else None

    with ReplyLoser(server.port, lose=lose) as proxy:
        through = S3Lake(root=lake.root, endpoint=proxy.endpoint)
        for number in range(1, rounds + 1):
            before = proxy.hits
            if number % 2:
                committed += 1
                base = through.snapshot(SPEC)
                version = through.commit(base, Change(rows=rows(f"row-{committed}")), cursors={CURSOR: committed})
                right = lake.snapshot(SPEC).version == version
            else:
                won = through.create(f"pointers/p/{number}", b"ours %d" % draw.getrandbits(64))
                right = won and not lake.create(f"pointers/p/{number}", b"another's")
                outcome.lost += not won
            outcome.rounds += 1
            outcome.acknowledged += 1
            outcome.hit += proxy.hits > before
            outcome.reopened += right and lake.read_log(SPEC) > 0
        outcome.more["ways"] = dict(Counter(proxy.lost.values()))
    snapshot = lake.snapshot(SPEC)
    expected = [f"row-{number}" for number in range(1, committed + 1)]
    outcome.count_rows(snapshot.read(["doc_id"])["doc_id"].to_pylist(), expected)
