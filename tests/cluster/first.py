"""What the first operator made, and what its users wrote: where every upgrade starts."""

from __future__ import annotations

import base64
from collections.abc import Mapping
from typing import Any

from bench.cluster.api import Manifest
from k8s.controller.spec import API_VERSION

NAME = "dataalchemy"
KEYS = {"AWS_ACCESS_KEY_ID": "first-operators", "AWS_SECRET_ACCESS_KEY": "a value with = and spaces"}
SERVERS = {"minio": {"s3": (9000, 30000), "console": (9001, 30001)}, "redis": {"redis": (6379, 30002)}}
COMMANDS = {"minio": ["minio", "server", "/data"], "redis": ["redis-server", "--dir", "/data", "--appendonly", "yes"]}
IMAGES = {"minio": "DATAALCHEMY_MINIO_IMAGE", "redis": "DATAALCHEMY_CACHE_IMAGE"}
# What its users have written: two replicas on one folder, and an image that is `latest`.
ASKED: dict[str, Any] = {
    "projectName": "DataAlchemy",
    "credentialsSecret": "dataalchemy-secret",
    "storage": {"replicas": 2},
    "cache": {"replicas": 1},
    "compute": {"spark": {"image": "data-processor:latest"}},
}
# Its pods had hostPath volumes, which neither baseline nor restricted allows.
PRIVILEGED = {"pod-security.kubernetes.io/enforce": "privileged"}
ANYTHING = {"type": "object", "x-kubernetes-preserve-unknown-fields": True}
DEFINITION: Manifest = {
    "apiVersion": "apiextensions.k8s.io/v1",
    "kind": "CustomResourceDefinition",
    "metadata": {"name": "dataalchemystacks.dataalchemy.io"},
    "spec": {
        "group": "dataalchemy.io",
        "scope": "Namespaced",
        "names": {"plural": "dataalchemystacks", "singular": "dataalchemystack", "kind": "DataAlchemyStack"},
        "versions": [
            {
                "name": "v1alpha1",
                "served": True,
                "storage": True,
                "subresources": {"status": {}},
                "schema": {"openAPIV3Schema": {"type": "object", "properties": {"spec": ANYTHING, "status": ANYTHING}}},
            }
        ],
    },
}


def stack_of_the_first() -> Manifest:
    """What a user of the first operator had applied."""
    return {"apiVersion": API_VERSION, "kind": "DataAlchemyStack", "metadata": {"name": NAME}, "spec": ASKED}


def first_operators(namespace: str, data: str, images: Mapping[str, str] | None = None) -> list[Manifest]:
    """ConfigMap, Secret, and a Deployment with a Service for each server, on folders in ``data``.

    ``images``: the variables that name images, where the pods are to run.
    """
    meta = {"name": "dataalchemy-config", "namespace": namespace}
    made: list[Manifest] = [{"apiVersion": "v1", "kind": "ConfigMap", "metadata": meta, "data": {"dataPath": data}}]
    values = {key: base64.b64encode(value.encode()).decode() for key, value in KEYS.items()}
    secret = {"name": "dataalchemy-secret", "namespace": namespace}
    made.append({"apiVersion": "v1", "kind": "Secret", "metadata": secret, "data": values})
    for app, ports in SERVERS.items():
        chosen = {"app": app, "stack": NAME}
        meta = {"name": f"{NAME}-{app}", "namespace": namespace}
        meta["labels"] = {**chosen, "dataalchemy.io/managed": "true"}
        listed = [{"name": name, "port": port, "nodePort": node} for name, (port, node) in ports.items()]
        spec = {"type": "NodePort", "selector": chosen, "ports": listed}
        made.append({"apiVersion": "v1", "kind": "Service", "metadata": meta, "spec": spec})
        folder = {"name": "data", "hostPath": {"path": f"{data}/{app}_data", "type": "DirectoryOrCreate"}}
        container = _container(app, images) if images is not None else {"name": app, "image": f"{app}:latest"}
        template = {"metadata": {"labels": chosen}, "spec": {"containers": [container], "volumes": [folder]}}
        deployment = {"replicas": 1, "selector": {"matchLabels": chosen}, "template": template}
        made.append({"apiVersion": "apps/v1", "kind": "Deployment", "metadata": meta, "spec": deployment})
    return made


def _container(app: str, images: Mapping[str, str]) -> Manifest:
    """The server as root, as it was. A new password of Redis', which had none, changes nothing of its data."""
    secret = {"name": "dataalchemy-secret"}
    made: Manifest = {"name": app, "image": images[IMAGES[app]], "command": COMMANDS[app]}
    made["volumeMounts"] = [{"name": "data", "mountPath": "/data"}]
    made["securityContext"] = {"runAsUser": 0, "runAsGroup": 0}
    made["env"] = [
        {"name": name, "valueFrom": {"secretKeyRef": {**secret, "key": key}}}
        for name, key in (("MINIO_ROOT_USER", "AWS_ACCESS_KEY_ID"), ("MINIO_ROOT_PASSWORD", "AWS_SECRET_ACCESS_KEY"))
    ]
    return made
