"""The API of the cluster that KUBECONFIG names, as its administrator: what tests and benchmarks do and look at."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Mapping
from typing import Any
from urllib.parse import urlencode

import kopf
from urllib3 import PoolManager

from k8s.controller.apply import CHILDREN, PLURALS
from k8s.controller.spec import API_VERSION, KIND, PLURAL

Manifest = dict[str, Any]

_WORDS = {
    **PLURALS,
    KIND: PLURAL,
    "Namespace": "namespaces",
    "ReplicaSet": "replicasets",
    "ResourceQuota": "resourcequotas",
    "LimitRange": "limitranges",
    "Lease": "leases",
    "StorageClass": "storageclasses",
    "CustomResourceDefinition": "customresourcedefinitions",
    "ClusterRole": "clusterroles",
    "ClusterRoleBinding": "clusterrolebindings",
}
_VERSIONS = {
    **CHILDREN,
    KIND: API_VERSION,
    "ReplicaSet": "apps/v1",
    "Lease": "coordination.k8s.io/v1",
    "StorageClass": "storage.k8s.io/v1",
    "CustomResourceDefinition": "apiextensions.k8s.io/v1",
    "ClusterRole": "rbac.authorization.k8s.io/v1",
    "ClusterRoleBinding": "rbac.authorization.k8s.io/v1",
}
MERGE, APPLY = "application/merge-patch+json", "application/apply-patch+yaml"


class Refused(Exception):
    """The API's answer of 400 or more: its code and its sentence."""

    def __init__(self, code: int, words: str) -> None:
        super().__init__(f"{code}: {words}")
        self.code, self.words = code, words


def path_of(kind: str, name: str = "", namespace: str = "") -> str:
    """Where the API has an object, or all of a kind."""
    version = _VERSIONS.get(kind, "v1")
    root = f"/apis/{version}" if "/" in version else f"/api/{version}"
    place = f"/namespaces/{namespace}" if namespace else ""
    return f"{root}{place}/{_WORDS[kind]}{'/' if name else ''}{name}"


def _text(value: Any) -> Any:
    return value.decode() if isinstance(value, bytes) else value


class Api:
    """One client for all threads."""

    def __init__(self) -> None:
        info = kopf.login_with_kubeconfig(settings=kopf.OperatorSettings())
        if info is None:
            raise kopf.LoginError("KUBECONFIG names no cluster")
        self.info, self.server = info, info.server.rstrip("/")
        told = {"certificate-authority": info.ca_path, "certificate-authority-data": info.ca_data}
        told |= {"insecure-skip-tls-verify": info.insecure}
        self.authority = {name: _text(value) for name, value in told.items() if value}
        self._headers = info.as_http_headers()
        self.pool = PoolManager(ssl_context=info.as_ssl_context(), retries=False, maxsize=32, block=False, timeout=60.0)

    def ask(self, method: str, path: str, body: Any = None, *, content: str = "application/json", **query: str) -> Any:
        """One request. Raises Refused."""
        headers = {"Accept": "application/json", "Content-Type": content, **self._headers}
        data = None if body is None else json.dumps(body).encode()
        url = f"{self.server}{path}{'?' if query else ''}{urlencode(query)}"
        answer = self.pool.request(method, url, body=data, headers=headers)
        if answer.status >= 400:
            raise Refused(answer.status, str(answer.json().get("message")))
        return answer.json()

    def get(self, kind: str, name: str, namespace: str = "") -> Manifest | None:
        """The object; None where there is none."""
        try:
            found: Manifest = self.ask("GET", path_of(kind, name, namespace))
        except Refused as error:
            if error.code == 404:
                return None
            raise
        return found

    def list(self, kind: str, namespace: str = "", labels: str = "", fields: str = "") -> list[Manifest]:
        """All of a kind, in one namespace or everywhere."""
        chosen = {"labelSelector": labels, "fieldSelector": fields}
        query = {name: value for name, value in chosen.items() if value}
        found: list[Manifest] = self.ask("GET", path_of(kind, "", namespace), **query)["items"]
        return found

    def apply(self, manifest: Manifest, *, manager: str = "somebody") -> Manifest:
        """As `kubectl apply --server-side --force-conflicts`."""
        meta = manifest["metadata"]
        path = path_of(manifest["kind"], meta["name"], meta.get("namespace", ""))
        made: Manifest = self.ask("PATCH", path, manifest, content=APPLY, fieldManager=manager, force="true")
        return made

    def create(self, manifest: Manifest) -> Manifest:
        """As `kubectl create`."""
        path = path_of(manifest["kind"], "", manifest["metadata"].get("namespace", ""))
        made: Manifest = self.ask("POST", path, manifest)
        return made

    def merge(self, kind: str, name: str, namespace: str, change: Mapping[str, Any], *, part: str = "") -> Manifest:
        """As `kubectl patch --type merge`; ``part`` is /status or nothing."""
        made: Manifest = self.ask("PATCH", f"{path_of(kind, name, namespace)}{part}", change, content=MERGE)
        return made

    def delete(self, kind: str, name: str, namespace: str = "", **options: Any) -> None:
        """As `kubectl delete --wait=false`; one that is gone is fine."""
        try:
            self.ask("DELETE", path_of(kind, name, namespace), options or None)
        except Refused as error:
            if error.code not in (404, 409):
                raise


def until(holds: Callable[[], Any], seconds: float, what: str | Callable[[], Any] = "") -> Any:
    """What ``holds`` says once it is true. Raises AssertionError with ``what`` after so many seconds."""
    deadline = time.monotonic() + seconds
    while not (found := holds()):
        if time.monotonic() > deadline:
            raise AssertionError(f"not within {seconds:.0f} s: {what() if callable(what) else what}")
        time.sleep(0.2)
    return found
