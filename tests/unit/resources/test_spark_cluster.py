"""Spark's configuration for executors in pods, from the operator's template."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from resources import spark_cluster
from resources.errors import Misconfigured
from resources.settings import Settings


def settings(path: Path, **more: Any) -> Settings:
    return Settings(spark_template=path, namespace="n", **more)


@pytest.fixture
def template(tmp_path: Path) -> Path:
    resources = {"requests": {"cpu": "500m", "memory": "1Gi"}, "limits": {"cpu": "1500m", "memory": "2Gi"}}
    container = {"name": "spark-kubernetes-executor", "image": "ours:1", "resources": resources}
    path = tmp_path / "executor.json"
    path.write_text(json.dumps({"spec": {"containers": [container]}}))
    return path


def test_without_a_template_there_are_no_executors() -> None:
    assert spark_cluster.options(Settings()) == {}


def test_memory_beside_the_heap_is_for_python_and_both_make_the_limit(template: Path) -> None:
    made = spark_cluster.options(settings(template, pod_ip="10.0.0.9", spark_executors=3))
    assert (made["spark.executor.memory"], made["spark.executor.memoryOverhead"]) == ("512m", "1536m")
    assert made["spark.executor.cores"] == "2"
    assert made["spark.kubernetes.executor.request.cores"] == "500m"
    assert made["spark.kubernetes.executor.limit.cores"] == "1500m"
    assert made["spark.executor.instances"] == "3"
    assert made["spark.driver.host"] == "10.0.0.9"
    assert made["spark.kubernetes.container.image"] == "ours:1"


@pytest.mark.parametrize(("memory", "enough"), [("128Mi", False), ("512Mi", False), ("895Mi", False), ("896Mi", True)])
def test_a_limit_that_leaves_python_no_memory_is_refused_by_the_name_of_its_field(
    memory: str, enough: bool, template: Path
) -> None:
    pod = json.loads(template.read_text())
    pod["spec"]["containers"][0]["resources"]["limits"]["memory"] = memory
    template.write_text(json.dumps(pod))
    if enough:
        assert spark_cluster.options(settings(template, pod_ip="10.0.0.9"))["spark.executor.memoryOverhead"] == "384m"
        return
    with pytest.raises(Misconfigured, match=rf"{memory}\. .*spec\.compute\.spark\.resources to 896Mi"):
        spark_cluster.options(settings(template, pod_ip="10.0.0.9"))


def test_what_the_cluster_answered_is_said_since_the_log_goes_with_the_pod(tmp_path: Path) -> None:
    log = tmp_path / "spark.log"
    answer = "io.fabric8.kubernetes.client.KubernetesClientException: pods is forbidden"
    log.write_text(f"ERROR x\nCaused by: java.lang.A\nCaused by: {answer}\n\tat b\nCaused by: java.lang.C\n")
    assert f"{spark_cluster.MASTER}, {answer}, java.lang.C, see {log}. " in str(
        spark_cluster.not_started(spark_cluster.MASTER, log)
    )
    log.write_text("Caused by: java.lang.A\nCaused by: java.lang.C\n")
    assert ", java.lang.C, see" in str(spark_cluster.not_started(spark_cluster.MASTER, log))
    log.unlink()
    assert f"{spark_cluster.MASTER}, see" in str(spark_cluster.not_started(spark_cluster.MASTER, log))


def test_an_unknown_address_of_the_pod_is_named(template: Path) -> None:
    with pytest.raises(Misconfigured, match="DATAALCHEMY_POD_IP"):
        spark_cluster.options(settings(template))


@pytest.mark.parametrize("text", ["", "{}", '{"spec": {"containers": [{"name": "other"}]}}'])
def test_a_template_that_is_none_is_named(template: Path, text: str) -> None:
    template.write_text(text)
    with pytest.raises(Misconfigured, match="spark-kubernetes-executor"):
        spark_cluster.options(settings(template, pod_ip="10.0.0.9"))


@pytest.mark.parametrize(
    ("text", "amount"), [("2", 2), ("500m", 0.5), ("1.5", 1.5), ("2Gi", 2**31), ("1k", 1000), ("3M", 3e6)]
)
def test_amounts_are_read_as_kubernetes_writes_them(text: str, amount: float) -> None:
    assert spark_cluster.quantity(text) == amount
