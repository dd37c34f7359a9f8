"""Each kind of child deleted, and changed by somebody: back within half a minute, and nothing restarted for it."""

from __future__ import annotations

import time
from typing import Any

import pytest

from bench.cluster.api import Manifest, until
from bench.cluster.world import World, example
from k8s.controller.apply import CHILDREN

pytestmark = pytest.mark.cluster

HEALS_S = 30
KINDS = sorted(CHILDREN)
DRIFTS: dict[str, tuple[str, Any]] = {
    "ConfigMap": ("demo-environment", {"data": {"DATAALCHEMY_KV": "redis://elsewhere:6379/0"}}),
    "Deployment": ("demo-webserver", {"spec": {"replicas": 0}}),
    "Ingress": ("demo-webserver", {"spec": {"ingressClassName": "another"}}),
    "NetworkPolicy": ("demo-lake", {"spec": {"ingress": [{}]}}),
    "Role": ("demo-runs", {"rules": [{"apiGroups": [""], "resources": ["pods"], "verbs": ["get"]}]}),
    "RoleBinding": ("demo-runs", {"subjects": []}),
    "Service": ("demo-minio", {"spec": {"selector": {"app.kubernetes.io/name": "nobody"}}}),
    "ServiceAccount": ("demo-runs", {"automountServiceAccountToken": True}),
    "StatefulSet": ("demo-minio", {"spec": {"template": {"spec": {"terminationGracePeriodSeconds": 1}}}}),
    "PersistentVolumeClaim": ("demo-minio-data", {"metadata": {"labels": {"dataalchemy.io/part": "else"}}}),
    "PersistentVolume": ("demo-minio-data", {"spec": {"persistentVolumeReclaimPolicy": "Delete"}}),
}


@pytest.fixture(scope="module")
def demo(world: World) -> World:
    """Everything that a stack can have, an Ingress too."""
    ingress = {"host": "dagster.example.com", "basicAuthSecret": "users", "className": "nginx"}
    world.stack("demo", **example("stack-instance-k3d") | {"ingress": ingress})
    world.settled("demo", within_s=120)
    return world


def of_kind(world: World, kind: str) -> list[Manifest]:
    return [one for (found, _), one in sorted(world.children("demo").items()) if found == kind]


@pytest.mark.parametrize("kind", KINDS)
def test_a_deleted_one_is_back(kind: str, demo: World) -> None:
    one = of_kind(demo, kind)[0]
    name, uid, place = one["metadata"]["name"], one["metadata"]["uid"], demo.namespaces[0]
    demo.api.delete(kind, name, place, propagationPolicy="Background")
    if kind == "PersistentVolumeClaim":
        demo.api.delete("Pod", "demo-minio-0", place)  # a claim in use only waits; no new pod gets one that does

    def back() -> bool:
        found = demo.api.get(kind, name, place)
        return found is not None and found["metadata"]["uid"] != uid

    until(back, HEALS_S, demo.operator.said)
    demo.settled("demo")


def test_a_claim_whose_folder_is_kept_gets_it_again(demo: World) -> None:
    """After the test before, its volume would wait for somebody to free it."""
    place = demo.namespaces[0]

    def bound() -> bool:
        claims = of_kind(demo, "PersistentVolumeClaim")
        return bool(claims) and all(one["status"].get("phase") == "Bound" for one in claims)

    until(bound, HEALS_S, demo.operator.said)
    volume = demo.api.get("PersistentVolume", f"{place}.demo-minio-data")
    assert volume is not None and volume["spec"]["hostPath"]["path"] == "/data/minio_data"


@pytest.mark.parametrize("kind", DRIFTS)
def test_a_changed_one_is_put_right(kind: str, demo: World) -> None:
    name, change = DRIFTS[kind]
    place = "" if kind == "PersistentVolume" else demo.namespaces[0]
    name = f"{demo.namespaces[0]}.{name}" if kind == "PersistentVolume" else name
    ours = demo.api.get(kind, name, place)
    assert ours is not None
    demo.api.merge(kind, name, place, change)

    def right() -> bool:
        found = demo.api.get(kind, name, place)
        return (
            found is not None
            and all(found.get(part) == ours.get(part) for part in ("spec", "data", "rules", "subjects"))
            and found["metadata"]["labels"] == ours["metadata"]["labels"]
            and found.get("automountServiceAccountToken") == ours.get("automountServiceAccountToken")
        )

    until(right, HEALS_S, lambda: f"{demo.api.get(kind, name, place)}\n{demo.operator.said()}")
    demo.settled("demo")


def test_what_was_put_right_restarted_no_other_server(demo: World) -> None:
    place = demo.namespaces[0]
    until(lambda: len(demo.api.list("Pod", place)) >= 6, 30)
    before = {one["metadata"]["uid"] for one in demo.api.list("Pod", place)}
    demo.api.delete("Service", "demo-redis", place)
    demo.api.merge("ConfigMap", "demo-dagster", place, {"data": {"workspace.yaml": ""}})
    until(lambda: demo.api.get("Service", "demo-redis", place), HEALS_S)
    time.sleep(3)
    assert before <= {one["metadata"]["uid"] for one in demo.api.list("Pod", place)}


def test_a_pod_that_is_deleted_comes_back_by_its_set(demo: World) -> None:
    place = demo.namespaces[0]
    demo.api.delete("Pod", "demo-redis-0", place)
    until(lambda: (demo.api.get("Pod", "demo-redis-0", place) or {}).get("status", {}).get("phase") == "Running", 30)
    demo.settled("demo")


def test_nothing_went_wrong_unseen(demo: World) -> None:
    assert demo.operator.errors() == []
    assert demo.gate.denied() == []
