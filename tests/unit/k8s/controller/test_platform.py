"""The cluster's kind comes from its nodes, and each order of who decides is kept."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from k8s.controller.platform import K3D, platform_of, site_of
from k8s.controller.settings import Settings
from k8s.controller.spec import StackSpec

Node = Callable[..., dict[str, Any]]
CLUSTERS = {
    "k3d": ("k3d-dataalchemy-server-0", "k3s", {}),
    "docker-desktop": ("docker-desktop", "", {}),
    "minikube": ("minikube", "", {"minikube.k8s.io/name": "minikube"}),
    "kind": ("kind-control-plane", "kind", {}),
    "gke": ("gke-a", "gce", {"cloud.google.com/gke-nodepool": "a"}),
    "eks": ("ip-10-0-0-1", "aws", {}),
    "aks": ("aks-a-0", "azure", {}),
    "generic": ("worker-1", "k3s", {}),
}


@pytest.mark.parametrize("kind", CLUSTERS)
def test_the_nodes_tell_the_kind(kind: str, make_node: Node) -> None:
    name, provider, labels = CLUSTERS[kind]
    assert platform_of([make_node(name, provider, **labels)]).name == kind


def test_a_machine_that_windows_named_is_not_docker_desktop(make_node: Node) -> None:
    assert platform_of([make_node("desktop-4f8kq1", "k3s")]).name == "generic"


def test_a_kind_cluster_of_docker_desktop_is_docker_desktops(make_node: Node) -> None:
    assert platform_of([make_node("desktop-control-plane", "kind")]).name == "docker-desktop"


def test_a_cluster_without_nodes_is_any_cluster() -> None:
    assert platform_of([]).name == "generic"


@pytest.mark.parametrize(
    ("spec", "variable", "config", "path", "place"),
    [
        ("/spec", "/variable", "/config", "/spec", "spec.storage.dataPath"),
        (None, "/variable", "/config", "/variable", "DATAALCHEMY_DATA_PATH"),
        (None, None, "/config", "/config", "ConfigMap dataalchemy-config"),
        (None, None, None, "/data", "platform"),
    ],
)
def test_the_data_path_is_named_in_this_order(
    spec: str | None, variable: str | None, config: str | None, path: str, place: str, make_node: Node
) -> None:
    model = StackSpec.model_validate({"storage": {"dataPath": spec}})
    site = site_of(model, [make_node()], Settings(data_path=variable), config_path=config)
    assert (site.mode, site.data_path, site.path_from) == ("hostPath", path, place)


@pytest.mark.parametrize(
    ("spec", "settings", "kind", "expected", "fixed"),
    [
        ("ClusterIP", Settings(service_type="NodePort", k3d_cluster=True), "k3d", "ClusterIP", False),
        (None, Settings(service_type="LoadBalancer", k3d_cluster=True), "k3d", "LoadBalancer", False),
        (None, Settings(k3d_cluster=True), "eks", "NodePort", True),
        (None, Settings(), "k3d", "NodePort", True),
        (None, Settings(), "eks", "LoadBalancer", False),
        (None, Settings(), "minikube", "NodePort", False),
        (None, Settings(), "generic", "ClusterIP", False),
        ("NodePort", Settings(), "eks", "NodePort", False),
    ],
)
def test_the_service_type_is_decided_in_this_order_and_ports_are_fixed_on_k3d_alone(
    spec: Any, settings: Settings, kind: str, expected: str, fixed: bool, make_node: Node
) -> None:
    name, provider, labels = CLUSTERS[kind]
    model = StackSpec(service_type=spec)
    site = site_of(model, [make_node(name, provider, **labels)], settings, config_path=None)
    assert (site.service_type, site.fixed_ports) == (expected, fixed)


@pytest.mark.parametrize(
    ("storage", "kind", "mode"),
    [
        ({}, "k3d", "hostPath"),
        ({}, "docker-desktop", "pvc"),
        ({"dataPath": "/run/desktop/mnt/host/c/Users/me/data"}, "docker-desktop", "hostPath"),
        ({}, "eks", "pvc"),
        ({"mode": "pvc"}, "k3d", "pvc"),
        ({"storageClassName": "fast"}, "k3d", "pvc"),
    ],
)
def test_a_named_path_means_a_folder_else_the_kind_decides(
    storage: dict[str, str], kind: str, mode: str, make_node: Node
) -> None:
    name, provider, labels = CLUSTERS[kind]
    model = StackSpec.model_validate({"storage": storage})
    site = site_of(model, [make_node(name, provider, **labels)], Settings(), config_path=None)
    assert site.mode == mode
    assert (site.data_path is not None) == (mode == "hostPath")


def test_the_operators_own_folders_are_never_looked_at(make_node: Node, monkeypatch: pytest.MonkeyPatch) -> None:
    """No Windows path, no home and no project root of the operator's container becomes a path on a node."""
    monkeypatch.setenv("PROJECT_ROOT", "/app")
    monkeypatch.setenv("HOME", "/root")
    site = site_of(StackSpec(), [make_node()], Settings.read({}), config_path=None)
    assert site.data_path == K3D.data_path


def test_data_stand_on_a_node_that_is_ready_and_takes_pods(make_node: Node) -> None:
    down, cordoned, reserved, fine = (make_node(name) for name in ("a", "b", "c", "d"))
    down["status"]["conditions"][0]["status"] = "Unknown"
    cordoned["spec"]["unschedulable"] = True
    reserved["spec"]["taints"] = [{"key": "node-role.kubernetes.io/control-plane", "effect": "NoSchedule"}]
    model = StackSpec.model_validate({"storage": {"dataPath": "/data"}})
    site = site_of(model, [fine, down, cordoned, reserved], Settings(), config_path=None)
    assert site.node == "d"


def test_data_that_are_somewhere_stay_there_though_that_node_is_down(make_node: Node) -> None:
    model = StackSpec.model_validate({"storage": {"dataPath": "/data"}})
    site = site_of(model, [make_node("a")], Settings(), config_path=None, kept_node="b")
    assert site.node == "b"


def test_an_affinity_names_the_host_as_its_label_does(make_node: Node) -> None:
    one = make_node("ip-10-0-0-1.internal")
    one["metadata"]["labels"]["kubernetes.io/hostname"] = "ip-10-0-0-1"
    model = StackSpec.model_validate({"storage": {"dataPath": "/data"}})
    assert site_of(model, [one], Settings(), config_path=None).node == "ip-10-0-0-1"
