"""The faults by name; each takes a place, the rounds and a seeded draw, and gives one outcome a store."""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator

from bench.faults.causes import clock_moved, credentials_revoked, disk_full, redis_flushed, two_at_once
from bench.faults.leases import lease_lost
from bench.faults.outcome import Outcome
from bench.faults.place import Place
from bench.faults.replies import lose_replies
from bench.faults.services import NETWORK, network, restarted
from bench.faults.writers import cut_power, kill_writers

Fault = Callable[[Place, int, random.Random], Iterator[Outcome]]
SERVICES = ("minio", "redis", "postgres")


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


def _restarted(service: str) -> Fault:
    def fault(place: Place, rounds: int, draw: random.Random) -> Iterator[Outcome]:
        yield restarted(place, service, rounds, draw)

    return fault


def _network(service: str, way: str) -> Fault:
    def fault(place: Place, rounds: int, draw: random.Random) -> Iterator[Outcome]:
        yield network(place, service, way, rounds, draw)

    return fault


FAULTS: dict[str, Fault] = {
    "writer-killed": writer_killed,
    "power-cut": power_cut,
    "reply-lost": reply_lost,
    **{f"{service}-killed": _restarted(service) for service in SERVICES},
    **{f"{service}-{way}": _network(service, way) for service in SERVICES for way in NETWORK},
    "redis-flushed": redis_flushed,
    "lease-lost": lease_lost,
    "disk-full": disk_full,
    "credentials-revoked": credentials_revoked,
    "clock-moved": clock_moved,
    "two-at-once": two_at_once,
}
