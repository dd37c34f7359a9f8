"""The k3d example from nothing to rest, and every change of it that a cluster doesn't take in place."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

import pytest

from bench.cluster.api import Api, until
from bench.cluster.gate import WRITES, steady
from bench.cluster.world import World, example
from k8s.controller.spec import KIND

pytestmark = pytest.mark.cluster

REST_S = 60
FIXED = {"s3": 30000, "console": 30001, "redis": 30002, "dagster": 30003}


@pytest.fixture(scope="module")
def demo(world: World) -> World:
    """The k3d example as stack `demo`, Ready."""
    world.stack("demo", **example("stack-instance-k3d"))
    world.settled("demo", within_s=120)
    return world


def ports(world: World, part: str) -> dict[str, int | None]:
    found = world.api.get("Service", f"demo-{part}", world.namespaces[0])
    return {one["name"]: one.get("nodePort") for one in found["spec"]["ports"]} if found else {}


def test_it_is_ready_with_every_component_and_says_where(demo: World) -> None:
    status = demo.status("demo")
    conditions = {one["type"]: one["status"] for one in status["conditions"]}
    assert conditions.pop("Progressing") == conditions.pop("Degraded") == "False"
    assert set(conditions.values()) == {"True"}, status["conditions"]
    assert status["platform"] == "k3d" and status["storage"] == "/data"
    assert status["endpoints"]["dagster"] == "http://127.0.0.1:3000"
    assert status["endpoints"]["s3"] == "http://127.0.0.1:9000"


def test_the_fixed_ports_are_k3ds(demo: World) -> None:
    found = ports(demo, "minio-ext") | ports(demo, "redis-ext") | ports(demo, "webserver-ext")
    assert found == FIXED


def test_what_is_inside_is_inside_and_passwords_are_made(demo: World) -> None:
    for part in ("minio", "redis", "postgres", "code", "webserver"):
        found = demo.api.get("Service", f"demo-{part}", demo.namespaces[0])
        assert found is not None and found["spec"]["type"] == "ClusterIP", part
    secret = demo.api.get("Secret", "dataalchemy-secret", demo.namespaces[0])
    assert secret is not None and len(secret["data"]) == 4


def test_it_rests(demo: World) -> None:
    """For a minute no object is written, and the API is hardly asked."""
    until(lambda: steady(demo.gate, 8) == [], 60, "it never falls silent")
    before = {ref: one["metadata"]["resourceVersion"] for ref, one in demo.children("demo").items()}
    calls = steady(demo.gate, REST_S)
    assert [call.what for call in calls if call.method in WRITES] == []
    assert len(calls) <= 1 * REST_S / 60, [call.what for call in calls]
    after = {ref: one["metadata"]["resourceVersion"] for ref, one in demo.children("demo").items()}
    quiet = {ref for ref in before if ref[0] != "Lease"}
    assert {ref: before[ref] for ref in quiet} == {ref: after.get(ref) for ref in quiet}


@pytest.mark.parametrize("kind", ["LoadBalancer", "ClusterIP", "NodePort", "ClusterIP", "LoadBalancer", "NodePort"])
def test_the_service_type_changes(kind: str, demo: World) -> None:
    demo.stack("demo", **example("stack-instance-k3d") | {"serviceType": kind})
    demo.settled("demo")
    found = {part: demo.api.get("Service", f"demo-{part}-ext", demo.namespaces[0]) for part in ("minio", "redis")}
    if kind == "ClusterIP":
        assert set(found.values()) == {None}
    else:
        assert {one["spec"]["type"] for one in found.values() if one} == {kind}
    if kind == "NodePort":
        test_the_fixed_ports_are_k3ds(demo)
    pages = demo.api.get("Service", "demo-webserver-ext", demo.namespaces[0])
    assert (pages is not None) == (kind == "NodePort"), "Dagster has no login: never on a load balancer"
    assert demo.condition("demo", "Reachable")["status"] == ("False" if kind == "LoadBalancer" else "True")


def test_a_request_runs_once_for_each_value(demo: World) -> None:
    place = demo.namespaces[0]

    def ask(value: str) -> None:
        demo.api.merge(KIND, "demo", place, {"metadata": {"annotations": {"dataalchemy.io/request-ingest": value}}})
        until(lambda: demo.status("demo").get("ingestRequest") == value, 30, demo.operator.said)

    def runs() -> list[str]:
        return [name for name in demo.kubelet.runs if name.startswith("demo-ingest-")]

    ask("monday")
    until(lambda: len(runs()) == 1, 30, "it was not run")
    (job,) = [one for one in demo.api.list("Job", place) if "-ingest-" in one["metadata"]["name"]]
    demo.api.delete("Job", job["metadata"]["name"], place, propagationPolicy="Background")
    time.sleep(5)
    assert len(runs()) == 1, "a finished run whose object is gone is not done again"
    ask("tuesday")
    until(lambda: len(runs()) == 2, 30, "a new value is a new run")


def test_a_folder_claims_size_means_nothing_and_its_volume_stays(demo: World) -> None:
    spec = example("stack-instance-k3d")
    demo.stack("demo", **spec | {"storage": {**spec["storage"], "size": "30Gi", "dataPath": "/elsewhere"}})
    demo.because("demo", "DataPathMove", kind="AsAsked")
    volume = demo.api.get("PersistentVolume", f"{demo.namespaces[0]}.demo-minio-data")
    assert volume is not None and volume["spec"]["hostPath"]["path"] == "/data/minio_data"
    assert demo.status("demo")["phase"] == "Ready"
    demo.stack("demo", **spec)
    demo.because("demo", "Done", kind="AsAsked")


def claim(api: Api, world: World, name: str) -> dict[str, Any]:
    found = api.get("PersistentVolumeClaim", name, world.namespaces[0])
    assert found is not None
    return found["spec"]


def test_a_claim_grows_as_far_as_the_class_lets_it(demo: World, storage_class: Callable[..., str]) -> None:
    name = storage_class()
    spec = {"serviceType": "ClusterIP", "dagster": {"enabled": False}}
    demo.stack("grow", **spec, storage={"storageClassName": name, "size": "1Gi"})
    demo.settled("grow")
    demo.stack("grow", **spec, storage={"storageClassName": name, "size": "2Gi"})
    until(lambda: claim(demo.api, demo, "grow-minio-data")["resources"]["requests"]["storage"] == "2Gi", 30)
    demo.settled("grow")
    demo.stack("grow", **spec, storage={"storageClassName": name, "size": "1Gi"})
    assert "can't shrink" in demo.because("grow", "StorageShrink", kind="AsAsked")["message"]
    assert claim(demo.api, demo, "grow-minio-data")["resources"]["requests"]["storage"] == "2Gi"
    demo.stack("grow", **spec, storage={"storageClassName": "another", "size": "2Gi"})
    assert "can't move" in demo.because("grow", "StorageMove", kind="AsAsked")["message"]
    assert claim(demo.api, demo, "grow-minio-data")["storageClassName"] == name
    assert demo.status("grow")["phase"] == "Ready"


def test_a_class_that_lets_nothing_grow_is_named(demo: World, storage_class: Callable[..., str]) -> None:
    name = storage_class("dataalchemy-fixed", grows=False)
    spec = {"serviceType": "ClusterIP", "dagster": {"enabled": False}}
    demo.stack("fixed", **spec, storage={"storageClassName": name, "size": "1Gi"})
    demo.settled("fixed")
    demo.stack("fixed", **spec, storage={"storageClassName": name, "size": "2Gi"})
    demo.because("fixed", "VolumeCannotGrow")
    demo.stack("fixed", **spec, storage={"storageClassName": name, "size": "1Gi"})
    demo.settled("fixed")


def test_paused_is_left_alone(demo: World) -> None:
    spec = example("stack-instance-k3d")
    demo.stack("demo", **spec | {"paused": True})
    demo.settled("demo", phase="Paused")
    demo.api.delete("Service", "demo-minio-ext", demo.namespaces[0])
    time.sleep(5)
    assert demo.api.get("Service", "demo-minio-ext", demo.namespaces[0]) is None
    demo.stack("demo", **spec | {"paused": False})
    demo.settled("demo")
    assert demo.api.get("Service", "demo-minio-ext", demo.namespaces[0]) is not None


def test_nothing_went_wrong_unseen(demo: World) -> None:
    assert demo.operator.errors() == []
    assert demo.gate.denied() == []
