"""What kind of cluster this is, read from its nodes, and what follows for data and for the way in.

The operator's own container says nothing about the nodes, so nothing here looks at it.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, cast

from k8s.controller.settings import Settings
from k8s.controller.spec import ServiceType, StackSpec, StorageMode

Node = Mapping[str, Any]


@dataclass(frozen=True)
class Platform:
    """A kind of cluster with its defaults. ``internal`` keeps a load balancer off the internet."""

    name: str
    storage_mode: StorageMode
    service_type: ServiceType
    data_path: str | None = None
    internal: tuple[tuple[str, str], ...] = ()


K3D = Platform("k3d", "hostPath", "NodePort", "/data")
DOCKER_DESKTOP = Platform("docker-desktop", "pvc", "LoadBalancer")
MINIKUBE = Platform("minikube", "pvc", "NodePort", "/data")
KIND = Platform("kind", "pvc", "ClusterIP", "/data")
GENERIC = Platform("generic", "pvc", "ClusterIP", "/var/lib/dataalchemy")
GKE = Platform("gke", "pvc", "LoadBalancer", internal=(("networking.gke.io/load-balancer-type", "Internal"),))
EKS = Platform(
    "eks", "pvc", "LoadBalancer", internal=(("service.beta.kubernetes.io/aws-load-balancer-scheme", "internal"),)
)
AKS = Platform(
    "aks", "pvc", "LoadBalancer", internal=(("service.beta.kubernetes.io/azure-load-balancer-internal", "true"),)
)

# One node, or several with kind inside. Windows names machines DESKTOP-XXXXXXX, so no more than this.
_OF_DOCKER_DESKTOP = re.compile(r"^(docker-desktop|desktop-control-plane|desktop-worker[0-9]*)$")
_PROVIDERS = {"k3d": K3D, "kind": KIND, "gce": GKE, "aws": EKS, "azure": AKS}
_LABELS = {
    "minikube.k8s.io/name": MINIKUBE,
    "cloud.google.com/gke-nodepool": GKE,
    "eks.amazonaws.com/nodegroup": EKS,
    "kubernetes.azure.com/cluster": AKS,
}


def platform_of(nodes: Sequence[Node]) -> Platform:
    """The kind of cluster that the nodes tell of; `generic` where none of them says."""
    for node in nodes:
        labels = node["metadata"].get("labels") or {}
        if found := next((kind for label, kind in _LABELS.items() if label in labels), None):
            return found
        provider = (node.get("spec", {}).get("providerID") or "").partition("://")[0]
        name = node["metadata"]["name"]
        if _OF_DOCKER_DESKTOP.match(name):
            return DOCKER_DESKTOP
        if provider in _PROVIDERS:
            return _PROVIDERS[provider]
        # k3s gives its nodes the provider `k3s`; k3d names them after its cluster and their part in it.
        if provider == "k3s" and name.startswith("k3d-"):
            return K3D
    return GENERIC


def ready(node: Node) -> bool:
    """Whether the node says of itself that it works and takes pods."""
    conditions = {one["type"]: one["status"] for one in node.get("status", {}).get("conditions", [])}
    return conditions.get("Ready") == "True" and not node.get("spec", {}).get("unschedulable", False)


@dataclass(frozen=True)
class Site:
    """What was decided for one stack: how its data are kept, on which node, and how one gets in from outside."""

    platform: Platform
    mode: StorageMode
    data_path: str | None
    node: str | None
    service_type: ServiceType
    fixed_ports: bool
    path_from: str


def site_of(
    spec: StackSpec, nodes: Sequence[Node], settings: Settings, *, config_path: str | None, kept_node: str | None = None
) -> Site:
    """Decide. ``config_path`` is the ConfigMap's, ``kept_node`` the node of a volume that is already there."""
    platform = platform_of(nodes)
    path, path_from = data_path(spec, platform, settings, config_path=config_path)
    mode = storage_mode(spec, platform, named=path_from != "platform")
    k3d = platform is K3D or settings.k3d_cluster
    service_type = _service_type(spec, platform, settings)
    return Site(
        platform=platform,
        mode=mode,
        data_path=path if mode == "hostPath" else None,
        node=(kept_node or _first_ready(nodes)) if mode == "hostPath" else None,
        service_type=service_type,
        fixed_ports=k3d and service_type == "NodePort",
        path_from=path_from,
    )


def data_path(
    spec: StackSpec, platform: Platform, settings: Settings, *, config_path: str | None
) -> tuple[str | None, str]:
    """The data path and who named it: the resource, the environment, the ConfigMap, or the platform's default."""
    named = (
        (spec.storage.data_path, "spec.storage.dataPath"),
        (settings.data_path, "DATAALCHEMY_DATA_PATH"),
        (config_path, "ConfigMap dataalchemy-config"),
    )
    path, place = next((one for one in named if one[0]), (platform.data_path, "platform"))
    return (path.rstrip("/") if path else None), place


def storage_mode(spec: StackSpec, platform: Platform, *, named: bool) -> StorageMode:
    """How data are kept. A path that somebody named holds data already, so it wins over the platform's habit."""
    if spec.storage.mode is not None:
        return spec.storage.mode
    if spec.storage.storage_class_name is not None:
        return "pvc"
    return "hostPath" if named else platform.storage_mode


def _service_type(spec: StackSpec, platform: Platform, settings: Settings) -> ServiceType:
    if spec.service_type is not None:
        return spec.service_type
    if settings.service_type is not None:
        return cast(ServiceType, settings.service_type)
    return "NodePort" if settings.k3d_cluster else platform.service_type


def _first_ready(nodes: Sequence[Node]) -> str | None:
    """By name, so that every reconcile chooses the same one."""
    return min((host_of(node) for node in nodes if ready(node) and not _reserved(node)), default=None)


def host_of(node: Node) -> str:
    """The node as a volume's affinity names it."""
    labels = node["metadata"].get("labels") or {}
    return str(labels.get("kubernetes.io/hostname") or node["metadata"]["name"])


def _reserved(node: Node) -> bool:
    """Whether a taint keeps ordinary pods away, as on most control planes."""
    taints = node.get("spec", {}).get("taints") or []
    return any(taint.get("effect") in ("NoSchedule", "NoExecute") for taint in taints)
