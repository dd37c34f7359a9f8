"""The faults by name; each takes a place, the rounds and a seeded draw, and gives one outcome a store."""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator

from bench.faults.outcome import Outcome
from bench.faults.place import Place
from bench.faults.replies import lose_replies
from bench.faults.services import NETWORK, minio_killed, network
from bench.faults.writers import cut_power, kill_writers


def writer_killed(place: Place, rounds: int, draw: random.Random) -> Iterator[Outcome]:
    """kill -9 of a writer, on a directory and on MinIO."""
    for store, lake in (("directory", place.directory()), ("minio", place.bucket(place.minio))):
        outcome = Outcome("writer-killed", store)
        kill_writers(lake, outcome, rounds=rounds, draw=draw)
        yield outcome


def power_cut(place: Place, rounds: int, draw: random.Random) -> Iterator[Outcome]:
    """The power of a directory's disk cut; needs root."""
    outcome = Outcome("power-cut", "directory")
    cut_power(place.folder / "disk", outcome, rounds=rounds, draw=draw)
    yield outcome


def reply_lost(place: Place, rounds: int, draw: random.Random) -> Iterator[Outcome]:
    """Replies dropped, reset and answered 503 after the write."""
    outcome = Outcome("reply-lost", "minio")
    lose_replies(place.minio, place.bucket(place.minio), outcome, rounds=rounds, draw=draw)
    yield outcome


def _network(service: str, way: str) -> Fault:
    def fault(place: Place, rounds: int, draw: random.Random) -> Iterator[Outcome]:
        yield network(place, service, way, rounds, draw)

    return fault


Fault = Callable[[Place, int, random.Random], Iterator[Outcome]]
FAULTS: dict[str, Fault] = {
    "writer-killed": writer_killed,
    "power-cut": power_cut,
    "reply-lost": reply_lost,
    "minio-killed": minio_killed,
    **{f"minio-{way}": _network("minio", way) for way in NETWORK},
}
