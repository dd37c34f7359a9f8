"""The only client: reads, server-side apply and deletion over the cluster's API, each with a time limit.

It speaks HTTP itself: the official library has a class for everything, and takes 50 MB of memory for them.
"""

from __future__ import annotations

import base64
import json
from collections.abc import Callable, Iterator, Mapping
from typing import Any
from urllib.parse import urlencode

import kopf
from urllib3 import BaseHTTPResponse, PoolManager, Timeout
from urllib3.exceptions import HTTPError

from k8s.controller.credentials import Held
from k8s.controller.plan import OLD_LABEL, Ref
from k8s.controller.reconcile import ApiError
from k8s.controller.spec import API_VERSION, PLURAL
from k8s.controller.stack import MANAGER, STACK_LABEL, Manifest

CONNECT_S, READ_S = 5.0, 15.0
PAGE = 200
"""Objects in an answer. A thousand nodes, each with its images, would be 70 MB at once."""
Login = Callable[[], kopf.ConnectionInfo]
"""Reads address and credentials anew: a token in a pod is replaced every hour."""
PLURALS = {
    "ServiceAccount": "serviceaccounts",
    "Role": "roles",
    "RoleBinding": "rolebindings",
    "ConfigMap": "configmaps",
    "NetworkPolicy": "networkpolicies",
    "PersistentVolume": "persistentvolumes",
    "PersistentVolumeClaim": "persistentvolumeclaims",
    "Job": "jobs",
    "Service": "services",
    "StatefulSet": "statefulsets",
    "Deployment": "deployments",
    "Ingress": "ingresses",
    "Pod": "pods",
    "Secret": "secrets",
    "Event": "events",
    "Node": "nodes",
}
"""Kind -> its word in the API's addresses."""
CHILDREN = {
    "ServiceAccount": "v1",
    "ConfigMap": "v1",
    "PersistentVolumeClaim": "v1",
    "Service": "v1",
    "StatefulSet": "apps/v1",
    "Deployment": "apps/v1",
    "Job": "batch/v1",
    "Role": "rbac.authorization.k8s.io/v1",
    "RoleBinding": "rbac.authorization.k8s.io/v1",
    "NetworkPolicy": "networking.k8s.io/v1",
    "Ingress": "networking.k8s.io/v1",
}
"""Kinds that a stack has in its namespace, with their versions."""


def sign_in(settings: kopf.OperatorSettings, **_: Any) -> kopf.ConnectionInfo:
    """As the pod's account; outside a cluster as KUBECONFIG says. Raises LoginError."""
    found = kopf.login_with_service_account(settings=settings) or kopf.login_with_kubeconfig(settings=settings)
    if found is None:
        raise kopf.LoginError("No cluster: run this in a pod with an account, or set KUBECONFIG.")
    return found


