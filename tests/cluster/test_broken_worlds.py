"""What goes wrong around a stack: each time a condition names the cause and what to do, and once mended it is Ready."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import pytest

from bench.cluster.api import Manifest, Refused, until
from bench.cluster.kubelet import k3d_node
from bench.cluster.world import Setting, World

pytestmark = pytest.mark.cluster

SETTING = Setting(namespaces=4)
QUOTA, LIMITED, CLOSED = 1, 2, 3
"""Which namespace has a quota, a LimitRange, and lets no pod be root."""
SMALL: dict[str, Any] = {"dagster": {"enabled": False}, "serviceType": "ClusterIP"}
IMAGE = "valkey/valkey:8.1-bookworm"
MENDS_S = 90


def limits(world: World) -> list[Manifest]:
    quota = {"name": "full", "namespace": world.namespaces[QUOTA]}
    limit = {"name": "low", "namespace": world.namespaces[LIMITED]}
    return [
        {"apiVersion": "v1", "kind": "ResourceQuota", "metadata": quota, "spec": {"hard": {"pods": "1"}}},
        {
            "apiVersion": "v1",
            "kind": "LimitRange",
            "metadata": limit,
            "spec": {"limits": [{"type": "Container", "max": {"memory": "128Mi"}}]},
        },
    ]


@pytest.fixture(scope="module")
def broken(world: World) -> Iterator[World]:
    """All that need no help but to wait, started together."""
    for one in limits(world):
        world.api.apply(one)
    closed = {"metadata": {"labels": {"pod-security.kubernetes.io/enforce": "restricted"}}}
    world.api.merge("Namespace", world.namespaces[CLOSED], "", closed)
    taken = {"name": "taker", "namespace": world.namespaces[CLOSED]}
    port = {"port": 80, "nodePort": 30002}
    world.api.apply(
        {"apiVersion": "v1", "kind": "Service", "metadata": taken, "spec": {"type": "NodePort", "ports": [port]}}
    )
    world.stack("class", **SMALL, storage={"storageClassName": "no-such"})
    world.stack("default", **SMALL, storage={"mode": "pvc"})
    world.stack("secret", **SMALL, storage={"external": {"bucket": "mine"}}, credentialsSecret="their-secret")
    world.stack(
        "room",
        **SMALL,
        storage={"dataPath": "/room"},
        resources={"lake": {"requests": {"cpu": "5000"}, "limits": {"cpu": "5000"}}},
    )
    world.stack("port", **SMALL | {"serviceType": "NodePort"}, storage={"dataPath": "/port"})
    world.stack("quota", world.namespaces[QUOTA], **SMALL, storage={"dataPath": "/quota"})
    world.stack("limit", world.namespaces[LIMITED], **SMALL, storage={"dataPath": "/limit"})
    world.stack("closed", world.namespaces[CLOSED], **SMALL, storage={"dataPath": "/closed"})
    yield world


def test_a_storage_class_that_is_not_there(broken: World, storage_class: Callable[..., str]) -> None:
    assert "storageClassName" in broken.because("class", "NoStorageClass")["message"]
    broken.stack("class", **SMALL, storage={"storageClassName": storage_class()})
    broken.settled("class", within_s=MENDS_S)


def test_no_default_storage_class(broken: World, storage_class: Callable[..., str]) -> None:
    if any("is-default-class" in str(one["metadata"].get("annotations")) for one in broken.api.list("StorageClass")):
        pytest.skip("this cluster has a default class")
    assert "storageClassName" in broken.because("default", "NoStorageClass")["message"]
    broken.stack("default", **SMALL, storage={"storageClassName": storage_class()})
    broken.settled("default", within_s=MENDS_S)


def test_a_secret_that_only_a_person_can_fill(broken: World) -> None:
    found = broken.because("secret", "SecretIncomplete")
    assert "AWS_ACCESS_KEY_ID" in found["message"]
    meta = {"name": "their-secret", "namespace": broken.namespaces[0]}
    values = {"AWS_ACCESS_KEY_ID": "theirs", "AWS_SECRET_ACCESS_KEY": "a-long-secret"}
    broken.api.apply({"apiVersion": "v1", "kind": "Secret", "metadata": meta, "stringData": values})
    broken.settled("secret", within_s=MENDS_S)


def test_no_node_with_room(broken: World) -> None:
    assert "spec.resources" in broken.because("room", "NoRoom")["message"]
    broken.stack("room", **SMALL, storage={"dataPath": "/room"})
    broken.settled("room", within_s=MENDS_S)


def test_a_port_that_somebody_has(broken: World) -> None:
    found = broken.because("port", "PortTaken")
    assert "30002" in found["message"] and "kubectl get services" in found["message"]
    assert broken.condition("port", "CacheReady")["status"] == "True", "inside, everything works"
    broken.api.delete("Service", "taker", broken.namespaces[CLOSED])
    broken.settled("port", within_s=MENDS_S)
    broken.remove("port")


def test_a_quota_that_is_used_up(broken: World) -> None:
    place = broken.namespaces[QUOTA]
    broken.because("quota", "QuotaExceeded", place)
    broken.api.delete("ResourceQuota", "full", place)
    broken.settled("quota", place, within_s=MENDS_S)


def test_a_limit_that_is_too_low(broken: World) -> None:
    place = broken.namespaces[LIMITED]
    broken.because("limit", "LimitRange", place)
    broken.api.ask("DELETE", f"/api/v1/namespaces/{place}/limitranges/low")
    broken.settled("limit", place, within_s=MENDS_S)


def test_a_namespace_that_lets_no_pod_be_root(broken: World) -> None:
    place = broken.namespaces[CLOSED]
    assert "baseline" in broken.because("closed", "PodSecurityRefused", place)["message"]
    baseline = {"metadata": {"labels": {"pod-security.kubernetes.io/enforce": "baseline"}}}
    broken.api.merge("Namespace", place, "", baseline)
    broken.settled("closed", place, within_s=MENDS_S)


def test_a_folder_that_another_stack_has(broken: World) -> None:
    broken.stack("thief", **SMALL, storage={"dataPath": "/room"})
    assert "room-minio-data" in broken.because("thief", "DataPathTaken")["message"]
    assert broken.children("thief") == {}


def test_an_image_that_no_node_has(broken: World) -> None:
    broken.kubelet.absent.add(IMAGE)
    broken.stack("image", **SMALL, storage={"dataPath": "/image"})
    found = broken.because("image", "ImageMissing")
    assert IMAGE in found["message"]
    assert broken.condition("image", "CacheReady")["reason"] == "ImageMissing"
    broken.kubelet.absent.clear()
    broken.settled("image", within_s=MENDS_S)


def test_a_server_that_ends_again_and_again(broken: World) -> None:
    broken.stack("crash", **SMALL, storage={"dataPath": "/crash"})
    broken.settled("crash")
    place, pod = broken.namespaces[0], "crash-redis-0"
    told = {
        "name": "redis",
        "image": IMAGE,
        "imageID": "",
        "ready": False,
        "restartCount": 5,
        "state": {"waiting": {"reason": "CrashLoopBackOff"}},
        "lastState": {"terminated": {"exitCode": 137, "reason": "OOMKilled"}},
    }
    unready = [{"type": kind, "status": "False"} for kind in ("Ready", "ContainersReady")]
    change = {"status": {"containerStatuses": [told], "conditions": unready}}
    broken.api.merge("Pod", pod, place, change, part="/status")
    assert "spec.resources" in broken.because("crash", "OutOfMemory")["message"]
    broken.api.delete("Pod", pod, place)
    broken.settled("crash", within_s=MENDS_S)


def test_a_policy_of_the_cluster_that_refuses(broken: World) -> None:
    path = "/apis/admissionregistration.k8s.io/v1"
    place, name = broken.namespaces[0], "no-caches"
    rule = {"apiGroups": ["apps"], "apiVersions": ["v1"], "operations": ["CREATE"], "resources": ["statefulsets"]}
    policy = {
        "apiVersion": "admissionregistration.k8s.io/v1",
        "kind": "ValidatingAdmissionPolicy",
        "metadata": {"name": name},
        "spec": {
            "matchConstraints": {"resourceRules": [rule]},
            "validations": [{"expression": "!object.metadata.name.startsWith('policy-')", "message": "no stores here"}],
        },
    }
    chosen = {"namespaceSelector": {"matchLabels": {"kubernetes.io/metadata.name": place}}}
    binding = {
        "apiVersion": "admissionregistration.k8s.io/v1",
        "kind": "ValidatingAdmissionPolicyBinding",
        "metadata": {"name": name},
        "spec": {"policyName": name, "validationActions": ["Deny"], "matchResources": chosen},
    }
    broken.api.ask("POST", f"{path}/validatingadmissionpolicies", policy)
    broken.api.ask("POST", f"{path}/validatingadmissionpolicybindings", binding)
    try:
        until(lambda: refuses(broken, "policy-probe"), 30)
        broken.stack("policy", **SMALL, storage={"dataPath": "/policy"})
        assert "no stores here" in broken.because("policy", "AdmissionRefused")["message"]
    finally:
        broken.api.ask("DELETE", f"{path}/validatingadmissionpolicybindings/{name}")
        broken.api.ask("DELETE", f"{path}/validatingadmissionpolicies/{name}")
    broken.settled("policy", within_s=MENDS_S)


def refuses(world: World, name: str) -> bool:
    """A policy takes a moment to be heard of by the API server."""
    labels = {"app": name}
    template = {"metadata": {"labels": labels}, "spec": {"containers": [{"name": "a", "image": "a:1"}]}}
    meta = {"name": name, "namespace": world.namespaces[0]}
    spec = {"selector": {"matchLabels": labels}, "serviceName": name, "template": template}
    one = {"apiVersion": "apps/v1", "kind": "StatefulSet", "metadata": meta, "spec": spec}
    try:
        world.api.ask("POST", f"/apis/apps/v1/namespaces/{world.namespaces[0]}/statefulsets", one, dryRun="All")
    except Refused:
        return True
    return False


def test_an_api_that_is_slow(broken: World) -> None:
    """Slower than the operator waits, where it makes the stores."""
    broken.gate.slow = lambda method, path: 20.0 if method == "PATCH" and "statefulsets" in path else 0.0
    broken.stack("slow", **SMALL, storage={"dataPath": "/slow"})
    found = broken.because("slow", "ClusterSlow", within_s=120)
    assert "goes on trying" in found["message"]
    broken.gate.slow = lambda method, path: 0.0
    broken.settled("slow", within_s=MENDS_S)


def test_an_api_that_is_slow_everywhere_is_only_slow(broken: World) -> None:
    broken.gate.slow = lambda method, path: 0.3
    broken.stack("late", **SMALL, storage={"dataPath": "/late"})
    broken.settled("late", within_s=240)
    broken.gate.slow = lambda method, path: 0.0


def test_a_node_that_does_not_answer(broken: World) -> None:
    """Last: it takes every stack of the node with it."""
    (node,) = [one["metadata"]["name"] for one in [k3d_node()]]
    broken.kubelet.down.add(node)
    found = broken.because("image", "NodeDown", within_s=120)
    assert node in found["message"]
    broken.stack("homeless", **SMALL, storage={"dataPath": "/homeless"})
    assert "kubectl get nodes" in broken.because("homeless", "NoNode")["message"]
    broken.kubelet.down.clear()
    broken.settled("homeless", within_s=MENDS_S)
    broken.settled("image", within_s=MENDS_S)
