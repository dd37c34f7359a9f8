"""Dagster's own servers: what starts them, in which order, and never two daemons."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from k8s.controller.build.dagster import build_dagster, build_dagster_outside
from k8s.controller.stack import Stack

Make = Callable[..., Stack]


def deployment(stack: Stack, part: str) -> dict[str, Any]:
    return next(
        one for one in build_dagster(stack) if one["kind"] == "Deployment" and one["metadata"]["name"] == f"demo-{part}"
    )


def test_the_code_location_is_set_up_before_it_serves(make_stack: Make) -> None:
    pod = deployment(make_stack(), "code")["spec"]["template"]["spec"]
    assert [one["command"] for one in pod["initContainers"]] == [["dataalchemy", "init"]]
    assert pod["containers"][0]["command"][:3] == ["dagster", "api", "grpc"]


def test_there_are_never_two_daemons(make_stack: Make) -> None:
    spec = deployment(make_stack(), "daemon")["spec"]
    assert (spec["replicas"], spec["strategy"]) == (1, {"type": "Recreate"})


def test_every_server_has_variables_credentials_and_home(make_stack: Make) -> None:
    for part in ("code", "webserver", "daemon", "metrics"):
        (container,) = deployment(make_stack(credentialsSecret="mine"), part)["spec"]["template"]["spec"]["containers"]
        assert container["envFrom"] == [
            {"configMapRef": {"name": "demo-environment"}},
            {"secretRef": {"name": "mine"}},
        ]
        assert {"name": "home", "mountPath": "/etc/dagster"} in container["volumeMounts"]


def test_another_image_is_taken_by_all(make_stack: Make) -> None:
    stack = make_stack(dagster={"image": "mine/pipelines:2"})
    for part in ("code", "webserver", "daemon", "metrics"):
        pod = deployment(stack, part)["spec"]["template"]["spec"]
        assert {one["image"] for one in (*pod["containers"], *pod.get("initContainers", []))} == {"mine/pipelines:2"}


def test_switched_off_there_is_nothing(make_stack: Make) -> None:
    stack = make_stack(dagster={"enabled": False})
    assert build_dagster(stack) == build_dagster_outside(stack) == []
