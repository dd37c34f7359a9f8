"""What can't be changed in place stays as it is, and a sentence says so: volumes and claims hold people's data."""

from __future__ import annotations

import copy
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from k8s.controller.build.volumes import HOST_CLASS
from k8s.controller.drift import quantity
from k8s.controller.stack import PART_LABEL, Manifest


@dataclass(frozen=True)
class Problem:
    """Something asked for that is not done, and what a person can do. ``blocking``: the servers aren't touched."""

    reason: str
    message: str
    blocking: bool = False


def never_bound(claim: Mapping[str, Any]) -> bool:
    """Whether a claim still waits for its volume. It holds no data, so it can be made anew as it should be."""
    return claim.get("status", {}).get("phase") == "Pending" and not claim["spec"].get("volumeName")


def kept_claim(wanted: Manifest, observed: Mapping[str, Any]) -> tuple[Manifest, list[Problem]]:
    """The claim with the class, the volume and at least the size that the one in the cluster has."""
    name, had, made = wanted["metadata"]["name"], observed["spec"], copy.deepcopy(wanted)
    asked, problems = made["spec"], []
    if _moved(asked, had):
        problems.append(
            Problem(
                "StorageMove",
                f"{name} stays on {_place(had)}: a claim can't move to {_place(asked)}. To move the data, back "
                "the lake up (`dataalchemy lake backup`), delete the claim, and restore.",
            )
        )
    for field in ("storageClassName", "volumeName"):
        asked.pop(field, None)
        if had.get(field):
            asked[field] = had[field]
    size, has = asked["resources"]["requests"]["storage"], had["resources"]["requests"]["storage"]
    on_folder = had.get("storageClassName") == HOST_CLASS
    if quantity(size) < quantity(has) or (on_folder and quantity(size) != quantity(has)):
        # A folder has no size; the number on its claim can't be changed and means nothing.
        asked["resources"]["requests"]["storage"] = has
        if not on_folder:
            text = f"{name} keeps its {has}: a claim can't shrink to {size}. Set the size to {has} or more."
            problems.append(Problem("StorageShrink", text))
    return made, problems


def kept_volume(wanted: Manifest, observed: Mapping[str, Any]) -> tuple[Manifest, list[Problem]]:
    """The volume with the folder, node and size that the one in the cluster has."""
    made, problems = copy.deepcopy(wanted), []
    path, had = made["spec"]["hostPath"]["path"], observed["spec"]["hostPath"]["path"]
    if path != had:
        problems.append(
            Problem(
                "DataPathMove",
                f"{made['metadata']['name']} stays on {had}: a volume can't move to {path}. Stop the stack, copy the "
                "folder, delete the claim and the volume (the folder stays), and the new path is taken.",
            )
        )
    for field in ("hostPath", "nodeAffinity", "capacity"):
        made["spec"][field] = copy.deepcopy(observed["spec"][field])
    return made, problems


def volume_host(volume: Mapping[str, Any]) -> str | None:
    """The node that a volume of ours stands on."""
    terms = volume["spec"].get("nodeAffinity", {}).get("required", {}).get("nodeSelectorTerms", [])
    values = [value for term in terms for one in term.get("matchExpressions", []) for value in one.get("values", [])]
    return str(values[0]) if values else None


def released(volume: Mapping[str, Any]) -> bool:
    """Whether the volume waits for a claim that was deleted, so that a new one of the same name can't have it."""
    return bool(volume.get("status", {}).get("phase") == "Released")


def spent(pod: Mapping[str, Any]) -> bool:
    """Whether the pod has prepared its folders. While one that ended is there, its claims can't be deleted."""
    part = (pod["metadata"].get("labels") or {}).get(PART_LABEL)
    return part == "prepare" and pod.get("status", {}).get("phase") == "Succeeded"


def _moved(asked: Mapping[str, Any], had: Mapping[str, Any]) -> bool:
    here, there = had.get("storageClassName"), asked.get("storageClassName")
    if there is not None:
        return bool(here != there)
    return here == HOST_CLASS


def _place(spec: Mapping[str, Any]) -> str:
    name = spec.get("storageClassName")
    return "a folder of a node" if name == HOST_CLASS else f"storage class {name}" if name else "the default class"
