"""A stack that goes takes what it owns; its claims only where it was told so, and a folder of a node never."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from bench.cluster.api import until
from bench.cluster.world import World, example

pytestmark = pytest.mark.cluster

DATA = ("PersistentVolumeClaim", "PersistentVolume")


def left(world: World, name: str) -> set[str]:
    """Kinds of what is left, once the cluster has cleared away what the stack owned."""
    until(lambda: {kind for kind, _ in world.children(name)} <= set(DATA), 60, lambda: sorted(world.children(name)))
    return {kind for kind, _ in world.children(name)}


def test_by_default_the_data_stay_and_a_stack_of_the_same_name_has_them_again(world: World) -> None:
    place = world.namespaces[0]
    world.stack("keep", **example("stack-instance-k3d"))
    world.settled("keep", within_s=120)
    claims = {ref: one["metadata"]["uid"] for ref, one in world.children("keep").items() if ref[0] in DATA}
    world.remove("keep")
    assert left(world, "keep") == set(DATA)
    assert world.api.get("Secret", "dataalchemy-secret", place) is not None, "it opens the data"
    world.stack("keep", **example("stack-instance-k3d"))
    world.settled("keep", within_s=120)
    assert {ref: one["metadata"]["uid"] for ref, one in world.children("keep").items() if ref[0] in DATA} == claims
    world.remove("keep")
    left(world, "keep")


def test_with_delete_claims_and_volumes_go_and_the_folder_stays(world: World) -> None:
    world.stack("gone", **example("stack-instance-k3d") | {"deletionPolicy": "Delete", "storage": {"dataPath": "/two"}})
    world.settled("gone", within_s=120)
    volumes = [one for ref, one in world.children("gone").items() if ref[0] == "PersistentVolume"]
    # The folder would be the cluster's to delete only under this policy.
    assert {one["spec"]["persistentVolumeReclaimPolicy"] for one in volumes} == {"Retain"}
    world.remove("gone")
    until(lambda: not world.children("gone"), 60, lambda: sorted(world.children("gone")))


def test_with_delete_what_a_change_left_behind_goes_too(world: World, storage_class: Callable[..., str]) -> None:
    spec = {"serviceType": "ClusterIP", "deletionPolicy": "Delete", "storage": {"storageClassName": storage_class()}}
    world.stack("less", **spec)
    world.settled("less", within_s=120)
    world.stack("less", **spec, dagster={"enabled": False})
    world.settled("less")
    assert ("PersistentVolumeClaim", "less-postgres-data") in world.children("less")
    world.remove("less")
    until(lambda: not world.children("less"), 60, lambda: sorted(world.children("less")))


def test_it_can_go_while_it_is_paused_or_broken(world: World) -> None:
    world.stack("paused", paused=True)
    world.settled("paused", phase="Paused")
    world.remove("paused")
    world.stack("broken", storage={"external": {"bucket": "mine"}})
    world.because("broken", "SecretIncomplete") if not world.api.get(
        "Secret", "dataalchemy-secret", world.namespaces[0]
    ) else None
    world.remove("broken")


def test_nothing_went_wrong_unseen(world: World) -> None:
    assert world.operator.errors() == []
    assert world.gate.denied() == []
