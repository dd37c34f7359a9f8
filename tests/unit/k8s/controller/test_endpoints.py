"""Where a stack is reached, for each way in."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest

from k8s.controller.endpoints import endpoints_of
from k8s.controller.plan import Facts, Ref
from k8s.controller.stack import Stack

Make = Callable[..., Stack]
Running = Callable[[Stack], Facts]


def given(facts: Facts, name: str, **changes: Any) -> Facts:
    """The cluster after it gave a Service what it was asked for."""
    ref = Ref("Service", name, "team")
    return replace(facts, objects={**facts.objects, ref: {**facts.objects[ref], **changes}})


def test_on_k3d_everything_is_on_loopback(make_stack: Make, running: Running) -> None:
    assert endpoints_of(make_stack(), running(make_stack()), []) == {
        "console": "http://127.0.0.1:9001",
        "dagster": "http://127.0.0.1:3000",
        "redis": "redis://127.0.0.1:6379",
        "s3": "http://127.0.0.1:9000",
    }


def test_inside_only_means_a_way_for_a_moment(make_stack: Make, running: Running) -> None:
    stack = make_stack(serviceType="ClusterIP")
    found = endpoints_of(stack, running(stack), [])
    assert found["dagster"] == "kubectl port-forward --namespace team service/demo-webserver 3000:3000"


@pytest.mark.parametrize(
    ("state", "address"),
    [
        ([{"hostname": "lb.example.com"}], "http://lb.example.com:9000"),
        ([{"ip": "192.0.2.7"}], "http://192.0.2.7:9000"),
        ([], "kubectl port-forward --namespace team service/demo-minio 9000:9000"),
    ],
)
def test_a_load_balancer_is_named_once_it_has_an_address(
    state: list[dict[str, str]], address: str, make_stack: Make, running: Running
) -> None:
    stack = make_stack(serviceType="LoadBalancer")
    facts = given(running(stack), "demo-minio-ext", status={"loadBalancer": {"ingress": state}})
    assert endpoints_of(stack, facts, [])["s3"] == address


@pytest.mark.parametrize(("address", "shown"), [("192.0.2.5", "192.0.2.5"), ("fd00::1", "[fd00::1]")])
def test_a_port_of_the_node_is_named_with_the_node(
    address: str, shown: str, make_stack: Make, running: Running, make_node: Any
) -> None:
    one = make_node("worker", "")
    stack = make_stack(nodes=[one], serviceType="NodePort")
    facts = running(stack)
    service = facts.objects[Ref("Service", "demo-redis-ext", "team")]
    ports = [{**service["spec"]["ports"][0], "nodePort": 31234}]
    facts = given(facts, "demo-redis-ext", spec={**service["spec"], "ports": ports})
    one["status"]["addresses"] = [{"type": "Hostname", "address": "a"}, {"type": "InternalIP", "address": address}]
    assert endpoints_of(stack, facts, [one])["redis"] == f"redis://{shown}:31234"


def test_an_ingress_names_dagster(make_stack: Make, running: Running) -> None:
    ingress = {"host": "dagster.example.com", "className": "nginx", "tlsSecret": "tls", "basicAuthSecret": "users"}
    stack = make_stack(ingress=ingress)
    assert endpoints_of(stack, running(stack), [])["dagster"] == "https://dagster.example.com"


def test_an_external_store_is_named_as_it_is(make_stack: Make) -> None:
    stack = make_stack(storage={"external": {"bucket": "lake", "region": "eu-central-1"}})
    assert endpoints_of(stack, Facts(), []) == {"s3": "https://s3.eu-central-1.amazonaws.com"}
