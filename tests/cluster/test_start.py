"""The operator's start and end on a real API: without the definition it says so, and asked to end it ends soon."""

from __future__ import annotations

import time
from pathlib import Path

import pytest

from bench.cluster.api import Api, until
from bench.cluster.operator import CRD, OperatorProcess, install, sign_in
from bench.cluster.world import World

pytestmark = pytest.mark.cluster


def test_started_before_the_definition_it_says_what_to_apply_and_then_serves(api: Api, tmp_path: Path) -> None:
    name = CRD["metadata"]["name"]
    api.delete("CustomResourceDefinition", name)
    until(lambda: api.get("CustomResourceDefinition", name) is None, 30)
    # Over plain HTTP is only the gate; here the operator speaks TLS itself.
    operator = OperatorProcess(tmp_path, sign_in(api, tmp_path, api.server, authority=api.authority), ["dataalchemy"])
    try:
        operator.start(wait=False)
        until(lambda: "Apply k8s/crd.yaml first" in operator.said(), 60, operator.said)
    finally:
        install(api, [])
    try:
        until(operator.lives, 60, operator.said)
    finally:
        operator.stop()


def test_a_namespace_that_it_may_not_serve_holds_up_no_other(world: World, tmp_path: Path) -> None:
    """Somebody deleted one of several: a watch that is refused must not end the operator of the others."""
    login = sign_in(world.api, tmp_path, world.api.server, authority=world.api.authority)
    world.operator.stop()
    operator = OperatorProcess(tmp_path, login, [world.namespaces[0], "default"])
    operator.start()
    try:
        world.stack("other", serviceType="ClusterIP", dagster={"enabled": False}, storage={"dataPath": "/other"})
        world.settled("other")
        until(lambda: "Forbidden" in operator.said(500), 30, operator.said)
        assert operator.lives()
    finally:
        operator.stop()
        world.operator.start()


def test_it_serves_in_seconds_and_ends_when_it_is_asked_to(world: World) -> None:
    world.stack("demo", serviceType="ClusterIP", dagster={"enabled": False}, storage={"dataPath": "/start"})
    world.settled("demo")
    took_s = world.operator.stop()
    assert took_s < 15
    world.api.delete("Service", "demo-minio", world.namespaces[0])
    began = time.monotonic()
    world.operator.start()
    until(lambda: world.api.get("Service", "demo-minio", world.namespaces[0]), 30, world.operator.said)
    assert time.monotonic() - began < 40, "what happened while it was away is seen at its start"
