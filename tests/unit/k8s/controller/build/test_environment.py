"""Pods are told the settings that compose's containers are told, and no secret."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import yaml

from k8s.controller.build.environment import build_environment, run_variables, variables
from k8s.controller.stack import Stack

Make = Callable[..., Stack]
COMPOSE: dict[str, Any] = yaml.safe_load((Path(__file__).parents[5] / "compose.yaml").read_text(encoding="utf-8"))
SECRETS = ("PASSWORD", "ACCESS_KEY", "SECRET", "WEBHOOK")
OPTIONAL = {"DATAALCHEMY_SCHEDULE", "DATAALCHEMY_PRINCIPALS"}


def test_what_composes_containers_are_told_pods_are_told_too(make_stack: Make) -> None:
    told = {name for name in COMPOSE["services"]["code"]["environment"] if not any(word in name for word in SECRETS)}
    assert told - OPTIONAL <= set(variables(make_stack()))


def test_what_a_stack_says_of_its_runs_is_told(make_stack: Make) -> None:
    said = {"schedule": "0 3 * * *", "principals": ["ada", "public"], "keepRunsDays": 30}
    told = variables(make_stack(dagster=said))
    assert told["DATAALCHEMY_SCHEDULE"] == "0 3 * * *"
    assert told["DATAALCHEMY_PRINCIPALS"] == "ada,public"
    assert told["DATAALCHEMY_KEEP_RUNS_DAYS"] == "30"
    assert not {"DATAALCHEMY_SCHEDULE", "DATAALCHEMY_PRINCIPALS", "DATAALCHEMY_KEEP_RUNS_DAYS"} & set(
        variables(make_stack())
    )


def test_no_secret_is_told(make_stack: Make) -> None:
    (config,) = build_environment(make_stack())
    assert not [name for name in config["data"] if any(word in name for word in SECRETS)]
    assert not [value for value in config["data"].values() if "@" in value and "dataalchemy@demo" not in value]


def test_the_deployment_is_named_by_where_it_is(make_stack: Make, make_node: Any) -> None:
    assert variables(make_stack())["DATAALCHEMY_DEPLOYMENT"] == "k3d"
    assert variables(make_stack(nodes=[make_node("worker", "aws")]))["DATAALCHEMY_DEPLOYMENT"] == "k8s"


def test_stores_are_the_stacks_own(make_stack: Make) -> None:
    told = variables(make_stack(name="x"))
    assert told["DATAALCHEMY_LAKE"] == "s3://dataalchemy/lake"
    assert told["DATAALCHEMY_S3_ENDPOINT"] == "http://x-minio:9000"
    assert told["DATAALCHEMY_KV"] == "redis://x-redis:6379/0"
    assert told["DATAALCHEMY_POSTGRES_URL"] == "postgresql://dataalchemy@x-postgres:5432/dagster"


def test_or_somebody_elses(make_stack: Make) -> None:
    stack = make_stack(
        storage={"external": {"bucket": "mine", "prefix": "/a/b/", "region": "eu-west-1"}},
        cache={"external": "rediss://cache.example.com:6379/1"},
    )
    told = variables(stack)
    assert told["DATAALCHEMY_LAKE"] == "s3://mine/a/b"
    assert told["DATAALCHEMY_S3_REGION"] == "eu-west-1"
    assert "DATAALCHEMY_S3_ENDPOINT" not in told
    assert told["DATAALCHEMY_KV"] == "rediss://cache.example.com:6379/1"


def test_a_run_is_told_of_executors_in_mode_cluster_alone(make_stack: Make) -> None:
    assert not any("SPARK" in one["name"] for one in run_variables(make_stack()))
    told = run_variables(make_stack(compute={"spark": {"mode": "cluster", "executors": 3}}))
    assert {"name": "DATAALCHEMY_SPARK_EXECUTORS", "value": "3"} in told
    assert not any("SPARK" in name for name in variables(make_stack(compute={"spark": {"mode": "cluster"}})))
