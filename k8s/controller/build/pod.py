"""A pod as the restricted Pod Security profile wants it, with limits and probes. Nothing here knows a component."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from k8s.controller.spec import Resources
from k8s.controller.stack import Manifest

USER = 10001
STARTING_S = 10
"""How often one that starts is asked, at least: nobody waits a minute for what is ready after ten seconds."""
CLOSED: Mapping[str, Any] = {
    "allowPrivilegeEscalation": False,
    "readOnlyRootFilesystem": True,
    "capabilities": {"drop": ["ALL"]},
}
"""Security context of every container."""


@dataclass(frozen=True)
class Container:
    """What differs between containers; the rest is the same for all."""

    name: str
    image: str
    command: Sequence[str]
    resources: Manifest
    ports: Mapping[str, int] = field(default_factory=dict)
    env: Sequence[Manifest] = ()
    env_from: Sequence[Manifest] = ()
    mounts: Mapping[str, str] = field(default_factory=dict)
    probes: Mapping[str, Manifest] = field(default_factory=dict)

    def manifest(self) -> Manifest:
        """The container. Same fields, same bytes."""
        made: Manifest = {
            "name": self.name,
            "image": self.image,
            "imagePullPolicy": "IfNotPresent",
            "command": list(self.command),
            "resources": self.resources,
            "securityContext": dict(CLOSED),
            "volumeMounts": [{"name": name, "mountPath": path} for name, path in self.mounts.items()],
        }
        if self.ports:
            made["ports"] = [
                {"name": name, "containerPort": port, "protocol": "TCP"} for name, port in self.ports.items()
            ]
        if self.env:
            made["env"] = list(self.env)
        if self.env_from:
            made["envFrom"] = list(self.env_from)
        return {**made, **self.probes}


def pod_security(user: int = USER) -> Manifest:
    """Security context of a pod. Its group owns dynamic volumes, and only where it doesn't own them yet."""
    return {
        "runAsNonRoot": True,
        "runAsUser": user,
        "runAsGroup": user,
        "fsGroup": user,
        "fsGroupChangePolicy": "OnRootMismatch",
        "seccompProfile": {"type": "RuntimeDefault"},
    }


def pod(containers: Sequence[Container], volumes: Sequence[Manifest], *, user: int = USER, **more: Any) -> Manifest:
    """Spec of a pod without a token and without the environment variables of every Service around it."""
    return {
        "automountServiceAccountToken": False,
        "enableServiceLinks": False,
        "securityContext": pod_security(user),
        "containers": [container.manifest() for container in containers],
        "volumes": list(volumes),
        **more,
    }


def scratch(name: str, size: str) -> Manifest:
    """A folder that lives as long as its pod and may not outgrow its size."""
    return {"name": name, "emptyDir": {"sizeLimit": size}}


def claim(name: str, claim_name: str) -> Manifest:
    """A volume that is kept."""
    return {"name": name, "persistentVolumeClaim": {"claimName": claim_name}}


def from_config(name: str, config_map: str) -> Manifest:
    """The files of a ConfigMap."""
    return {"name": name, "configMap": {"name": config_map, "defaultMode": 0o444}}


def secret_env(variable: str, secret: str, key: str) -> Manifest:
    """A variable whose value is a key of a Secret."""
    return {"name": variable, "valueFrom": {"secretKeyRef": {"name": secret, "key": key}}}


def probes(check: Manifest, *, start_s: int, period_s: int = 10, timeout_s: int = 5) -> dict[str, Manifest]:
    """Ready while the check holds; restarted after a minute without; neither is asked before the first success."""
    every = {"periodSeconds": period_s, "timeoutSeconds": timeout_s}
    at_start = {**every, "periodSeconds": min(period_s, STARTING_S)}
    return {
        "startupProbe": {**check, **at_start, "failureThreshold": max(3, start_s // at_start["periodSeconds"])},
        "readinessProbe": {**check, **every, "failureThreshold": 3},
        "livenessProbe": {**check, **every, "failureThreshold": max(3, 60 // period_s)},
    }


def sized(default: Mapping[str, Mapping[str, str]], asked: Resources | None) -> Manifest:
    """Requests and limits: what was asked for, the rest as it is by default."""
    made = {kind: dict(amounts) for kind, amounts in default.items()}
    if asked is not None:
        made["requests"] |= asked.requests.model_dump(exclude_none=True)
        made["limits"] |= asked.limits.model_dump(exclude_none=True)
    return made
