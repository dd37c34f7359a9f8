"""Ways in: separate Services for the outside, fixed ports on k3d alone, load balancers off the internet."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from k8s.controller.plan import Ref
from k8s.controller.settings import Settings
from k8s.controller.stack import Stack

Make = Callable[..., Stack]
PlannedOf = Callable[[Stack], dict[Ref, dict[str, Any]]]


def outside(planned: dict[Ref, dict[str, Any]]) -> dict[str, dict[str, Any]]:
    return {ref.name: one for ref, one in planned.items() if ref.kind == "Service" and ref.name.endswith("-ext")}


def node_ports(planned: dict[Ref, dict[str, Any]]) -> dict[str, int]:
    found = outside(planned).values()
    return {port["name"]: port["nodePort"] for one in found for port in one["spec"]["ports"] if "nodePort" in port}


def test_on_k3d_the_ports_are_those_of_k3d_yaml(make_stack: Make, planned_of: PlannedOf) -> None:
    wanted = {"s3": 30000, "console": 30001, "redis": 30002, "dagster": 30003}
    assert node_ports(planned_of(make_stack())) == wanted


def test_k3d_can_be_forced_on_any_cluster(make_stack: Make, planned_of: PlannedOf, make_node: Any) -> None:
    stack = make_stack(nodes=[make_node("worker", "")], settings=Settings(k3d_cluster=True), storage={"mode": "pvc"})
    assert len(node_ports(planned_of(stack))) == 4


def test_elsewhere_the_cluster_chooses_ports_and_dagster_has_none(
    make_stack: Make, planned_of: PlannedOf, make_node: Any
) -> None:
    planned = planned_of(make_stack(nodes=[make_node("worker", "")], serviceType="NodePort"))
    assert node_ports(planned) == {}
    assert set(outside(planned)) == {"demo-minio-ext", "demo-redis-ext"}


@pytest.mark.parametrize(
    ("provider", "annotation"),
    [
        ("gce", "networking.gke.io/load-balancer-type"),
        ("aws", "service.beta.kubernetes.io/aws-load-balancer-scheme"),
        ("azure", "service.beta.kubernetes.io/azure-load-balancer-internal"),
    ],
)
def test_a_load_balancer_of_a_cloud_stays_inside(
    provider: str, annotation: str, make_stack: Make, planned_of: PlannedOf, make_node: Any
) -> None:
    planned = planned_of(make_stack(nodes=[make_node("worker", provider)]))
    made = outside(planned)
    assert set(made) == {"demo-minio-ext", "demo-redis-ext"}
    assert all(annotation in one["metadata"]["annotations"] for one in made.values())


def test_inside_only_has_no_way_in(make_stack: Make, planned_of: PlannedOf) -> None:
    assert outside(planned_of(make_stack(serviceType="ClusterIP"))) == {}


def test_the_names_inside_stay_what_they_are_whatever_the_way_in(make_stack: Make, planned_of: PlannedOf) -> None:
    for way in ("ClusterIP", "NodePort", "LoadBalancer"):
        planned = planned_of(make_stack(serviceType=way))
        for name in ("demo-minio", "demo-redis"):
            assert planned[Ref("Service", name, "team")]["spec"]["type"] == "ClusterIP"
