"""Leases that vanish: two workers share one cursor under a lease while Redis is flushed again and again."""

from __future__ import annotations

import multiprocessing
import random
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from multiprocessing.connection import Connection, wait
from typing import cast

from bench.faults.outcome import Outcome
from bench.faults.place import Place
from bench.faults.writer import CURSOR, SPEC, rows
from resources.contracts import Change
from resources.errors import Conflict
from resources.kv import RedisKv
from resources.lake import S3Lake, open_lake
from resources.settings import child_environment, export

FENCE = "fence:shared"
LEASE_S = 30.0
LEASE = "dataalchemy:lease:shared"  # as `resources/kv.py` names it in Redis
WORKERS, LOOKS = 2, 5000
PAUSE_S, WARM_UP_S = 0.02, 3.0


def work(address: str, url: str, environment: Mapping[str, str], told: Connection) -> None:
    """Take the lease, commit the next row under its fencing token, give it back; until killed.

    A token that is behind the one in the table belongs to a holder whose lease has vanished: it commits nothing.
    """
    export(**environment)
    lake, kv = open_lake(address), RedisKv(url=url)
    owner = multiprocessing.current_process().name
    while True:
        token = kv.acquire("shared", owner=owner, ttl_s=LEASE_S)
        base = lake.snapshot(SPEC)
        if token is None or token <= base.cursor(FENCE):
            told.send("waited" if token is None else "fenced")
            time.sleep(PAUSE_S)
            continue
        number = base.cursor(CURSOR) + 1
        try:
            lake.commit(base, Change(rows=rows(f"row-{number}")), cursors={CURSOR: number, FENCE: token})
            told.send(number)
        except Conflict:
            told.send("lost the race")
        kv.release("shared", owner=owner)


@contextmanager
def _workers(place: Place, lake: S3Lake) -> Iterator[list[Connection]]:
    """The workers' pipes; the workers are killed at the end of the block."""
    forking = multiprocessing.get_context("forkserver")
    forking.set_forkserver_preload([__name__])
    pipes, processes = [], []
    for _ in range(WORKERS):
        reader, sender = forking.Pipe(duplex=False)
        arguments = (lake.address(), place.redis.url, child_environment(), sender)
        processes.append(forking.Process(target=work, args=arguments, daemon=True))
        processes[-1].start()
        sender.close()
        pipes.append(reader)
    try:
        yield pipes
    finally:
        for process in processes:
            process.kill()
            process.join()


def _heard(pipes: list[Connection], told: list[object], *, for_s: float) -> None:
    """Listen to the workers for a while."""
    until = time.monotonic() + for_s
    while (left := until - time.monotonic()) > 0:
        for pipe in wait(pipes, timeout=left):
            told.append(cast(Connection, pipe).recv())


def lease_lost(place: Place, rounds: int, draw: random.Random) -> Iterator[Outcome]:
    """Redis flushed while a worker holds the lease, so that two hold it: no row is lost or written twice."""
    import redis

    outcome, lake = Outcome("lease-lost", "redis"), place.bucket(place.minio)
    told: list[object] = []
    with redis.Redis.from_url(place.redis.url, password=place.redis.password) as client, _workers(place, lake) as pipes:
        _heard(pipes, told, for_s=WARM_UP_S)
        for _ in range(rounds):
            _heard(pipes, told, for_s=draw.uniform(0.2, 1.0))
            looks = 0
            while not (held := bool(client.exists(LEASE))) and looks < LOOKS:
                _heard(pipes, told, for_s=0.001)
                looks += 1
            outcome.rounds += 1
            outcome.hit += held
            client.flushall()
    done = [number for number in told if isinstance(number, int)]
    snapshot = lake.snapshot(SPEC)
    expected = [f"row-{number}" for number in range(1, max([snapshot.cursor(CURSOR), *done]) + 1)]
    outcome.count_rows(snapshot.read(["doc_id"])["doc_id"].to_pylist(), expected)
    outcome.acknowledged, outcome.doubled = len(done), outcome.doubled + len(done) - len(set(done))
    outcome.reopened = rounds if lake.read_log(SPEC) else 0
    outcome.more |= {word: told.count(word) for word in ("waited", "fenced", "lost the race")}
    yield outcome
