"""Claims and volumes keep what can't be changed; growth goes through; everything else is told in a sentence."""

from __future__ import annotations

import copy
from collections.abc import Callable
from typing import Any

import pytest

from k8s.controller.build.volumes import HOST_CLASS, build_volumes
from k8s.controller.keep import kept_claim, kept_volume, released, spent, volume_host
from k8s.controller.stack import Stack

Make = Callable[..., Stack]


def claim(size: str = "20Gi", **spec: Any) -> dict[str, Any]:
    requests = {"resources": {"requests": {"storage": size}}}
    return {"kind": "PersistentVolumeClaim", "metadata": {"name": "demo-minio-data"}, "spec": {**requests, **spec}}


def size_of(one: dict[str, Any]) -> str:
    return str(one["spec"]["resources"]["requests"]["storage"])


def test_a_claim_grows() -> None:
    made, problems = kept_claim(claim("40Gi"), claim("20Gi", storageClassName="fast"))
    assert size_of(made) == "40Gi"
    assert problems == []


def test_a_claim_never_shrinks_and_says_so() -> None:
    made, (problem,) = kept_claim(claim("10Gi"), claim("20Gi", storageClassName="fast"))
    assert size_of(made) == "20Gi"
    assert problem.reason == "StorageShrink"
    assert "20Gi" in problem.message and not problem.blocking


def test_the_same_size_written_otherwise_is_the_same() -> None:
    made, problems = kept_claim(claim("1Gi"), claim("1024Mi"))
    assert problems == []
    assert size_of(made) == "1Gi"


@pytest.mark.parametrize(
    ("asked", "had"),
    [
        ({"storageClassName": "slow"}, {"storageClassName": "fast", "volumeName": "pv-1"}),
        ({}, {"storageClassName": HOST_CLASS, "volumeName": "team.demo-minio-data"}),
        ({"storageClassName": HOST_CLASS, "volumeName": "x"}, {"storageClassName": "fast", "volumeName": "pv-1"}),
    ],
)
def test_a_claim_stays_where_its_data_are_and_says_so(asked: dict[str, str], had: dict[str, str]) -> None:
    made, (problem,) = kept_claim(claim(**asked), claim(**had))
    assert problem.reason == "StorageMove"
    assert "back" in problem.message
    assert {key: made["spec"][key] for key in had} == had


def test_a_claim_of_the_default_class_keeps_the_class_that_it_got() -> None:
    made, problems = kept_claim(claim(), claim(storageClassName="standard", volumeName="pv-1"))
    assert problems == []
    assert made["spec"]["storageClassName"] == "standard"


def test_a_folder_has_no_size_to_change() -> None:
    on_folder = {"storageClassName": HOST_CLASS, "volumeName": "x"}
    made, problems = kept_claim(claim("40Gi", **on_folder), claim("20Gi", **on_folder))
    assert (size_of(made), problems) == ("20Gi", [])


def test_a_volume_stays_on_its_folder_and_node_and_says_so(make_stack: Make) -> None:
    wanted = build_volumes(make_stack(storage={"dataPath": "/new"}))[0]
    observed = build_volumes(make_stack(storage={"dataPath": "/old"}))[0]
    made, (problem,) = kept_volume(wanted, observed)
    assert made["spec"] == observed["spec"]
    assert problem.reason == "DataPathMove"
    assert "/old/minio_data" in problem.message and "/new/minio_data" in problem.message


def test_a_volume_stays_on_its_node_when_another_would_be_chosen(make_stack: Make, make_node: Any) -> None:
    wanted = build_volumes(make_stack(nodes=[make_node("a", "k3s")], storage={"dataPath": "/data"}))[0]
    observed = build_volumes(make_stack(nodes=[make_node("b", "k3s")], storage={"dataPath": "/data"}))[0]
    made, problems = kept_volume(wanted, observed)
    assert (volume_host(made), problems) == ("b", [])


def test_an_unchanged_volume_is_told_of_in_no_sentence(make_stack: Make) -> None:
    volume = build_volumes(make_stack())[0]
    assert kept_volume(volume, copy.deepcopy(volume)) == (volume, [])


def test_what_is_kept_is_a_copy(make_stack: Make) -> None:
    wanted = claim("10Gi")
    kept_claim(wanted, claim("20Gi"))
    assert size_of(wanted) == "10Gi"


def test_the_node_of_a_volume_is_found(make_stack: Make) -> None:
    assert volume_host(build_volumes(make_stack())[0]) == "k3d-dataalchemy-server-0"
    assert volume_host({"spec": {}}) is None


def test_a_released_volume_is_known() -> None:
    assert released({"status": {"phase": "Released"}})
    assert not released({"status": {"phase": "Bound"}})
    assert not released({})


@pytest.mark.parametrize(
    ("part", "phase", "goes"),
    [("prepare", "Succeeded", True), ("prepare", "Running", False), ("lake", "Succeeded", False)],
)
def test_only_the_pod_that_has_prepared_its_folders_goes(part: str, phase: str, goes: bool) -> None:
    """One that ended still holds its claims: nobody could delete them."""
    assert spent({"metadata": {"labels": {"dataalchemy.io/part": part}}, "status": {"phase": phase}}) is goes
