"""Templates of training and executors, and the Job of one requested ingest."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest

from k8s.controller.build.jobs import build_ingest, build_templates, executor_pod, training_job
from k8s.controller.stack import Stack

Make = Callable[..., Stack]


def container(job: dict[str, Any]) -> dict[str, Any]:
    (found,) = job["spec"]["template"]["spec"]["containers"]
    made: dict[str, Any] = found
    return made


@pytest.mark.parametrize(("gpu", "resource"), [("amd", "amd.com/gpu"), ("nvidia", "nvidia.com/gpu")])
def test_training_asks_for_the_gpu_that_is_named(gpu: str, resource: str, make_stack: Make) -> None:
    limits = container(training_job(make_stack(training={"gpu": gpu, "gpuCount": 2})))["resources"]["limits"]
    assert limits[resource] == "2"
    assert set(limits) == {"cpu", "memory", resource}


def test_training_without_a_gpu_asks_for_none(make_stack: Make) -> None:
    assert set(container(training_job(make_stack()))["resources"]["limits"]) == {"cpu", "memory"}


def test_training_goes_where_it_is_told_and_survives_a_lost_node(make_stack: Make) -> None:
    asked = {"gpu": "amd", "nodeSelector": {"pool": "gpu"}, "tolerations": [{"key": "amd.com/gpu"}]}
    spec = training_job(make_stack(training=asked))["spec"]
    assert spec["template"]["spec"]["nodeSelector"] == {"pool": "gpu"}
    assert spec["template"]["spec"]["tolerations"] == [{"key": "amd.com/gpu", "operator": "Exists"}]
    (rule,) = spec["podFailurePolicy"]["rules"]
    assert (rule["action"], rule["onPodConditions"]) == ("Ignore", [{"type": "DisruptionTarget"}])
    assert spec["template"]["spec"]["restartPolicy"] == "Never", "a pod failure policy needs it"


def test_templates_are_read_as_they_are_built(make_stack: Make) -> None:
    stack = make_stack(compute={"spark": {"mode": "cluster"}})
    training, spark = build_templates(stack)
    assert json.loads(training["data"]["job.json"]) == training_job(stack)
    assert json.loads(spark["data"]["executor.json"]) == executor_pod(stack)


def test_there_are_executors_in_mode_cluster_alone(make_stack: Make) -> None:
    assert [one["metadata"]["name"] for one in build_templates(make_stack())] == ["demo-training"]
    assert build_templates(make_stack(dagster={"enabled": False})) == []


def test_an_executor_of_another_image_starts_as_ours_does(make_stack: Make) -> None:
    pod = executor_pod(make_stack(compute={"spark": {"mode": "cluster", "image": "spark:1"}}))
    assert pod["spec"]["containers"][0]["image"] == "spark:1"
    assert pod["spec"]["containers"][0]["command"] == ["spark-executor"]


def test_an_ingest_is_handed_to_dagster_and_tried_once(make_stack: Make) -> None:
    (job,) = build_ingest(make_stack(ingest="2026-11-25"))
    assert container(job)["command"] == ["dataalchemy", "ingest", "--json"]
    assert container(job)["env"] == [{"name": "DATAALCHEMY_DAGSTER_URL", "value": "http://demo-webserver:3000"}]
    assert job["spec"]["backoffLimit"] == 0
    assert job["metadata"]["annotations"] == {"dataalchemy.io/request-ingest": "2026-11-25"}


@pytest.mark.parametrize("words", ["a b\nc", "x" * 300, "ü/…"])
def test_any_request_has_a_name_that_the_cluster_takes(words: str, make_stack: Make) -> None:
    name = build_ingest(make_stack(ingest=words))[0]["metadata"]["name"]
    assert name.isascii() and len(name) < 30


def test_no_request_is_no_job(make_stack: Make) -> None:
    assert build_ingest(make_stack()) == []
    assert build_ingest(make_stack(ingest="now", dagster={"enabled": False})) == []