class ApiCluster:
    """A cluster over its API. See `k8s.controller.reconcile.Cluster`; every method raises ApiError."""

    def __init__(self, login: Login) -> None:
        self._login = login
        self._connect()

    def _connect(self) -> None:
        info = self._login()
        self._server, self._headers = info.server.rstrip("/"), info.as_http_headers()
        timeout = Timeout(connect=CONNECT_S, read=READ_S)
        # No more requests at a time than this, however many stacks there are: the others wait.
        context = info.as_ssl_context()
        self._pool = PoolManager(ssl_context=context, timeout=timeout, retries=False, maxsize=8, block=True)

    def serves_stacks(self) -> None:
        """Raise ApiError where the cluster doesn't know the resource: an operator without it would only look well."""
        try:
            self._send("GET", f"/apis/{API_VERSION}")
        except ApiError as error:
            raise ApiError(error.code, f"Apply k8s/crd.yaml first: {error.words}") from None

    def nodes(self) -> list[Manifest]:
        """See Cluster. Without the images that each has, which are most of it."""
        return [_node(one) for one in self._each("Node", "v1", "")]

    def objects(self, namespace: str, name: str) -> dict[Ref, Manifest]:
        """See Cluster."""
        ours = f"app.kubernetes.io/managed-by={MANAGER},{STACK_LABEL}={name}"
        found = [one for kind, version in CHILDREN.items() for one in self._list(kind, version, namespace, ours)]
        found += self._list("PersistentVolume", "v1", "", f"{ours},dataalchemy.io/namespace={namespace}")
        return {Ref.of(one): one for one in found}

    def volumes(self) -> list[Manifest]:
        """See Cluster."""
        return self._list("PersistentVolume", "v1", "", f"app.kubernetes.io/managed-by={MANAGER}")

    def old(self, namespace: str, name: str) -> list[Manifest]:
        """See Cluster."""
        made = f"{OLD_LABEL}=true,stack={name}"
        return [
            *self._list("Deployment", "apps/v1", namespace, made),
            *self._list("Service", "v1", namespace, made),
            *self._list("Pod", "v1", namespace, f"stack={name},app in (minio,redis)"),
        ]

    def pods(self, namespace: str, name: str) -> list[Manifest]:
        """See Cluster."""
        return self._list("Pod", "v1", namespace, f"{STACK_LABEL}={name}")

    def events(self, namespace: str) -> list[Manifest]:
        """See Cluster."""
        return list(self._each("Event", "v1", namespace, fields="type=Warning"))

    def data_path(self, namespace: str) -> str | None:
        """See Cluster."""
        found = self._get(Ref("ConfigMap", "dataalchemy-config", namespace))
        return ((found or {}).get("data") or {}).get("dataPath")

    def secret(self, namespace: str, name: str) -> Held:
        """See Cluster."""
        found = self._get(Ref("Secret", name, namespace))
        if found is None:
            return Held()
        data = found.get("data") or {}
        values = {key: base64.b64decode(value).decode(errors="replace") for key, value in data.items()}
        return Held(values, found["metadata"]["uid"])

    def fill_secret(self, namespace: str, name: str, values: Mapping[str, str]) -> None:
        """See Cluster. Under a name of its own, so that no apply ever takes a key away that another one made."""
        encoded = {key: base64.b64encode(value.encode()).decode() for key, value in values.items()}
        made = {"apiVersion": "v1", "kind": "Secret", "metadata": {"name": name, "namespace": namespace}}
        there = self._get(Ref.of(made))
        if there is None:
            path = _path(Ref.of(made)).rpartition("/")[0]
            self._send("POST", path, {**made, "type": "Opaque", "data": encoded}, query=[("fieldManager", MANAGER)])
            return
        # Two stacks may share it: who finds it changed since looks again, and overwrites nothing.
        added = {key: value for key, value in encoded.items() if not (there.get("data") or {}).get(key)}
        body = {"metadata": {"resourceVersion": there["metadata"]["resourceVersion"]}, "data": added}
        self._send("PATCH", _path(Ref.of(made)), body, content="application/merge-patch+json")

    def apply(self, manifest: Manifest) -> Manifest:
        """See Cluster. Forced: what the stack asks for counts, whoever set it last."""
        query = [("fieldManager", MANAGER), ("force", "true")]
        path, content = _path(Ref.of(manifest)), "application/apply-patch+yaml"
        made: Manifest = self._send("PATCH", path, manifest, query=query, content=content)
        return made

    def create(self, manifest: Manifest) -> None:
        """See Cluster."""
        path = _path(Ref.of(manifest)).rpartition("/")[0]
        try:
            self._send("POST", path, manifest, query=[("fieldManager", MANAGER)])
        except ApiError as error:
            if error.code != 409:
                raise

    def free(self, volume: Ref) -> None:
        """See Cluster."""
        body = {"spec": {"claimRef": {"uid": None, "resourceVersion": None}}}
        self._send("PATCH", _path(volume), body, content="application/merge-patch+json")

    def delete(self, ref: Ref, *, version: str | None = None) -> None:
        """See Cluster."""
        options: dict[str, Any] = {"propagationPolicy": "Foreground"}
        if version is not None:
            options["preconditions"] = {"resourceVersion": version}
        try:
            self._send("DELETE", _path(ref), options)
        except ApiError as error:
            if error.code != 404:
                raise

    def tell(self, namespace: str, name: str, status: Mapping[str, Any]) -> None:
        """Write the whole status of a stack; what an earlier one had and this hasn't is gone."""
        path = f"/apis/{API_VERSION}/namespaces/{namespace}/{PLURAL}/{name}/status"
        body = [{"op": "add", "path": "/status", "value": status}]
        self._send("PATCH", path, body, content="application/json-patch+json")

    def _get(self, ref: Ref) -> Manifest | None:
        try:
            found: Manifest = self._send("GET", _path(ref))
        except ApiError as error:
            if error.code == 404:
                return None
            raise
        return found

    def _list(self, kind: str, version: str, namespace: str, labels: str = "") -> list[Manifest]:
        return list(self._each(kind, version, namespace, labels))

    def _each(
        self, kind: str, version: str, namespace: str, labels: str = "", *, fields: str = ""
    ) -> Iterator[Manifest]:
        """Objects of a kind, a page of them in memory at a time."""
        path = _path(Ref(kind, "", namespace, version)).rstrip("/")
        asked = {"labelSelector": labels, "fieldSelector": fields, "limit": str(PAGE)}
        while True:
            answer = self._send("GET", path, query=[(name, value) for name, value in asked.items() if value])
            # Items of a list don't say what they are.
            yield from ({**one, "apiVersion": version, "kind": kind} for one in answer["items"])
            asked["continue"] = (answer.get("metadata") or {}).get("continue", "")
            if not asked["continue"]:
                return

    def _send(
        self, method: str, path: str, body: Any = None, *, query: Any = (), content: str = "application/json"
    ) -> Any:
        try:
            answer = self._request(method, path, body, query=query, content=content)
            if answer.status == 401:
                self._connect()
                answer = self._request(method, path, body, query=query, content=content)
        except HTTPError as error:
            raise ApiError(0, f"The cluster's API timed out or is away: {type(error).__name__}") from None
        if answer.status >= 400:
            raise ApiError(answer.status, _words(answer))
        return answer.json()

    def _request(self, method: str, path: str, body: Any, *, query: Any, content: str) -> BaseHTTPResponse:
        url = f"{self._server}{path}{'?' if query else ''}{urlencode(list(query))}"
        headers = {"Accept": "application/json", "Content-Type": content, **self._headers}
        data = None if body is None else json.dumps(body).encode()
        return self._pool.request(method, url, body=data, headers=headers)


def _path(ref: Ref) -> str:
    root = f"/api/{ref.api_version}" if "/" not in ref.api_version else f"/apis/{ref.api_version}"
    place = f"/namespaces/{ref.namespace}" if ref.namespace else ""
    return f"{root}{place}/{PLURALS[ref.kind]}/{ref.name}"


def _node(found: Manifest) -> Manifest:
    """What is read of a node."""
    meta, spec, status = found["metadata"], found.get("spec", {}), found.get("status", {})
    return {
        "metadata": {key: meta[key] for key in ("name", "labels") if key in meta},
        "spec": {key: spec[key] for key in ("providerID", "taints", "unschedulable") if key in spec},
        "status": {key: status[key] for key in ("addresses", "conditions") if key in status},
    }


def _words(answer: BaseHTTPResponse) -> str:
    """The sentence of the cluster's answer; never the request, which may hold a value."""
    try:
        return str(answer.json()["message"])
    except (TypeError, ValueError, KeyError):
        return str(answer.reason or answer.status)
