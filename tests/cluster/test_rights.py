"""The rights of install.yaml suffice for everything that the operator does, and none of them is for nothing."""

from __future__ import annotations

import re
from typing import Any

import pytest
import yaml

from bench.cluster.api import until
from bench.cluster.gate import Call
from bench.cluster.world import World, example
from k8s.controller.build.access import build_access
from k8s.controller.platform import site_of
from k8s.controller.settings import Images, Settings
from k8s.controller.spec import KIND, StackSpec
from k8s.controller.stack import Stack
from resources.settings import CHECKOUT

pytestmark = pytest.mark.cluster

Right = tuple[str, str, str]
VERBS = {"POST": "create", "PATCH": "patch", "DELETE": "delete", "PUT": "update"}
_PATH = re.compile(
    r"^/(?:api|apis/(?P<group>[^/]+))/v[^/]+(?:/namespaces/[^/]+)?/(?P<kind>[a-z]+)(?P<name>/[^/?]+)?(?P<sub>/status)?"
)


def needed(call: Call) -> set[Right]:
    """The rights that a request needs: none for what anybody may ask, two for an apply, which may create."""
    found = _PATH.match(call.path)
    if found is None:
        return set()
    verb = VERBS.get(call.method) or ("watch" if call.path.endswith("?watch") else "get" if found["name"] else "list")
    verbs = {"patch", "create"} if verb == "patch" and not found["sub"] else {verb}
    return {(found["group"] or "", f"{found['kind']}{found['sub'] or ''}", one) for one in verbs}


def granted() -> set[Right]:
    text = (CHECKOUT / "k8s" / "install.yaml").read_text(encoding="utf-8")
    rules = [rule for one in yaml.safe_load_all(text) if one["kind"] == "ClusterRole" for rule in one["rules"]]
    return rights(rules)


def rights(rules: list[dict[str, Any]]) -> set[Right]:
    return {(g, r, v) for rule in rules for g in rule["apiGroups"] for r in rule["resources"] for v in rule["verbs"]}


def passed_on() -> set[Right]:
    """What the operator gives to a stack's own accounts, and so must have itself."""
    spec = StackSpec.model_validate({"compute": {"spark": {"mode": "cluster"}}})
    stack = Stack("demo", "team", "u", spec, site_of(spec, [], Settings(), config_path=None), Images())
    return {one for made in build_access(stack) if made["kind"] == "Role" for one in rights(made["rules"])}


@pytest.fixture(scope="module")
def lived(world: World) -> World:
    """Everything that a stack goes through."""
    place, api = world.namespaces[0], world.api
    labels = {"app": "redis", "stack": "demo"}
    chosen = {"matchLabels": labels}
    template = {"metadata": {"labels": labels}, "spec": {"containers": [{"name": "redis", "image": "redis:7"}]}}
    meta = {"name": "demo-redis", "namespace": place, "labels": {**labels, "dataalchemy.io/managed": "true"}}
    api.apply(
        {
            "apiVersion": "apps/v1",
            "kind": "Deployment",
            "metadata": meta,
            "spec": {"selector": chosen, "template": template},
        }
    )
    ports = [{"port": 6379}]
    api.apply({"apiVersion": "v1", "kind": "Service", "metadata": meta, "spec": {"selector": labels, "ports": ports}})
    lone = {"name": "demo-redis-lone", "namespace": place, "labels": labels}
    api.apply({"apiVersion": "v1", "kind": "Pod", "metadata": lone, "spec": template["spec"]})
    secret = {"name": "dataalchemy-secret", "namespace": place}
    api.apply({"apiVersion": "v1", "kind": "Secret", "metadata": secret, "stringData": {"AWS_ACCESS_KEY_ID": "mine"}})
    everything = example("stack-instance-k3d") | {
        "ingress": {"host": "a.example.com", "className": "nginx", "basicAuthSecret": "users"}
    }
    world.stack("demo", **everything)
    world.settled("demo", within_s=120)
    asked = {"metadata": {"annotations": {"dataalchemy.io/request-ingest": "now"}}}
    api.merge(KIND, "demo", place, asked)
    until(lambda: world.status("demo").get("ingestRequest") == "now", 30, world.operator.said)
    api.delete("PersistentVolumeClaim", "demo-redis-data", place)
    api.delete("Pod", "demo-redis-0", place)
    until(
        lambda: (
            (api.get("PersistentVolumeClaim", "demo-redis-data", place) or {})
            .get("metadata", {})
            .get("deletionTimestamp", "")
            == ""
        ),
        30,
    )
    world.settled("demo")
    # Its prepare Job goes when another set of folders is to be prepared, and with Dagster everything of Dagster's.
    without = {key: value for key, value in everything.items() if key != "ingress"}
    world.stack(
        "demo", **without | {"dagster": {"enabled": False}, "serviceType": "ClusterIP", "deletionPolicy": "Delete"}
    )
    world.settled("demo")
    external = {"endpoint": "http://s3.example.com:9000", "bucket": "mine"}
    world.stack("demo", storage={"external": external}, dagster={"enabled": False}, deletionPolicy="Delete")
    world.settled("demo")
    world.remove("demo")
    return world


def test_nothing_is_refused(lived: World) -> None:
    assert lived.gate.denied() == []
    assert lived.operator.errors() == []


def test_no_right_is_for_nothing(lived: World) -> None:
    used = {right for call in lived.gate.calls for right in needed(call)}
    spare = sorted(" ".join(right) for right in granted() - used - passed_on())
    assert not spare, "\n".join(spare)


def test_a_namespace_without_a_binding_is_not_served(lived: World) -> None:
    """Outside its namespaces the account has no rights."""
    found = lived.api.ask(
        "POST",
        "/apis/authorization.k8s.io/v1/subjectaccessreviews",
        {
            "apiVersion": "authorization.k8s.io/v1",
            "kind": "SubjectAccessReview",
            "spec": {
                "user": "system:serviceaccount:dataalchemy:dataalchemy-operator",
                "resourceAttributes": {"namespace": "kube-system", "verb": "get", "resource": "secrets"},
            },
        },
    )
    assert found["status"]["allowed"] is False
