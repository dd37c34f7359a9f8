"""Where data stay: a claim for each store, on a storage class or on a folder of one node.

A claim and its volume have no owner: deleting the stack leaves them, unless its deletionPolicy says Delete.
"""

from __future__ import annotations

from dataclasses import dataclass

from k8s.controller.build.pod import CLOSED, USER, claim, scratch
from k8s.controller.stack import Manifest, Stack, digest

POSTGRES_USER = 999
"""The official image knows this user by name; initdb fails for one that it doesn't know."""
HOST_CLASS = "dataalchemy-hostpath"
"""No such class exists: the name keeps a cluster's default class from serving the claim before its volume is there."""

_CHOWN = """set -eu
for entry in $FOLDERS; do
    folder=/volumes/${entry%%:*} owner=${entry##*:}
    find "$folder" -ignore_readdir_race ! -uid "$owner" -exec chown -h "$owner:$owner" {} +
done
"""
"""All that is within, since a server that ran as root may have written there after ours did."""


@dataclass(frozen=True)
class Keeping:
    """One store's data: its part of the stack's name, its folder under the data path, its size and its user."""

    part: str
    component: str
    folder: str
    size: str
    user: int = USER


def keepings(stack: Stack) -> list[Keeping]:
    """The stores of this stack that keep data."""
    spec, kept = stack.spec, []
    if spec.storage.external is None:
        kept.append(Keeping("minio-data", "lake", "minio_data", spec.storage.size))
    if spec.cache.external is None:
        kept.append(Keeping("redis-data", "cache", "redis_data", spec.cache.size))
    if spec.dagster.enabled and spec.dagster.postgres.external is None:
        kept.append(Keeping("postgres-data", "postgres", "postgres_data", spec.dagster.postgres.size, POSTGRES_USER))
    return kept


def build_volumes(stack: Stack) -> list[Manifest]:
    """A claim for each store, on a folder of the node each with its volume."""
    made = []
    for keeping in keepings(stack):
        if stack.site.mode == "hostPath":
            made.append(_volume(stack, keeping))
        made.append(_claim(stack, keeping))
    return made


def build_prepare(stack: Stack) -> list[Manifest]:
    """The Job that gives the folders to the users of the stores; only folders of a node need it.

    It is root with two capabilities, since the folders are root's: nothing that `restricted` allows could do it.
    """
    kept = keepings(stack)
    if stack.site.mode != "hostPath" or not kept:
        return []
    spec = _prepare_pod(stack, kept)
    name = stack.named(f"prepare-{digest([spec, stack.site.data_path])[:8]}")
    return [
        {
            "apiVersion": "batch/v1",
            "kind": "Job",
            "metadata": {**stack.meta("prepare", "prepare"), "name": name},
            "spec": {
                "backoffLimit": 1000,  # it goes on until it can: nothing starts before it ended well
                "template": {"metadata": {"labels": stack.labels("prepare")}, "spec": spec},
            },
        }
    ]


def _prepare_pod(stack: Stack, kept: list[Keeping]) -> Manifest:
    container = {
        "name": "prepare",
        "image": stack.images.postgres,
        "imagePullPolicy": "IfNotPresent",
        "command": ["sh", "-c", _CHOWN],
        "env": [{"name": "FOLDERS", "value": " ".join(f"{keeping.folder}:{keeping.user}" for keeping in kept)}],
        "resources": {"requests": {"cpu": "10m", "memory": "16Mi"}, "limits": {"cpu": "500m", "memory": "128Mi"}},
        "securityContext": {
            **CLOSED,
            "runAsNonRoot": False,
            "runAsUser": 0,
            "capabilities": {"drop": ["ALL"], "add": ["CHOWN", "DAC_OVERRIDE"]},
        },
        "volumeMounts": [{"name": keeping.part, "mountPath": f"/volumes/{keeping.folder}"} for keeping in kept]
        + [{"name": "tmp", "mountPath": "/tmp"}],
    }
    return {
        "automountServiceAccountToken": False,
        "enableServiceLinks": False,
        "restartPolicy": "OnFailure",
        "securityContext": {"seccompProfile": {"type": "RuntimeDefault"}},
        "containers": [container],
        "volumes": [
            *(claim(keeping.part, stack.named(keeping.part)) for keeping in kept),
            scratch("tmp", "16Mi"),
        ],
    }


def volume_name(stack: Stack, keeping: Keeping) -> str:
    """Volumes have no namespace, so the name has it, before a dot, which no part of the name can hold."""
    return f"{stack.namespace}.{stack.named(keeping.part)}"


def _volume(stack: Stack, keeping: Keeping) -> Manifest:
    labels = stack.labels(keeping.component) | {"dataalchemy.io/namespace": stack.namespace}
    on_node = {"key": "kubernetes.io/hostname", "operator": "In", "values": [stack.site.node or ""]}
    return {
        "apiVersion": "v1",
        "kind": "PersistentVolume",
        "metadata": {"name": volume_name(stack, keeping), "labels": labels},
        "spec": {
            "capacity": {"storage": keeping.size},
            "accessModes": ["ReadWriteOnce"],
            "persistentVolumeReclaimPolicy": "Retain",
            "storageClassName": HOST_CLASS,
            "volumeMode": "Filesystem",
            "hostPath": {"path": f"{stack.site.data_path}/{keeping.folder}", "type": "DirectoryOrCreate"},
            "claimRef": {
                "apiVersion": "v1",
                "kind": "PersistentVolumeClaim",
                "namespace": stack.namespace,
                "name": stack.named(keeping.part),
            },
            "nodeAffinity": {"required": {"nodeSelectorTerms": [{"matchExpressions": [on_node]}]}},
        },
    }


def _claim(stack: Stack, keeping: Keeping) -> Manifest:
    spec: Manifest = {
        "accessModes": ["ReadWriteOnce"],
        "volumeMode": "Filesystem",
        "resources": {"requests": {"storage": keeping.size}},
    }
    if stack.site.mode == "hostPath":
        spec |= {"storageClassName": HOST_CLASS, "volumeName": volume_name(stack, keeping)}
    elif stack.spec.storage.storage_class_name is not None:
        spec["storageClassName"] = stack.spec.storage.storage_class_name
    labels = stack.labels(keeping.component)
    return {
        "apiVersion": "v1",
        "kind": "PersistentVolumeClaim",
        "metadata": {"name": stack.named(keeping.part), "namespace": stack.namespace, "labels": labels},
        "spec": spec,
    }
