"""What does the operator cost, and how fast is it, with many stacks? python -m bench.reconcile --stacks 20

On the cluster that KUBECONFIG names, or the one of scripts/test-cluster; the nodes are played, everything else is real.
The operator runs as it is shipped: with requirements/operator.txt alone, and the rights of install.yaml.

``calls_per_stack_minute`` is what is seen in the minutes of rest, and beside it what comes too seldom to be seen: the
calls of one reconcile by the resync's time, the watches by the time after which each is begun anew, and the look at the
Secret.
"""

from __future__ import annotations

import argparse
import json
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

from bench.cluster.api import Api, until
from bench.cluster.gate import steady
from bench.cluster.kubelet import plain_node
from bench.cluster.world import Setting, World, world_of
from k8s.controller.apply import CHILDREN
from k8s.controller.settings import SECRET_S, WATCH_S, Settings

NAMESPACES, READY_S, HEAL_S = 5, 600.0, 60.0
HEALED = sorted(CHILDREN.keys() - {"Ingress", "Job"})
"""What a stack without an ingress and at rest has."""


def measure(api: Api, stacks: int, folder: Path, *, rest_s: float) -> dict[str, Any]:
    """Start so many stacks, wait, rest, break one thing of each kind."""
    with world_of(api, folder, Setting(NAMESPACES, nodes=[plain_node()])) as world:
        placed = [(f"stack-{number}", world.namespaces[number % NAMESPACES]) for number in range(stacks)]
        began = time.monotonic()
        for number, (name, place) in enumerate(placed):
            world.stack(name, place, serviceType="ClusterIP", storage={"dataPath": f"/data/{number}"})
        for name, place in placed:
            world.settled(name, place, within_s=READY_S)
        ready_s = time.monotonic() - began
        until(lambda: not steady(world.gate, 12), 180, "it never falls silent")
        seen = steady(world.gate, rest_s)
        one_reconcile = _calls_of_one(world, *placed[0])
        watches = len({call.path for call in world.gate.calls if call.path.endswith("?watch")})
        seldom = one_reconcile / (Settings().resync_s / 60) + watches / (WATCH_S / 60) / stacks + 60 / SECRET_S
        healed = {kind: _heal(world, kind, *placed[0]) for kind in HEALED}
        return {
            "stacks": stacks,
            "namespaces": NAMESPACES,
            "memory_mb": round(world.operator.memory_mb(), 1),
            "calls_per_stack_minute": round(len(seen) / stacks / (rest_s / 60) + seldom, 2),
            "calls_seen_at_rest": len(seen),
            "calls_of_one_reconcile": one_reconcile,
            "watches": watches,
            "seconds_to_ready": round(ready_s, 1),
            "seconds_to_heal": healed,
        }


def _calls_of_one(world: World, name: str, place: str) -> int:
    """Requests of a reconcile that finds nothing to do."""
    began = time.monotonic()
    world.api.merge("ConfigMap", f"{name}-environment", place, {"metadata": {"annotations": {"somebody": "was here"}}})
    time.sleep(6)
    return len([call for call in world.gate.since(began) if not call.path.endswith("?watch")])


def _heal(world: World, kind: str, name: str, place: str) -> float:
    """Seconds from a deletion until the same thing is there anew."""
    names = sorted(found for which, found in world.children(name, place) if which == kind)
    one = world.api.get(kind, names[0], place)
    assert one is not None
    began = time.monotonic()
    world.api.delete(kind, names[0], place, propagationPolicy="Background")
    if kind == "PersistentVolumeClaim":  # one in use waits for its pod, and no new pod gets one that waits
        world.api.delete("Pod", f"{name}-minio-0", place)

    def back() -> bool:
        found = world.api.get(kind, names[0], place)
        return found is not None and found["metadata"]["uid"] != one["metadata"]["uid"]

    until(back, HEAL_S, world.operator.said)
    seconds = time.monotonic() - began
    world.settled(name, place, within_s=HEAL_S)
    return round(seconds, 1)


def main() -> None:
    """Print one JSON line."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--stacks", type=int, default=20)
    parser.add_argument("--rest", type=float, default=120, metavar="S", help="seconds in which requests are counted")
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="reconcile-") as name:
        found = measure(Api(), arguments.stacks, Path(name), rest_s=arguments.rest)
    sys.stdout.write(json.dumps(found) + "\n")


if __name__ == "__main__":
    main()
