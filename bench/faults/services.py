"""Services killed, cut off, slowed and reset beside a real run."""

from __future__ import annotations

import random
import secrets
import time
from collections.abc import Callable, Iterator

from bench.faults.outcome import Outcome
from bench.faults.place import Place
from bench.faults.runs import Fault, Runs
from bench.proxy import Proxy
from bench.servers import Server
from resources.lake import S3Lake

OUTAGE_S = (0.2, 4.0)
SLOW_S = 0.2
RESET_SHARE = 0.02

Faults = Iterator[Outcome]


class Stage:
    """A docker deployment in a place: each round has a bucket of its own; one service may stand behind a proxy."""

    def __init__(self, place: Place) -> None:
        self.place = place
        self.runs = Runs(place.folder / "home")
        self.runs.data.mkdir(exist_ok=True)
        lake = self.lake()
        self.runs.learn(lake, self.environment(lake))

    def lake(self) -> S3Lake:
        """An empty lake."""
        return self.place.bucket(self.place.minio)

    def environment(self, lake: S3Lake, *, minio: int | None = None, redis: int | None = None) -> dict[str, str]:
        """Settings of the deployment; a port given is that of a proxy in front of the service."""
        return {
            "DATAALCHEMY_DEPLOYMENT": "docker",
            "DATAALCHEMY_LAKE": lake.root,
            "DATAALCHEMY_S3_ENDPOINT": f"http://127.0.0.1:{minio or self.place.minio.port}",
            "DATAALCHEMY_KV": f"redis://127.0.0.1:{redis or self.place.redis.port}/0",
        }


def killed(server: Server, draw: random.Random) -> Callable[[], None]:
    """kill -9, an outage of a random length, and the server is there again on the same port and folder."""

    def strike() -> None:
        server.kill()
        time.sleep(draw.uniform(*OUTAGE_S))
        server.start()

    return strike


def minio_killed(place: Place, rounds: int, draw: random.Random) -> Faults:
    """MinIO killed and started again at a random moment of a run."""
    stage, outcome = Stage(place), Outcome("minio-killed", "minio")
    for _ in range(rounds):
        lake = stage.lake()
        fault = Fault(killed(place.minio, draw), names=(f"127.0.0.1:{place.minio.port}", "doctor"))
        stage.runs.disturb(lake, stage.environment(lake), fault, outcome, draw)
    yield outcome


def cut(proxy: Proxy, draw: random.Random) -> Fault:
    """The network gone for a while: connections end with a reset, new ones are refused."""

    def strike() -> None:
        proxy.cut()
        time.sleep(draw.uniform(*OUTAGE_S))
        proxy.mend()

    return Fault(strike)


def slow(proxy: Proxy, draw: random.Random) -> Fault:
    """200 ms for each round trip, all through the run."""

    def strike() -> None:
        proxy.delay_s = SLOW_S

    return Fault(strike, early=True)


def reset(proxy: Proxy, draw: random.Random) -> Fault:
    """Connections reset at random, all through the run."""

    def strike() -> None:
        proxy.draw = random.Random(draw.getrandbits(64))
        proxy.reset_share = RESET_SHARE

    return Fault(strike, early=True)


NETWORK = {"cut": cut, "slow": slow, "reset": reset}


def network(place: Place, service: str, way: str, rounds: int, draw: random.Random) -> Outcome:
    """The network between a run and one service: cut, slowed to 200 ms, or reset at random."""
    stage, outcome = Stage(place), Outcome(f"{service}-{way}", service)
    for _ in range(rounds):
        lake = stage.lake()
        with Proxy(getattr(place, service).port) as proxy:
            fault = NETWORK[way](proxy, draw)
            fault.mend, fault.touched = proxy.mend, lambda proxy=proxy: proxy.hits > 0
            fault.names = (f"127.0.0.1:{proxy.port}", "doctor")
            stage.runs.disturb(lake, stage.environment(lake, **{service: proxy.port}), fault, outcome, draw)
            outcome.more["touched"] = outcome.more.get("touched", 0) + proxy.hits
    return outcome
