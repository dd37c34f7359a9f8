"""Who may speak to whom. Each server has a policy of its own, so nothing else reaches it."""

from __future__ import annotations

from collections.abc import Sequence

from k8s.controller.build.volumes import keepings
from k8s.controller.stack import PART_LABEL, STACK_LABEL, Manifest, Stack

_WORKERS = ("code", "run", "training", "executor")
_ALL_OURS = (*_WORKERS, "webserver", "daemon", "metrics", "ingest")
_STORES = {"lake": ([9000], _ALL_OURS), "cache": ([6379], _ALL_OURS), "postgres": ([5432], _ALL_OURS)}
_FROM_OUTSIDE = {"lake": [9000, 9001], "cache": [6379]}


def build_network(stack: Stack) -> list[Manifest]:
    """A policy for each server. Runs may reach out, since sources of documents are anywhere; stores may not."""
    made = []
    exposed = stack.site.service_type != "ClusterIP"
    for keeping in keepings(stack):
        component = keeping.component
        ports, callers = _STORES[component]
        doors = [_door(stack, callers, ports)]
        if exposed and component in _FROM_OUTSIDE:
            doors.append({"ports": _ports(_FROM_OUTSIDE[component])})
        made.append(_policy(stack, component, doors, closed=True))
    if not stack.spec.dagster.enabled:
        return made
    pages = [_door(stack, ("ingest", "code", "run"), [3000])]
    if stack.site.fixed_ports or stack.spec.ingress is not None:
        pages.append({"ports": _ports([3000])})
    return [
        *made,
        _policy(stack, "code", [_door(stack, ("webserver", "daemon"), [4000])]),
        _policy(stack, "webserver", pages),
        _policy(stack, "daemon", []),
        # Numbers and names of sources: for whichever Prometheus the cluster has.
        _policy(stack, "metrics", [{"ports": _ports([9464])}]),
        _policy(stack, "run", [{"from": [_pods(stack, ("executor",))]}]),
        _policy(stack, "executor", [{"from": [_pods(stack, ("run", "executor"))]}]),
        _policy(stack, "training", []),
    ]


def _policy(stack: Stack, part: str, doors: list[Manifest], *, closed: bool = False) -> Manifest:
    """``closed``: nothing goes out either; a store answers and never calls."""
    spec: Manifest = {
        "podSelector": {"matchLabels": {STACK_LABEL: stack.name, PART_LABEL: part}},
        "policyTypes": ["Ingress", "Egress"] if closed else ["Ingress"],
        "ingress": doors,
    }
    if closed:
        spec["egress"] = []
    return {
        "apiVersion": "networking.k8s.io/v1",
        "kind": "NetworkPolicy",
        "metadata": stack.meta(part, part),
        "spec": spec,
    }


def _door(stack: Stack, callers: Sequence[str], ports: Sequence[int]) -> Manifest:
    return {"from": [_pods(stack, callers)], "ports": _ports(ports)}


def _pods(stack: Stack, parts: Sequence[str]) -> Manifest:
    which = {"key": PART_LABEL, "operator": "In", "values": sorted(parts)}
    return {"podSelector": {"matchLabels": {STACK_LABEL: stack.name}, "matchExpressions": [which]}}


def _ports(ports: Sequence[int]) -> list[Manifest]:
    return [{"protocol": "TCP", "port": port} for port in ports]
