"""From what the cluster says to what is the matter: one cause, and what a person does about it."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from k8s.controller.platform import host_of


@dataclass(frozen=True)
class Cause:
    """Why something isn't well. ``reason`` is one word for machines, ``fix`` a sentence that says what to do."""

    reason: str
    what: str
    fix: str

    @property
    def message(self) -> str:
        """Both for a person."""
        return f"{self.what.rstrip('.')}. {self.fix}".strip()


_SAID: tuple[tuple[str, str, str], ...] = (
    (
        r"^Unhealthy: (readiness|liveness) probe",
        "Unhealthy",
        "It runs and doesn't answer as it should: `kubectl logs` says why.",
    ),
    (
        r"provided port is already allocated|port .* already (in use|allocated)",
        "PortTaken",
        "Another Service has this port of the nodes (`kubectl get services -A`): remove it, or set spec.serviceType.",
    ),
    (
        r"exceeded quota",
        "QuotaExceeded",
        "The namespace's quota is used up (`kubectl describe quota`): raise it, or lower spec.resources.",
    ),
    (
        r"maximum (cpu|memory)|minimum (cpu|memory)|LimitRanger?",
        "LimitRange",
        "The namespace's LimitRange doesn't allow this: change it, or spec.resources.",
    ),
    (
        r"violates PodSecurity",
        "PodSecurityRefused",
        "The namespace allows no pod that gives the folders to their servers. Label it "
        "pod-security.kubernetes.io/enforce=baseline, or keep data in claims (spec.storage.mode: pvc).",
    ),
    (
        r"storageclass\S* \S+ not found|no storage class is set",
        "NoStorageClass",
        "Name one of `kubectl get storageclass` in spec.storage.storageClassName, or set spec.storage.mode: hostPath.",
    ),
    (
        r"only dynamically provisioned pvc can be resized|storageclass that provisions the pvc must support resize",
        "VolumeCannotGrow",
        "The storage class doesn't let volumes grow: set the size back, or move the data to another class.",
    ),
    (
        r"Insufficient (amd|nvidia)\.com/gpu",
        "NoGpu",
        "No node has a free GPU: install the device plugin, free one, or set spec.training.gpu: none.",
    ),
    (
        r"Insufficient (cpu|memory|ephemeral-storage|pods)",
        "NoRoom",
        "No node has room for this: add one, stop something, or lower spec.resources.",
    ),
    (
        r"had volume node affinity conflict|didn't match (PersistentVolume|Pod)'s node affinity",
        "NodeMissing",
        "The node that holds the data is away or takes no pods: bring it back (`kubectl get nodes`).",
    ),
    (
        r"node\(s\) were unschedulable|untolerated taint|no nodes available",
        "NodeMissing",
        "No node takes this pod: `kubectl get nodes` and `kubectl describe node` say why.",
    ),
    (
        r"secret \S+ not found|couldn't find key",
        "SecretMissing",
        "Make the Secret, or name another one in spec.credentialsSecret; the operator fills in what it may.",
    ),
    (
        r"hostPath type check failed|MountVolume|FailedMount",
        "VolumeNotMounted",
        "The folder or disk can't be mounted: look at it on its node.",
    ),
    (
        r"denied( the)? request|admission webhook",
        "AdmissionRefused",
        "A policy of the cluster refuses this: ask who keeps it, with the sentence above.",
    ),
    (
        r"cannot (create|patch|update|delete|get|list|watch) resource|attempting to grant RBAC permissions",
        "NotAllowed",
        "The operator's account lacks a right: apply k8s/install.yaml again.",
    ),
    (
        r"timed out|timeout|too many requests|context deadline exceeded|connection refused",
        "ClusterSlow",
        "The cluster's API answers late or not at all; the operator goes on trying.",
    ),
)
_WAITING = {
    "ImagePullBackOff": "ImageMissing",
    "ErrImagePull": "ImageMissing",
    "ErrImageNeverPull": "ImageMissing",
    "InvalidImageName": "ImageMissing",
    "CreateContainerConfigError": "SecretMissing",
    "CreateContainerError": "ContainerRefused",
    "RunContainerError": "ContainerRefused",
}
_IMAGE_FIX = "Load the image into the cluster (`dataalchemy deploy`), or give the nodes a registry that has it."


