"""Stacks and clusters as plain data."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import yaml

from k8s.controller.build.volumes import keepings
from k8s.controller.drift import needs_apply
from k8s.controller.plan import Facts, Plan, Ref, plan
from k8s.controller.platform import site_of
from k8s.controller.settings import Images, Settings
from k8s.controller.spec import read_spec
from k8s.controller.stack import Stack

EXAMPLES = sorted((Path(__file__).parents[4] / "k8s" / "examples").glob("*.yaml"))
Make = Callable[..., Stack]


def node(name: str = "k3d-dataalchemy-server-0", provider: str = "k3s", **labels: str) -> dict[str, Any]:
    return {
        "metadata": {"name": name, "labels": {"kubernetes.io/hostname": name, **labels}},
        "spec": {"providerID": f"{provider}://{name}"},
        "status": {"conditions": [{"type": "Ready", "status": "True"}]},
    }


@pytest.fixture
def make_node() -> Callable[..., dict[str, Any]]:
    return node


@pytest.fixture
def make_stack() -> Make:
    """A stack by the fields of its spec; on k3d, unless told otherwise."""

    def make(
        *,
        name: str = "demo",
        namespace: str = "team",
        nodes: list[dict[str, Any]] | None = None,
        settings: Settings | None = None,
        ingest: str | None = None,
        **spec: Any,
    ) -> Stack:
        model = read_spec({"metadata": {"name": name}, "spec": spec})
        site = site_of(model, [node()] if nodes is None else nodes, settings or Settings(), config_path=None)
        return Stack(name, namespace, f"uid-of-{name}", model, site, Images(), secrets={"lake": "s1"}, ingest=ingest)

    return make


@pytest.fixture(params=EXAMPLES, ids=lambda path: path.stem)
def example(request: pytest.FixtureRequest) -> dict[str, Any]:
    """Each example in turn."""
    found: dict[str, Any] = yaml.safe_load(request.param.read_text(encoding="utf-8"))
    return found


@pytest.fixture(params=["k3d", "eks"])
def example_stack(request: pytest.FixtureRequest, example: dict[str, Any], make_stack: Make) -> Stack:
    """Each example on two kinds of cluster."""
    nodes = {"k3d": node(), "eks": node("ip-10-0-0-1", "aws")}
    return make_stack(name=example["metadata"]["name"], nodes=[nodes[request.param]], **example["spec"])


def all_of(planned: Plan) -> list[dict[str, Any]]:
    return [manifest for wave in planned.waves for manifest in wave.manifests]


@pytest.fixture
def planned_of() -> Callable[[Stack], dict[Ref, dict[str, Any]]]:
    """Every manifest of a stack's plan in an empty cluster, by its name."""

    def of(stack: Stack) -> dict[Ref, dict[str, Any]]:
        secret = {
            "AWS_ACCESS_KEY_ID": "a" * 16,
            "AWS_SECRET_ACCESS_KEY": "b" * 16,
            "DATAALCHEMY_POSTGRES_PASSWORD": "c",
        }
        return {Ref.of(one): one for one in all_of(plan(stack, Facts(secret=secret)))}

    return of


@pytest.fixture
def running(planned_of: Callable[[Stack], dict[Ref, dict[str, Any]]]) -> Callable[[Stack], Facts]:
    """The cluster once everything of the plan is there and well."""

    def of(stack: Stack) -> Facts:
        objects = {ref: dict(one) for ref, one in planned_of(stack).items()}
        for ref, one in objects.items():
            if ref.kind in ("StatefulSet", "Deployment"):
                one["status"] = {"replicas": 1, "readyReplicas": 1, "updatedReplicas": 1, "observedGeneration": 1}
            if ref.kind == "Job":
                one["status"] = {"succeeded": 1}
        assert keepings(stack) is not None
        assert not any(needs_apply(one, objects[ref]) for ref, one in planned_of(stack).items())
        secret = {"AWS_ACCESS_KEY_ID": "a" * 16, "DATAALCHEMY_POSTGRES_PASSWORD": "c"}
        return Facts(objects=objects, secret=secret)

    return of
