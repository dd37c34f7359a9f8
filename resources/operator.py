"""The operator in a cluster: its definition of the stack, its rights, its settings, itself."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
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
_ROLLOUT_S = 180


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
    operator = Kubectl(kubectl.context, NAMESPACE)
    try:
        operator.ask("rollout", "status", f"deployment/{NAME}", f"--timeout={_ROLLOUT_S}s", limit_s=_ROLLOUT_S + 30)
    except Unavailable:
        pods = operator.ask("get", "pods", f"--selector=app.kubernetes.io/name={NAME}", "--no-headers").strip()
        fix = f"`kubectl logs --namespace {NAMESPACE} deployment/{NAME}` says why, or `kubectl describe pods`."
        raise Unavailable("The operator does not start", subject=" ".join(pods.split()) or NAME, fix=fix) from None


def restart(kubectl: Kubectl) -> None:
    """Start the operator anew, so that it looks at everything now."""
    Kubectl(kubectl.context, NAMESPACE).ask("rollout", "restart", f"deployment/{NAME}")


def remove(kubectl: Kubectl, namespaces: Sequence[str]) -> None:
    """Delete the operator and its rights; never a namespace or the definition, with which data would go."""
    objects = [one for one in manifests({}, "", "", namespaces) if one["kind"] != "Namespace"]
    kubectl.delete(yaml.safe_dump_all(objects, sort_keys=False), namespaced=False)


def _installed() -> list[Object]:
    return list(yaml.safe_load_all(INSTALL.read_text(encoding="utf-8")))
