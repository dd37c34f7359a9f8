"""A played kubelet: nodes that take pods and say that they run, on a cluster that has no node of its own.

Everything above it is real: the scheduler places the pods, the controllers count them, claims are bound.
"""

from __future__ import annotations

import threading
from contextlib import suppress
from datetime import UTC, datetime
from types import TracebackType
from typing import Any, Self

from urllib3.exceptions import HTTPError

from bench.cluster.api import Api, Manifest, Refused

LOOK_S, BEAT_S = 0.3, 8.0
_ROOM = {"cpu": "500", "memory": "2000Gi", "pods": "1000", "ephemeral-storage": "2000Gi"}


def k3d_node(name: str = "k3d-dataalchemy-server-0") -> Manifest:
    """A node as k3d has it."""
    return _node(name, f"k3s://{name}")


def plain_node(name: str = "played-0") -> Manifest:
    """A node that doesn't say whose it is."""
    return _node(name, "")


def _node(name: str, provider: str) -> Manifest:
    labels = {"kubernetes.io/hostname": name, "kubernetes.io/os": "linux", "dataalchemy.io/played": "true"}
    spec = {"providerID": provider} if provider else {}
    return {"apiVersion": "v1", "kind": "Node", "metadata": {"name": name, "labels": labels}, "spec": spec}


def _now() -> str:
    return datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


class Kubelet:
    """Plays the given nodes within its ``with`` block. The cluster's own nodes take no new pods meanwhile."""

    def __init__(self, api: Api, *nodes: Manifest) -> None:
        self._api, self._nodes = api, nodes
        self._end, self._thread = threading.Event(), threading.Thread(target=self._play, daemon=True)
        self._closed: list[str] = []
        self.absent: set[str] = set()
        """Images that no node has; every other one is there."""
        self.down: set[str] = set()
        """Nodes that don't answer."""
        self.runs: list[str] = []
        """Jobs whose pods were run, in this order."""

    def __enter__(self) -> Self:
        for node in self._api.list("Node"):
            name = node["metadata"]["name"]
            if not node.get("spec", {}).get("unschedulable"):
                self._api.merge("Node", name, "", {"spec": {"unschedulable": True}})
                self._closed.append(name)
        for node in self._nodes:
            self._api.delete("Node", node["metadata"]["name"])
            self._api.create(node)
            self._beat(node["metadata"]["name"])
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._end.set()
        self._thread.join(30)
        for node in self._nodes:
            self._api.delete("Node", node["metadata"]["name"])
        for name in self._closed:
            self._api.merge("Node", name, "", {"spec": {"unschedulable": None}})

    def _play(self) -> None:
        since_s = 0.0
        while not self._end.wait(LOOK_S):
            since_s += LOOK_S
            for node in (one["metadata"]["name"] for one in self._nodes):
                # A pod changes between the look and the word about it; the next look sees it as it is then.
                with suppress(Refused, HTTPError):
                    if since_s >= BEAT_S:
                        self._beat(node)
                    for pod in self._api.list("Pod", fields=f"spec.nodeName={node}"):
                        self._step(pod, node)
            since_s = 0.0 if since_s >= BEAT_S else since_s

    def _beat(self, node: str) -> None:
        well = node not in self.down
        conditions = [
            {
                "type": "Ready",
                "status": "True" if well else "Unknown",
                "reason": "Played",
                "message": "",
                "lastHeartbeatTime": _now(),
            }
        ]
        status = {"conditions": conditions, "capacity": _ROOM, "allocatable": _ROOM}
        status |= {"addresses": [{"type": "InternalIP", "address": "127.0.0.1"}]}
        self._api.merge("Node", node, "", {"status": status}, part="/status")

    def _step(self, pod: Manifest, node: str) -> None:
        meta, status = pod["metadata"], pod.get("status", {})
        phase, well = status.get("phase"), node not in self.down
        conditions = {one["type"]: one["status"] for one in status.get("conditions", [])}
        with suppress(Refused):
            # What a controller says of the pods of a node that doesn't answer, and the kubelet once it does again.
            if phase == "Running" and _whole(pod) and (conditions.get("Ready") == "True") is not well:
                self._say(meta, {"conditions": [{"type": "Ready", "status": "True" if well else "False"}]})
            if not well:
                return
            if meta.get("deletionTimestamp"):
                self._api.delete("Pod", meta["name"], meta["namespace"], gracePeriodSeconds=0)
            elif phase == "Pending":
                self._say(meta, self._begun(pod))
            elif phase == "Running" and _job(meta):
                self.runs.append(_job(meta))
                self._say(meta, {"phase": "Succeeded", "conditions": [{"type": "Ready", "status": "False"}]})

    def _say(self, meta: Manifest, status: Manifest) -> None:
        self._api.merge("Pod", meta["name"], meta["namespace"], {"status": status}, part="/status")

    def _begun(self, pod: Manifest) -> Manifest:
        containers = pod["spec"]["containers"]
        waiting = any(one["image"] in self.absent for one in containers)
        state: Manifest = {"running": {"startedAt": _now()}}
        if waiting:
            state = {"waiting": {"reason": "ImagePullBackOff", "message": "Back-off pulling image"}}
        told = [
            {
                "name": one["name"],
                "image": one["image"],
                "imageID": "",
                "ready": not waiting,
                "restartCount": 0,
                "state": state,
            }
            for one in containers
        ]
        condition = {"status": "False" if waiting else "True", "lastTransitionTime": _now()}
        return {
            "phase": "Pending" if waiting else "Running",
            "podIP": "10.244.9.9",
            "startTime": _now(),
            "containerStatuses": told,
            "conditions": [
                {"type": kind, **condition} for kind in ("PodScheduled", "Initialized", "Ready", "ContainersReady")
            ],
        }


def _whole(pod: Manifest) -> bool:
    return all(one.get("ready") for one in pod["status"].get("containerStatuses", []))


def _job(meta: dict[str, Any]) -> str:
    owners = [one["name"] for one in meta.get("ownerReferences", []) if one["kind"] == "Job"]
    return owners[0] if owners else ""
