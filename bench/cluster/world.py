"""Namespaces with an operator over them, and what one does with stacks there: make, wait, look, clear away."""

from __future__ import annotations

import secrets
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import yaml

from bench.cluster.api import Api, Manifest, until
from bench.cluster.gate import Gate
from bench.cluster.kubelet import Kubelet, k3d_node
from bench.cluster.operator import OperatorProcess, install, sign_in
from k8s.controller.apply import CHILDREN
from k8s.controller.spec import API_VERSION, GROUP, KIND
from k8s.controller.stack import STACK_LABEL
from resources.settings import CHECKOUT

EXAMPLES: list[Path] = sorted((CHECKOUT / "k8s" / "examples").glob("*.yaml"))


def example(name: str) -> Manifest:
    """The spec of an example by its file's name."""
    found: Manifest = yaml.safe_load((CHECKOUT / "k8s" / "examples" / f"{name}.yaml").read_text(encoding="utf-8"))
    return dict(found["spec"])


@dataclass
class World:
    """Namespaces that the operator serves, the operator itself, the nodes it believes in, and what it asks for."""

    api: Api
    namespaces: Sequence[str]
    kubelet: Kubelet
    gate: Gate
    operator: OperatorProcess
    made: list[tuple[str, str]] = field(default_factory=list)

    def stack(self, name: str, namespace: str = "", **spec: Any) -> Manifest:
        """Apply a stack; the same name once more changes it."""
        where = namespace or self.namespaces[0]
        self.made.append((where, name))
        meta = {"name": name, "namespace": where}
        return self.api.apply({"apiVersion": API_VERSION, "kind": KIND, "metadata": meta, "spec": spec})

    def status(self, name: str, namespace: str = "") -> Manifest:
        """The stack's status; {} before there is one."""
        found = self.api.get(KIND, name, namespace or self.namespaces[0]) or {}
        return dict(found.get("status") or {})

    def settled(self, name: str, namespace: str = "", *, phase: str = "Ready", within_s: float = 60) -> Manifest:
        """Wait for a phase of the stack's newest generation; the status with it."""

        def reached() -> Manifest | None:
            found = self.api.get(KIND, name, namespace or self.namespaces[0]) or {}
            status = found.get("status") or {}
            newest = status.get("observedGeneration") == found.get("metadata", {}).get("generation")
            return status if newest and status.get("phase") == phase else None

        found: Manifest = until(reached, within_s, lambda: f"{self.status(name, namespace)}\n{self.operator.said()}")
        return found

    def condition(self, name: str, kind: str, namespace: str = "") -> Manifest:
        """One condition of the stack; {} where it has none such."""
        conditions = self.status(name, namespace).get("conditions", [])
        return next((one for one in conditions if one["type"] == kind), {})

    def because(
        self, name: str, reason: str, namespace: str = "", *, kind: str = "Degraded", within_s: float = 60
    ) -> Manifest:
        """Wait until a condition has this reason; the condition."""

        def told() -> Manifest | None:
            found = self.condition(name, kind, namespace)
            return found if found.get("reason") == reason else None

        found: Manifest = until(told, within_s, lambda: f"{self.status(name, namespace)}\n{self.operator.said()}")
        return found

    def children(self, name: str, namespace: str = "") -> dict[tuple[str, str], Manifest]:
        """What the cluster holds of the stack, its volumes too."""
        where, ours = namespace or self.namespaces[0], f"{STACK_LABEL}={name}"
        found = {
            (kind, one["metadata"]["name"]): one for kind in CHILDREN for one in self.api.list(kind, where, labels=ours)
        }
        volumes = self.api.list("PersistentVolume", labels=f"{ours},{GROUP}/namespace={where}")
        return found | {("PersistentVolume", one["metadata"]["name"]): one for one in volumes}

    def remove(self, name: str, namespace: str = "") -> None:
        """Delete the stack and wait until it is gone."""
        where = namespace or self.namespaces[0]
        self.api.delete(KIND, name, where)
        until(lambda: self.api.get(KIND, name, where) is None, 40, self.operator.said)

    def clear(self) -> None:
        """Stacks, their volumes and their namespaces go; the pods first, while somebody plays their kubelet."""
        self.kubelet.down.clear()
        self.kubelet.absent.clear()
        self.gate.slow = lambda method, path: 0.0
        for namespace, name in sorted(set(self.made)):
            self.remove(name, namespace)
        for namespace in self.namespaces:
            self.api.delete("Namespace", namespace)
        for volume in self.api.list("PersistentVolume"):
            if (volume["spec"].get("claimRef") or {}).get("namespace") in self.namespaces:
                self.api.delete("PersistentVolume", volume["metadata"]["name"])
        until(lambda: not any(self.api.list("Pod", one) for one in self.namespaces), 60, "pods that don't go")


@dataclass(frozen=True)
class Setting:
    """How many namespaces, which nodes, and what the operator is started with."""

    namespaces: int = 1
    nodes: Sequence[Manifest] = field(default_factory=lambda: [k3d_node()])
    variables: Mapping[str, str] = field(default_factory=dict)


@contextmanager
def world_of(api: Api, folder: Path, setting: Setting) -> Iterator[World]:
    """A world of one's own, cleared away after."""
    namespaces = [f"test-{secrets.token_hex(3)}" for _ in range(setting.namespaces)]
    install(api, namespaces)
    with Gate(api) as gate, Kubelet(api, *setting.nodes) as kubelet:
        operator = OperatorProcess(
            folder,
            sign_in(api, folder, gate.endpoint),
            namespaces,
            variables=setting.variables,
        )
        with operator:
            made = World(api, namespaces, kubelet, gate, operator)
            yield made
            if not operator.lives():
                operator.start()
            made.clear()
