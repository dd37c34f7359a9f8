"""What else happens to a run: Redis flushed, the store's disk full, credentials revoked, the clock moved, a twin."""

from __future__ import annotations

import random
import secrets
import threading
from collections.abc import Iterator
from pathlib import Path

from bench.faults.clock import Clock
from bench.faults.disk import make_disk, mounted
from bench.faults.outcome import Outcome
from bench.faults.place import Place
from bench.faults.runs import Ended, Fault, Runs
from bench.faults.services import environment, learnt
from bench.servers import MinioServer
from resources.lake import S3Lake

DISK_BYTES = 192 * 2**20
LEFT_BYTES = 64 * 2**10
HOUR_S = 3600


def redis_flushed(place: Place, rounds: int, draw: random.Random) -> Iterator[Outcome]:
    """Redis emptied at a random moment of a run that has written its progress there."""
    import redis

    runs, outcome = learnt(place), Outcome("redis-flushed", "redis")
    for _ in range(rounds):
        lake = place.bucket(place.minio)
        flushed: list[int] = []

        def strike(flushed: list[int] = flushed) -> None:
            with redis.Redis.from_url(place.redis.url, password=place.redis.password) as client:
                flushed.append(client.dbsize())
                client.flushall()

        fault = Fault(strike, touched=lambda flushed=flushed: any(flushed))
        runs.disturb(lake, environment(place, lake), fault, outcome, draw)
        outcome.more["keys_flushed"] = outcome.more.get("keys_flushed", 0) + sum(flushed)
    yield outcome


def disk_full(place: Place, rounds: int, draw: random.Random) -> Iterator[Outcome]:
    """The disk of the S3 server full at a random moment of a run, and emptied before the next. Needs root."""
    runs, outcome = learnt(place), Outcome("disk-full", "minio")
    image, folder = place.folder / "s3.img", place.folder / "s3-disk"
    folder.mkdir(exist_ok=True)
    make_disk(image, DISK_BYTES)
    with mounted(image, folder), MinioServer(folder / "minio") as server:
        for _ in range(rounds):
            lake = place.bucket(server)
            filler = folder / "filler"
            fault = Fault(lambda filler=filler: _fill(filler), mend=filler.unlink, touched=filler.exists)
            fault.names = (f"127.0.0.1:{server.port}", "no space left", "Make room")
            runs.disturb(lake, environment(place, lake, minio=server.port), fault, outcome, draw)
    yield outcome


def _fill(filler: Path) -> None:
    with filler.open("wb", buffering=0) as file:
        try:
            while file.write(b"\0" * LEFT_BYTES):
                pass
        except OSError:  # the disk is full, which is what was wanted
            return


def credentials_revoked(place: Place, rounds: int, draw: random.Random) -> Iterator[Outcome]:
    """The S3 user of a run removed at a random moment of it, and made again before the next."""
    from minio import MinioAdmin
    from minio.credentials import StaticProvider

    runs, outcome, root = learnt(place), Outcome("credentials-revoked", "minio"), place.minio
    provider = StaticProvider(root.access_key, root.secret_key)
    admin = MinioAdmin(endpoint=f"127.0.0.1:{root.port}", credentials=provider, secure=False)
    user, word = "worker", secrets.token_hex(16)

    def make() -> None:
        admin.user_add(user, word)
        admin.policy_set("readwrite", user=user)

    for _ in range(rounds):
        lake = place.bucket(root)
        make()
        fault = Fault(lambda: admin.user_remove(user), mend=make)
        fault.names = (f"127.0.0.1:{root.port}", "credentials refused", "doctor")
        own = {"AWS_ACCESS_KEY_ID": user, "AWS_SECRET_ACCESS_KEY": word}
        runs.disturb(lake, {**environment(place, lake), **own}, fault, outcome, draw)
    yield outcome


def clock_moved(place: Place, rounds: int, draw: random.Random) -> Iterator[Outcome]:
    """The clock of the run's processes moved by an hour, ahead or back, at a random moment; the servers' stays true.

    The S3 server refuses requests that are signed more than 15 minutes off, so the run stops and says so.
    """
    runs, outcome, clock = learnt(place), Outcome("clock-moved", "minio"), Clock(place.folder)
    for number in range(rounds):
        lake = place.bucket(place.minio)
        clock.move(0)
        fault = Fault(
            lambda number=number: clock.move(HOUR_S if number % 2 else -HOUR_S),
            mend=lambda: clock.move(0),
            touched=lambda: clock.reads > 0,
            names=(f"127.0.0.1:{place.minio.port}", "clocks differ"),
        )
        runs.disturb(lake, {**environment(place, lake), **clock.environment}, fault, outcome, draw)
    yield outcome


def two_at_once(place: Place, rounds: int, draw: random.Random) -> Iterator[Outcome]:
    """Two runs of the same job on one empty lake, the second a random moment after the first."""
    runs, outcome = learnt(place), Outcome("two-at-once", "minio")
    for _ in range(rounds):
        lake = place.bucket(place.minio)
        ended: list[Ended] = []
        fault = Fault(lambda lake=lake, ended=ended: ended.append(_twin(place, runs, lake)))
        runs.disturb(lake, environment(place, lake), fault, outcome, draw)
        outcome.more.setdefault("twins", []).extend(f"{one.code} {one.said[-200:]}".strip() for one in ended)
    yield outcome


def _twin(place: Place, runs: Runs, lake: S3Lake) -> Ended:
    """A whole run of its own, with a home of its own, as from another machine."""
    return Runs(runs.data.parent / f"home-{threading.get_ident()}", runs.source).run(environment(place, lake))
