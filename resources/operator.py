"""The operator in a cluster: its definition of the stack, its rights, its settings, itself."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import yaml

from resources.errors import Unavailable
from resources.images import OTHERS, OWN
from resources.kubectl import Kubectl, Object
from resources.settings import CHECKOUT, Settings

CRD = CHECKOUT / "k8s" / "crd.yaml"
INSTALL = CHECKOUT / "k8s" / "install.yaml"
NAME, NAMESPACE = "dataalchemy-operator", "dataalchemy"
DEFINITION = "dataalchemystacks.dataalchemy.io"
SETUP_ANNOTATION = "dataalchemy.io/set-up"
FINALIZER = "operator.dataalchemy.io/stack"
"""On every stack that it serves: the cluster deletes none before the operator let it go."""
_ROLLOUT_S, _GONE_S = 180, 120
_FIRST = "default"
"""The namespace of the first operator, whose Deployment had the same name."""


@dataclass(frozen=True)
class State:
    """Whether the operator works, and in which cluster."""

    name: str
    namespace: str
    context: str
    available: bool
    message: str


def state_of(kubectl: Kubectl) -> State:
    """How the operator's Deployment is."""
    found = replace(kubectl, namespace=NAMESPACE).get("deployment", NAME)
    status = (found or {}).get("status") or {}
    available = status.get("availableReplicas", 0) > 0
    said = [one.get("message", "") for one in status.get("conditions") or [] if one.get("type") == "Available"]
    message = "available" if available else "not installed" if found is None else ": ".join(["not available", *said])
    return State(NAME, NAMESPACE, kubectl.context, available, message)


def own_settings(settings: Settings, data_path: str | None) -> dict[str, str]:
    """What the operator's ConfigMap says; ``data_path`` as the nodes have it."""
    images = [name for name in (*OWN, *OTHERS) if name != "DATAALCHEMY_OPERATOR_IMAGE"]
    found = settings.variables(*images)
    if settings.service_type:
        found["SERVICE_TYPE"] = settings.service_type
    if settings.k3d_cluster:
        found["K3D_CLUSTER"] = "true"
    if data_path is not None:
        found["DATAALCHEMY_DATA_PATH"] = data_path
    return dict(sorted(found.items()))


def manifests(variables: Mapping[str, str], image: str, build: str, namespaces: Sequence[str]) -> list[Object]:
    """install.yaml with a ConfigMap of ``variables``, the operator's image, and every namespace that it serves.

    A pod reads its variables at its start alone, so they and the ``build`` are in its template: a change restarts it.
    """
    made = _installed()
    config = {
        "apiVersion": "v1",
        "kind": "ConfigMap",
        "metadata": {"name": NAME, "namespace": NAMESPACE},
        "data": dict(variables),
    }
    others = [namespace for namespace in namespaces if namespace != NAMESPACE]
    binding = next(one for one in made if one["kind"] == "RoleBinding")
    for namespace in others:
        made.append({**binding, "metadata": {**binding["metadata"], "namespace": namespace}})
    template = next(one for one in made if one["kind"] == "Deployment")["spec"]["template"]
    digest = hashlib.sha256(json.dumps([variables, build], sort_keys=True).encode()).hexdigest()[:16]
    template["metadata"]["annotations"] = {SETUP_ANNOTATION: digest}
    container: dict[str, Any] = template["spec"]["containers"][0]
    container["image"] = image
    container["command"] += [f"--namespace={namespace}" for namespace in others]
    return [made[0], config, *made[1:]]


def define(kubectl: Kubectl) -> None:
    """Bring the resource's definition, before anything speaks of it, and wait until the cluster took it."""
    kubectl.apply(CRD.read_text(encoding="utf-8"), namespaced=False)
    kubectl.ask("wait", "--for=condition=Established", f"crd/{DEFINITION}", "--timeout=60s")


def make_namespace(kubectl: Kubectl) -> None:
    """Make the operator's namespace, which holds a stack's Secret before the operator looks for it."""
    kubectl.apply(yaml.safe_dump(_installed()[0], sort_keys=False), namespaced=False)


def install(kubectl: Kubectl, objects: Sequence[Object]) -> None:
    """Bring the operator up to these manifests."""
    kubectl.apply(yaml.safe_dump_all(objects, sort_keys=False), namespaced=False)


def wait_until_it_runs(kubectl: Kubectl) -> None:
    """Return when the operator's pod is ready. Raises Unavailable with what its pods show."""
    operator = replace(kubectl, namespace=NAMESPACE)
    try:
        operator.ask("rollout", "status", f"deployment/{NAME}", f"--timeout={_ROLLOUT_S}s", limit_s=_ROLLOUT_S + 30)
    except Unavailable:
        pods = operator.ask("get", "pods", f"--selector=app.kubernetes.io/name={NAME}", "--no-headers").strip()
        raise Unavailable(
            "The operator does not start", subject=" ".join(pods.split()) or NAME, fix=_mend(pods)
        ) from None


def retire_first(kubectl: Kubectl) -> bool:
    """Delete the first operator, where it is: beside this one it would make its servers again, on the same folders.

    Returns whether it was there; its pods are gone then, what it made stays.
    """
    first = replace(kubectl, namespace=_FIRST)
    found = first.get("deployment", NAME) or {}
    chosen = (found.get("spec") or {}).get("selector") or {}
    labels = {**(found.get("metadata", {}).get("labels") or {}), **(chosen.get("matchLabels") or {})}
    if labels.get("app") != NAME:
        return False
    words = ("--cascade=foreground", "--ignore-not-found", f"--timeout={_GONE_S}s")
    first.ask("delete", "deployment", NAME, *words, limit_s=_GONE_S + 30)
    return True


def remove(kubectl: Kubectl, namespaces: Sequence[str]) -> None:
    """Delete the operator and its rights; never a namespace or the definition, with which data would go."""
    objects = [one for one in manifests({}, "", "", namespaces) if one["kind"] != "Namespace"]
    kubectl.delete(yaml.safe_dump_all(objects, sort_keys=False), namespaced=False)


def _mend(pods: str) -> str:
    """What mends an operator whose pods look like this."""
    if "ErrImage" in pods or "ImagePull" in pods:
        return (
            "The nodes have no such image and can't fetch it. Set DATAALCHEMY_IMAGE_LOADER to the way in which they "
            "get this machine's, or DATAALCHEMY_OPERATOR_IMAGE and the other images to references of a registry that "
            "they reach; docs/kubernetes.md has both."
        )
    return f"`kubectl logs --namespace {NAMESPACE} deployment/{NAME}` says why, or `kubectl describe pods`."


def _installed() -> list[Object]:
    return list(yaml.safe_load_all(INSTALL.read_text(encoding="utf-8")))
