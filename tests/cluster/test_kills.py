"""The operator killed right after each of its writes: the end is the same each time, and no claim is lost."""

from __future__ import annotations

import threading
from typing import Any

import pytest

from bench.cluster.api import Manifest, until
from bench.cluster.gate import Call
from bench.cluster.kubelet import plain_node
from bench.cluster.world import Setting, World, example

pytestmark = pytest.mark.cluster

SETTING = Setting(nodes=[plain_node()], variables={"K3D_CLUSTER": "true"})
LONGEST = 120
"""More kills than a stack has writes."""


def shape(world: World, name: str) -> dict[tuple[str, str], Any]:
    """What the operator decides about each object, without what belongs to one making of it."""

    def bare(one: Manifest) -> Any:
        meta = one["metadata"]
        kept = {key: value for key, value in meta.get("annotations", {}).items() if key.endswith("/content")}
        return (meta["labels"], sorted(kept), one.get("spec", {}).get("template", {}).get("spec"))

    return {ref: bare(one) for ref, one in world.children(name).items()}


def test_killed_at_every_write_it_ends_the_same(world: World) -> None:
    spec = example("stack-instance-k3d")
    world.stack("demo", **spec)
    world.settled("demo", within_s=120)
    expected = shape(world, "demo")
    world.remove("demo")
    for kind, name in expected:
        place = "" if kind == "PersistentVolume" else world.namespaces[0]
        until(lambda k=kind, n=name, p=place: world.api.delete(k, n, p) or world.api.get(k, n, p) is None, 60)
    claims: dict[str, str] = {}
    hit = threading.Event()

    def kill(call: Call) -> None:
        if not hit.is_set() and "/events" not in call.path:
            hit.set()
            world.operator.kill()

    kills = 0
    world.gate.written = kill
    world.stack("demo", **spec)
    while kills < LONGEST:
        done = until(lambda: hit.is_set() or rests(world), 90, world.operator.said)
        for one in world.api.list("PersistentVolumeClaim", world.namespaces[0]):
            meta = one["metadata"]
            assert claims.setdefault(meta["name"], meta["uid"]) == meta["uid"], "a claim was deleted"
        if not hit.is_set() and done:
            break
        kills += 1
        hit.clear()
        world.operator.start(wait=False)
    world.gate.written = lambda call: None
    world.settled("demo", within_s=60)
    assert 30 < kills < LONGEST
    assert shape(world, "demo") == expected
    assert len(claims) == 3
    assert world.kubelet.runs.count(next(name for kind, name in expected if kind == "Job")) <= 2


def rests(world: World) -> bool:
    """Whether it is Ready, and no write has come for a while."""
    if world.status("demo").get("phase") != "Ready":
        return False
    try:
        until(lambda: world.status("demo").get("phase") != "Ready", 5)
    except AssertionError:
        return True
    return False
