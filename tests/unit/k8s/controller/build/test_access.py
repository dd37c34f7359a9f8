"""Rights in the namespace: runs start runs, and executors only where there are any."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from k8s.controller.build.access import build_access
from k8s.controller.stack import Stack

Make = Callable[..., Stack]


def rights(stack: Stack, part: str) -> set[tuple[str, str]]:
    (role,) = [
        one for one in build_access(stack) if one["kind"] == "Role" and one["metadata"]["name"] == f"demo-{part}"
    ]
    return {(resource, verb) for rule in role["rules"] for resource in rule["resources"] for verb in rule["verbs"]}


def test_dagster_starts_and_stops_jobs_and_makes_no_pod(make_stack: Make) -> None:
    assert {("jobs", "create"), ("jobs", "delete"), ("pods/log", "get")} <= rights(make_stack(), "dagster")
    assert ("pods", "create") not in rights(make_stack(), "dagster")


@pytest.mark.parametrize(("mode", "makes"), [("local", False), ("cluster", True)])
def test_a_run_makes_pods_in_mode_cluster_alone(mode: str, makes: bool, make_stack: Make) -> None:
    found = rights(make_stack(compute={"spark": {"mode": mode}}), "runs")
    assert (("pods", "create") in found) is makes


def test_a_binding_names_its_role_and_its_account(make_stack: Make) -> None:
    made = build_access(make_stack())
    for binding in (one for one in made if one["kind"] == "RoleBinding"):
        name = binding["metadata"]["name"]
        assert binding["roleRef"]["name"] == name
        assert binding["subjects"] == [{"kind": "ServiceAccount", "name": name, "namespace": "team"}]


def test_without_dagster_nobody_has_a_right(make_stack: Make) -> None:
    assert build_access(make_stack(dagster={"enabled": False})) == []
