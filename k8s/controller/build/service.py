"""Services: one inside for each server, and one beside it for the outside where the cluster gives a way in."""

from __future__ import annotations

from collections.abc import Mapping

from k8s.controller.stack import Manifest, Stack

FIXED_PORTS = {"s3": 30000, "console": 30001, "redis": 30002, "dagster": 30003}
"""Ports of the node that k3d.yaml leads to the host; only one stack of a cluster can have them."""


def inside(stack: Stack, part: str, component: str, ports: Mapping[str, int]) -> Manifest:
    """A Service that only the cluster reaches."""
    return {
        "apiVersion": "v1",
        "kind": "Service",
        "metadata": stack.meta(part, component),
        "spec": {
            "type": "ClusterIP",
            "selector": stack.selector(component),
            "ports": [_port(name, port) for name, port in ports.items()],
        },
    }


def outside(stack: Stack, part: str, component: str, ports: Mapping[str, int]) -> list[Manifest]:
    """The same server for the outside; [] where the stack has no way in."""
    site = stack.site
    if site.service_type == "ClusterIP":
        return []
    spec: Manifest = {
        "type": site.service_type,
        "selector": stack.selector(component),
        "ports": [_port(name, port, fixed=site.fixed_ports) for name, port in ports.items()],
    }
    annotations = {}
    if site.service_type == "LoadBalancer" and site.platform.internal:
        annotations = {"annotations": dict(site.platform.internal)}
    return [
        {
            "apiVersion": "v1",
            "kind": "Service",
            "metadata": stack.meta(f"{part}-ext", component, **annotations),
            "spec": spec,
        }
    ]


def _port(name: str, port: int, *, fixed: bool = False) -> Manifest:
    made: Manifest = {"name": name, "port": port, "targetPort": name, "protocol": "TCP"}
    return {**made, "nodePort": FIXED_PORTS[name]} if fixed else made
