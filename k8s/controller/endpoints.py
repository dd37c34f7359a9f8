"""Where a stack is reached: from outside where there is a way in, else how to make one for a moment."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from k8s.controller.plan import Facts, Ref
from k8s.controller.stack import Stack

_HOST_PORTS = {"s3": 9000, "console": 9001, "redis": 6379, "dagster": 3000}
"""Ports of the host that k3d.yaml leads to the fixed ports of the node."""
_SCHEMES = {"s3": "http", "console": "http", "redis": "redis", "dagster": "http"}
_SERVICES = {"minio": ("s3", "console"), "redis": ("redis",), "webserver": ("dagster",)}


def endpoints_of(stack: Stack, facts: Facts, nodes: Sequence[Mapping[str, Any]]) -> dict[str, str]:
    """Address of each way in, by what answers there. Never a credential."""
    found = {}
    external = stack.spec.storage.external
    if external is not None:
        found["s3"] = external.endpoint or f"https://s3.{external.region}.amazonaws.com"
    if stack.spec.cache.external is not None:
        found["redis"] = stack.spec.cache.external
    for part, names in _SERVICES.items():
        if not any(ref.kind == "Service" and ref.name == stack.named(part) for ref in facts.objects):
            continue
        outside = facts.objects.get(Ref("Service", stack.named(f"{part}-ext"), stack.namespace))
        for name in names:
            found[name] = _outside(stack, outside, name, nodes) or _forward(stack, part, name)
    if stack.spec.ingress is not None:
        found["dagster"] = f"{'https' if stack.spec.ingress.tls_secret else 'http'}://{stack.spec.ingress.host}"
    return dict(sorted(found.items()))


def without_address(stack: Stack, facts: Facts) -> list[str]:
    """Services that wait for an address which the cluster has not given, and on many clusters never gives."""
    waiting = []
    for ref, service in facts.objects.items():
        asked = ref.kind == "Service" and ref.namespace == stack.namespace and service["spec"]["type"] == "LoadBalancer"
        if asked and not service.get("status", {}).get("loadBalancer", {}).get("ingress"):
            waiting.append(ref.name)
    return sorted(waiting)


def _outside(
    stack: Stack, service: Mapping[str, Any] | None, name: str, nodes: Sequence[Mapping[str, Any]]
) -> str | None:
    if service is None:
        return None
    port = next(one for one in service["spec"]["ports"] if one["name"] == name)
    if service["spec"]["type"] == "LoadBalancer":
        given = (service.get("status", {}).get("loadBalancer", {}).get("ingress") or [{}])[0]
        place = given.get("hostname") or given.get("ip")
        return f"{_SCHEMES[name]}://{place}:{port['port']}" if place else None
    if (node_port := port.get("nodePort")) is None:
        return None
    if stack.site.fixed_ports:
        return f"{_SCHEMES[name]}://127.0.0.1:{_HOST_PORTS[name]}"
    place = _place(nodes)
    return f"{_SCHEMES[name]}://{place}:{node_port}" if place else None


def _place(nodes: Sequence[Mapping[str, Any]]) -> str | None:
    """Where the nodes' ports are reached: an address before a name, which only they may know."""
    order = ("InternalIP", "ExternalIP", "Hostname")
    given = [one for node in nodes for one in node.get("status", {}).get("addresses", []) if one["type"] in order]
    place = min(given, key=lambda one: order.index(one["type"]), default={"address": None})["address"]
    return f"[{place}]" if place and ":" in place else place


def _forward(stack: Stack, part: str, name: str) -> str:
    port = _HOST_PORTS[name]
    return f"kubectl port-forward --namespace {stack.namespace} service/{stack.named(part)} {port}:{port}"
