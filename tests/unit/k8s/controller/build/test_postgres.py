"""PostgreSQL: as in the containers of compose, and reached by nobody outside."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
import yaml

from k8s.controller.build.postgres import build_postgres
from k8s.controller.stack import Stack

Make = Callable[..., Stack]
COMPOSE = yaml.safe_load((Path(__file__).parents[5] / "compose.yaml").read_text(encoding="utf-8"))["services"][
    "postgres"
]


def test_it_is_set_up_as_composes(make_stack: Make) -> None:
    env = build_postgres(make_stack())[1]["spec"]["template"]["spec"]["containers"][0]["env"]
    values = {one["name"]: one["value"] for one in env if "value" in one}
    assert values == {name: COMPOSE["environment"][name] for name in values}
    assert set(values) == set(COMPOSE["environment"]) - {"POSTGRES_PASSWORD"}


def test_it_runs_as_the_user_that_its_image_knows(make_stack: Make) -> None:
    security = build_postgres(make_stack())[1]["spec"]["template"]["spec"]["securityContext"]
    assert f"{security['runAsUser']}:{security['runAsGroup']}" == COMPOSE["user"]


@pytest.mark.parametrize(
    "spec", [{"dagster": {"enabled": False}}, {"dagster": {"postgres": {"external": {"host": "db"}}}}]
)
def test_it_is_there_only_where_dagster_has_no_other(spec: dict[str, object], make_stack: Make) -> None:
    assert build_postgres(make_stack(**spec)) == []


def test_it_has_no_way_in_from_outside(make_stack: Make) -> None:
    services = [one for one in build_postgres(make_stack(serviceType="LoadBalancer")) if one["kind"] == "Service"]
    assert [one["spec"]["type"] for one in services] == ["ClusterIP"]
