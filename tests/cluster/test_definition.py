"""The definition of the resource on a real API: examples are taken, wrong resources are refused with a sentence."""

from __future__ import annotations

import secrets
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from bench.cluster.api import Api, Refused, until
from bench.cluster.operator import CRD
from bench.cluster.world import EXAMPLES
from k8s.controller.spec import API_VERSION, KIND
from tests.unit.k8s.controller.test_crd_rules import RIGHT, WRONG

pytestmark = pytest.mark.cluster

NAMES = ["1st-stack", "A-Stack", "my.stack", "a" * 41]
TYPES: dict[str, dict[str, Any]] = {
    "spec.storage.replicas": {"storage": {"replicas": 0}},
    "spec.serviceType": {"serviceType": "Nodeport"},
    "spec.storage.mode": {"storage": {"mode": "nfs"}},
    "spec.compute.spark.executors": {"compute": {"spark": {"executors": 1000}}},
    "spec.deletionPolicy": {"deletionPolicy": "Keep"},
    "spec.paused": {"paused": "yes"},
    "spec.storage.external.bucket": {"storage": {"external": {}}},
    "spec.dagster.postgres.external.port": {"dagster": {"postgres": {"external": {"host": "db", "port": 70000}}}},
}
"""Refused by the types alone; the API's own sentence names the field."""


@pytest.fixture(scope="module")
def place(api: Api) -> Iterator[str]:
    name = f"test-{secrets.token_hex(3)}"
    api.apply({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name}})
    yield name
    api.delete("Namespace", name)


def apply(api: Api, namespace: str, spec: Any, *, name: str = "demo") -> dict[str, Any]:
    meta = {"name": name, "namespace": namespace}
    return api.apply({"apiVersion": API_VERSION, "kind": KIND, "metadata": meta, "spec": spec})


@pytest.mark.parametrize("words", WRONG)
def test_a_wrong_one_is_refused_with_a_sentence(words: str, api: Api, place: str) -> None:
    with pytest.raises(Refused) as caught:
        apply(api, place, WRONG[words])
    assert caught.value.code == 422
    assert words in caught.value.words


@pytest.mark.parametrize("field", TYPES)
def test_a_wrong_type_is_refused_with_its_field(field: str, api: Api, place: str) -> None:
    with pytest.raises(Refused) as caught:
        apply(api, place, TYPES[field])
    assert field in caught.value.words


@pytest.mark.parametrize("name", NAMES)
def test_a_name_that_no_service_can_have_is_refused(name: str, api: Api, place: str) -> None:
    with pytest.raises(Refused) as caught:
        apply(api, place, {}, name=name)
    assert "Services are named after it" in caught.value.words or "RFC 1123" in caught.value.words


def test_an_unknown_field_is_refused_where_one_asks_strictly(api: Api, place: str) -> None:
    """As kubectl does."""
    path = f"/apis/{API_VERSION}/namespaces/{place}/dataalchemystacks"
    one = {"apiVersion": API_VERSION, "kind": KIND, "metadata": {"name": "demo"}, "spec": {"stroage": {}}}
    with pytest.raises(Refused) as caught:
        api.ask("POST", path, one, fieldValidation="Strict")
    assert 'unknown field "spec.stroage"' in caught.value.words


@pytest.mark.parametrize("what", RIGHT)
def test_a_right_one_is_taken(what: str, api: Api, place: str) -> None:
    made = apply(api, place, RIGHT[what], name="right")
    assert made["spec"]["deletionPolicy"] == "Retain", "defaults are filled in"
    api.delete(KIND, "right", place)


@pytest.mark.parametrize("path", EXAMPLES, ids=lambda path: path.stem)
def test_an_example_is_taken(path: Path, api: Api, place: str) -> None:
    found = yaml.safe_load(path.read_text(encoding="utf-8"))
    api.ask(
        "POST",
        f"/apis/{API_VERSION}/namespaces/{place}/dataalchemystacks",
        found,
        fieldValidation="Strict",
        dryRun="All",
    )


def test_a_stack_of_an_earlier_definition_stays_readable(api: Api, place: str) -> None:
    """It knew less: a stack stored then is read and changed now, and a field of now outlives going back and forth."""
    earlier = yaml.safe_load(yaml.safe_dump(CRD))
    spec = earlier["spec"]["versions"][0]["schema"]["openAPIV3Schema"]["properties"]["spec"]
    del spec["x-kubernetes-validations"]
    for name in ("training", "ingress", "resources", "paused", "deletionPolicy"):
        del spec["properties"][name]
    api.apply(earlier)
    try:
        until(lambda: "deletionPolicy" not in apply(api, place, {}, name="probe")["spec"], 30)
        api.delete(KIND, "probe", place)
        apply(api, place, {"storage": {"dataPath": "/data"}, "serviceType": "NodePort"}, name="old")
    finally:
        api.apply(CRD)

    def read() -> dict[str, Any] | None:
        found = api.get(KIND, "old", place)
        return found if found and "deletionPolicy" in found["spec"] else None

    found = until(read, 30, "what it didn't know has its default")
    assert found["spec"]["storage"]["dataPath"] == "/data"
    changed = api.merge(KIND, "old", place, {"spec": {"training": {"gpu": "amd"}}})
    assert changed["spec"]["training"]["gpu"] == "amd"
    stored = api.get("CustomResourceDefinition", CRD["metadata"]["name"])
    assert stored is not None and stored["status"]["storedVersions"] == ["v1alpha1"]