def cause_of_words(words: str, *, otherwise: str) -> Cause:
    """What a sentence of the cluster means; ``otherwise`` is the reason of one that nobody knows."""
    for pattern, reason, fix in _SAID:
        if re.search(pattern, words, re.IGNORECASE):
            return Cause(reason, _short(words), fix)
    return Cause(otherwise, _short(words), "The operator tries again; `kubectl describe` shows more.")


def cause_of_pods(pods: Iterable[Mapping[str, Any]], nodes: Sequence[Mapping[str, Any]]) -> Cause | None:
    """The first cause that the pods themselves show."""
    for pod in pods:
        found = _container_cause(pod) or _node_cause(pod, nodes) or _schedule_cause(pod)
        if found is not None:
            return found
    return None


def cause_of_claim(claim: Mapping[str, Any]) -> Cause | None:
    """A claim that names no class, where the cluster gave it none either. What tells of that is no warning."""
    if claim.get("status", {}).get("phase") != "Pending" or claim["spec"].get("storageClassName"):
        return None
    what = f"Claim {claim['metadata']['name']} names no storage class, and the cluster has no default one"
    return cause_of_words(f"{what}: no storage class is set", otherwise="NoStorageClass")


def cause_of_events(events: Sequence[Mapping[str, Any]]) -> Cause | None:
    """What the newest warning about a component means. Events stay for an hour, so ask only about what isn't ready."""
    warnings = [event for event in events if event.get("type") == "Warning" and not _of_a_start(event)]
    warnings.sort(key=lambda event: str(event.get("lastTimestamp") or event.get("eventTime") or ""), reverse=True)
    known = (cause_of_words(f"{one.get('reason')}: {one.get('message')}", otherwise="") for one in warnings)
    return next((cause for cause in known if cause.reason), None)


def _of_a_start(event: Mapping[str, Any]) -> bool:
    """Whether it says no more than that a server isn't up yet; one that never is crashes in the end."""
    return event.get("reason") == "Unhealthy" and str(event.get("message")).startswith("Startup probe")


def _container_cause(pod: Mapping[str, Any]) -> Cause | None:
    status = pod.get("status", {})
    for one in (*status.get("initContainerStatuses", []), *status.get("containerStatuses", [])):
        waiting = one.get("state", {}).get("waiting", {})
        last = one.get("lastState", {}).get("terminated") or one.get("state", {}).get("terminated") or {}
        reason, told = waiting.get("reason", ""), waiting.get("message", "")
        if _WAITING.get(reason) == "ImageMissing":
            return Cause("ImageMissing", f"{one.get('image')}: {_short(told) or reason}", _IMAGE_FIX)
        if reason in _WAITING:
            return cause_of_words(told or reason, otherwise=_WAITING[reason])
        if last.get("reason") == "OOMKilled":
            fix = "Give it more memory in spec.resources."
            return Cause("OutOfMemory", f"{one['name']} was ended for using more memory than it may", fix)
        if reason == "CrashLoopBackOff":
            log = f"kubectl logs --namespace {pod['metadata']['namespace']} {pod['metadata']['name']} -c {one['name']}"
            what = f"{one['name']} ends again and again, last with exit code {last.get('exitCode')}"
            return Cause("Crashing", what, f"`{log} --previous` says why.")
    return None


def _node_cause(pod: Mapping[str, Any], nodes: Sequence[Mapping[str, Any]]) -> Cause | None:
    place = pod.get("spec", {}).get("nodeName")
    if not place or not nodes:
        return None
    node = next((one for one in nodes if one["metadata"]["name"] == place), None)
    state = {one["type"]: one["status"] for one in (node or {}).get("status", {}).get("conditions", [])}
    if node is not None and state.get("Ready") == "True":
        return None
    where = host_of(node) if node is not None else place
    return Cause(
        "NodeDown", f"Node {where} does not answer", "Bring it back (`kubectl get nodes`); the data are on it."
    )


def _schedule_cause(pod: Mapping[str, Any]) -> Cause | None:
    for one in pod.get("status", {}).get("conditions", []):
        if one.get("type") == "PodScheduled" and one.get("status") == "False":
            words = one.get("message", "")
            # The claim's own events say more than that it isn't there.
            unbound = "unbound immediate PersistentVolumeClaims" in words
            return None if unbound or not words else cause_of_words(words, otherwise="Unschedulable")
    return None


def _short(words: str) -> str:
    """The first 300 characters, on one line."""
    return " ".join(words.split())[:300]
