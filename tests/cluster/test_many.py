"""Twenty stacks in five namespaces: all Ready, none in another's way, in little memory and with few requests."""

from __future__ import annotations

from typing import Any

import pytest

from bench.cluster.api import Api
from bench.cluster.world import World
from bench.reconcile import measure

pytestmark = pytest.mark.cluster

STACKS, MEMORY_MB, CALLS = 20, 120.0, 1.0


@pytest.fixture(scope="module")
def measured(api: Api, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    return measure(api, STACKS, tmp_path_factory.mktemp("reconcile"), rest_s=30)


def test_the_operator_stays_small(measured: dict[str, Any]) -> None:
    assert measured["memory_mb"] <= MEMORY_MB


def test_at_rest_it_hardly_asks(measured: dict[str, Any]) -> None:
    assert measured["calls_per_stack_minute"] <= CALLS


def test_each_kind_heals_in_half_a_minute(measured: dict[str, Any]) -> None:
    assert {kind: seconds for kind, seconds in measured["seconds_to_heal"].items() if seconds > 30} == {}


def test_two_stacks_of_one_namespace_don_t_touch_each_other(world: World) -> None:
    spec: dict[str, Any] = {"serviceType": "ClusterIP"}
    world.stack("demo", **spec, storage={"dataPath": "/one"})
    world.stack("demo-b", **spec, storage={"dataPath": "/two"})
    world.settled("demo", within_s=120)
    world.settled("demo-b", within_s=120)
    before = {ref: one["metadata"]["uid"] for ref, one in world.children("demo-b").items()}
    world.stack("demo", **spec, storage={"dataPath": "/one"}, dagster={"enabled": False})
    world.settled("demo")
    world.remove("demo")
    after = {ref: one["metadata"]["uid"] for ref, one in world.children("demo-b").items()}
    assert after == before
    assert world.status("demo-b")["phase"] == "Ready"
