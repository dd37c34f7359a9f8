"""Services killed, cut off, slowed and reset beside a real run."""

from __future__ import annotations

import random
import time
from collections.abc import Callable

from bench.faults.outcome import Outcome
from bench.faults.place import Place
from bench.faults.runs import Fault, Runs
from bench.proxy import Proxy
from bench.servers import Server
from resources.lake import S3Lake

OUTAGE_S = (0.2, 4.0)
SLOW_S, SLOW_FOR_S = 0.2, 20.0
RESET_SHARE = 0.02
MEET_S = 30.0


def environment(place: Place, lake: S3Lake, **ports: int) -> dict[str, str]:
    """Settings of a docker deployment in the place; a port given by a service's name is that of a proxy before it."""
    minio, redis = ports.get("minio", place.minio.port), ports.get("redis", place.redis.port)
    settings = {
        "DATAALCHEMY_DEPLOYMENT": "docker",
        "DATAALCHEMY_LAKE": lake.root,
        "DATAALCHEMY_S3_ENDPOINT": f"http://127.0.0.1:{minio}",
        "DATAALCHEMY_KV": f"redis://127.0.0.1:{redis}/0",
    }
    if "postgres" in ports:
        settings["DATAALCHEMY_POSTGRES_URL"] = f"postgresql://dataalchemy@127.0.0.1:{ports['postgres']}/dagster"
    return settings


def learnt(place: Place) -> Runs:
    """The place's runs, once the undisturbed one was made."""
    if not place.runs.undisturbed:
        lake = place.bucket(place.minio)
        place.runs.learn(lake, environment(place, lake))
    return place.runs


def killed(server: Server, draw: random.Random) -> Callable[[], None]:
    """kill -9, an outage of a random length, and the server is there again on the same port and folder."""

    def strike() -> None:
        server.kill()
        time.sleep(draw.uniform(*OUTAGE_S))
        server.start()

    return strike


def restarted(place: Place, service: str, rounds: int, draw: random.Random) -> Outcome:
    """A service killed and started again at a random moment of a run."""
    runs, outcome, server = learnt(place), Outcome(f"{service}-killed", service), getattr(place, service)
    for _ in range(rounds):
        lake = place.bucket(place.minio)
        fault = Fault(killed(server, draw), names=(f"127.0.0.1:{server.port}", "doctor"))
        runs.disturb(lake, environment(place, lake, **{service: server.port}), fault, outcome, draw)
    return outcome


def cut(proxy: Proxy, draw: random.Random) -> Fault:
    """The network gone for a while: connections end with a reset, new ones are refused."""

    def strike() -> None:
        proxy.cut()
        time.sleep(draw.uniform(*OUTAGE_S))
        until = time.monotonic() + MEET_S
        while not proxy.hits and time.monotonic() < until:  # a run that says little meets a cut only now and then
            time.sleep(0.05)
        proxy.mend()

    return Fault(strike)


def slow(proxy: Proxy, draw: random.Random) -> Fault:
    """200 ms for each round trip, for the first 20 s of the run: a whole run asks PostgreSQL for six minutes of it."""

    def strike() -> None:
        proxy.delay_s = SLOW_S
        time.sleep(SLOW_FOR_S)
        proxy.mend()

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
    runs, outcome = learnt(place), Outcome(f"{service}-{way}", service)
    for _ in range(rounds):
        lake = place.bucket(place.minio)
        with Proxy(getattr(place, service).port) as proxy:
            fault = NETWORK[way](proxy, draw)
            fault.mend, fault.touched = proxy.mend, lambda proxy=proxy: proxy.hits > 0
            fault.names = (f"127.0.0.1:{proxy.port}", "doctor")
            runs.disturb(lake, environment(place, lake, **{service: proxy.port}), fault, outcome, draw)
            outcome.more["touched"] = outcome.more.get("touched", 0) + proxy.hits
    return outcome
