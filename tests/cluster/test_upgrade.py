"""From the first operator's objects to ours: its servers go before ours open the same folder, everything kept stays."""

from __future__ import annotations

import base64
from typing import Any

import pytest

from bench.cluster.api import Manifest, until
from bench.cluster.world import World

pytestmark = pytest.mark.cluster

NAME = "dataalchemy"
KEYS = {"AWS_ACCESS_KEY_ID": "first-operators", "AWS_SECRET_ACCESS_KEY": "a value with = and spaces"}
SERVERS = {"minio": {"s3": (9000, 30000), "console": (9001, 30001)}, "redis": {"redis": (6379, 30002)}}
# What its users have written: two replicas on one folder, and an image that is `latest`.
ASKED: dict[str, Any] = {
    "projectName": "DataAlchemy",
    "credentialsSecret": "dataalchemy-secret",
    "storage": {"replicas": 2},
    "cache": {"replicas": 1},
    "compute": {"spark": {"image": "data-processor:latest"}},
}


def first_operators(world: World) -> list[Manifest]:
    place, made = world.namespaces[0], []
    meta = {"name": "dataalchemy-config", "namespace": place}
    made.append({"apiVersion": "v1", "kind": "ConfigMap", "metadata": meta, "data": {"dataPath": "/data/of/mine"}})
    values = {key: base64.b64encode(value.encode()).decode() for key, value in KEYS.items()}
    secret = {"name": "dataalchemy-secret", "namespace": place}
    made.append({"apiVersion": "v1", "kind": "Secret", "metadata": secret, "data": values})
    for app, ports in SERVERS.items():
        chosen = {"app": app, "stack": NAME}
        meta = {"name": f"{NAME}-{app}", "namespace": place, "labels": {**chosen, "dataalchemy.io/managed": "true"}}
        listed = [{"name": name, "port": port, "nodePort": node} for name, (port, node) in ports.items()]
        spec = {"type": "NodePort", "selector": chosen, "ports": listed}
        made.append({"apiVersion": "v1", "kind": "Service", "metadata": meta, "spec": spec})
        folder = {"name": "data", "hostPath": {"path": f"/data/of/mine/{app}_data", "type": "DirectoryOrCreate"}}
        pod = {"containers": [{"name": app, "image": f"{app}:latest"}], "volumes": [folder]}
        template = {"metadata": {"labels": chosen}, "spec": pod}
        deployment = {"replicas": 1, "selector": {"matchLabels": chosen}, "template": template}
        made.append({"apiVersion": "apps/v1", "kind": "Deployment", "metadata": meta, "spec": deployment})
    return made


@pytest.fixture(scope="module")
def before(world: World) -> World:
    # Its pods had hostPath volumes, which neither baseline nor restricted allows.
    labels = {"metadata": {"labels": {"pod-security.kubernetes.io/enforce": "privileged"}}}
    world.api.merge("Namespace", world.namespaces[0], "", labels)
    for one in first_operators(world):
        world.api.apply(one, manager="kopf")

    def run() -> bool:
        pods = world.api.list("Pod", world.namespaces[0])
        return len(pods) == len(SERVERS) and all(one["status"]["phase"] == "Running" for one in pods)

    until(run, 60, "the first operator's pods")
    return world


def test_its_servers_give_way_and_the_stack_comes_up_on_their_folders(before: World) -> None:
    place, api = before.namespaces[0], before.api
    before.stack(NAME, **ASKED)
    before.settled(NAME, within_s=120)
    for app in SERVERS:
        assert api.get("Deployment", f"{NAME}-{app}", place) is None
        assert api.get("StatefulSet", f"{NAME}-{app}", place) is not None
        volume = api.get("PersistentVolume", f"{place}-{NAME}-{app}-data")
        assert volume is not None
        assert volume["spec"]["hostPath"]["path"] == f"/data/of/mine/{app}_data"


def test_its_services_keep_their_names_and_find_ours(before: World) -> None:
    for app, ports in SERVERS.items():
        service = before.api.get("Service", f"{NAME}-{app}", before.namespaces[0])
        outside = before.api.get("Service", f"{NAME}-{app}-ext", before.namespaces[0])
        assert service is not None and outside is not None
        assert service["spec"]["type"] == "ClusterIP" and "app" not in service["spec"]["selector"]
        found = {one["name"]: (one["port"], one["nodePort"]) for one in outside["spec"]["ports"]}
        assert found == ports, "people's addresses stay"


def test_its_passwords_stay_and_what_was_missing_is_added(before: World) -> None:
    secret = before.api.get("Secret", "dataalchemy-secret", before.namespaces[0])
    assert secret is not None
    values = {key: base64.b64decode(value).decode() for key, value in secret["data"].items()}
    assert KEYS.items() <= values.items()
    assert len(values["DATAALCHEMY_KV_PASSWORD"]) == len(values["DATAALCHEMY_POSTGRES_PASSWORD"]) == 64


def test_two_replicas_are_one_and_a_condition_names_external(before: World) -> None:
    found = before.condition(NAME, "AsAsked")
    assert (found["status"], found["reason"]) == ("False", "OneServer")
    assert "spec.storage.external" in found["message"]


def test_nothing_went_wrong_unseen(before: World) -> None:
    assert before.operator.errors() == []
