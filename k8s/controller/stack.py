"""One stack with all that was decided about it: what the build functions read, and the names they give."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, TypeAlias

from k8s.controller.platform import Site
from k8s.controller.settings import Images
from k8s.controller.spec import API_VERSION, GROUP, KIND, StackSpec

Manifest: TypeAlias = dict[str, Any]
"""One object of the cluster, as plain data."""

MANAGER = "dataalchemy-operator"
CONTENT_ANNOTATION = f"{GROUP}/content"
STACK_LABEL, PART_LABEL = f"{GROUP}/stack", f"{GROUP}/part"
CONFIG_ANNOTATION = f"{GROUP}/config"


@dataclass(frozen=True)
class Stack:
    """Name, place, spec and decisions.

    ``secrets`` has a digest by component of the credentials that it starts with: a change restarts it. ``ingest`` is
    a request that is due, ``ingest_after`` the Job of the one before it.
    """

    name: str
    namespace: str
    uid: str
    spec: StackSpec
    site: Site
    images: Images
    secrets: Mapping[str, str] = field(default_factory=dict)
    ingest: str | None = None
    ingest_after: str = ""

    def named(self, part: str) -> str:
        """The name of one of the stack's objects."""
        return f"{self.name}-{part}"

    def labels(self, component: str) -> dict[str, str]:
        """Labels of an object and of its pods; they follow from the stack's name alone, so no change restarts a pod."""
        return {**self.run_labels(component), "app.kubernetes.io/managed-by": MANAGER}

    def run_labels(self, component: str) -> dict[str, str]:
        """Labels of what a run is or starts: part of the stack, and not ours to keep."""
        part_of = {"app.kubernetes.io/part-of": "dataalchemy"}
        return {**self.selector(component), **part_of, STACK_LABEL: self.name, PART_LABEL: component}

    def selector(self, component: str) -> dict[str, str]:
        """Labels by which the component's pods are found."""
        return {
            "app.kubernetes.io/name": component,
            "app.kubernetes.io/instance": self.name,
            "app.kubernetes.io/component": component,
        }

    def owner(self) -> list[Manifest]:
        """The stack as owner: the cluster itself removes what a deleted stack leaves behind."""
        return [{"apiVersion": API_VERSION, "kind": KIND, "name": self.name, "uid": self.uid, "controller": True}]

    def meta(self, part: str, component: str, **more: Any) -> Manifest:
        """Metadata of an object that goes with its stack."""
        labels = {**self.labels(component), f"{GROUP}/project": self.spec.project_name}
        meta = {"name": self.named(part), "namespace": self.namespace, "labels": labels}
        return {**meta, "ownerReferences": self.owner(), **more}

    def pipelines_image(self) -> str:
        """Image of code location, webserver, daemon and runs."""
        return self.spec.dagster.image or self.images.pipelines


def digest(value: Any) -> str:
    """16 hex digits that are the same for the same content."""
    text = json.dumps(value, sort_keys=True, separators=(",", ":"))
    return hashlib.sha256(text.encode()).hexdigest()[:16]


def marked(manifest: Mapping[str, Any]) -> Manifest:
    """The manifest with a digest of its content as an annotation."""
    meta = dict(manifest["metadata"])
    meta["annotations"] = {**meta.get("annotations", {}), CONTENT_ANNOTATION: digest(manifest)}
    return {**manifest, "metadata": meta}
