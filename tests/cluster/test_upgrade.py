"""From the first operator's objects to ours: its servers go before ours open the same folder, everything kept stays."""

from __future__ import annotations

import base64

import pytest

from bench.cluster.api import until
from bench.cluster.world import World
from tests.cluster.first import ASKED, KEYS, NAME, PRIVILEGED, SERVERS, first_operators

pytestmark = pytest.mark.cluster

DATA = "/data/of/mine"


@pytest.fixture(scope="module")
def before(world: World) -> World:
    world.api.merge("Namespace", world.namespaces[0], "", {"metadata": {"labels": PRIVILEGED}})
    for one in first_operators(world.namespaces[0], DATA):
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
        volume = api.get("PersistentVolume", f"{place}.{NAME}-{app}-data")
        assert volume is not None
        assert volume["spec"]["hostPath"]["path"] == f"{DATA}/{app}_data"


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
