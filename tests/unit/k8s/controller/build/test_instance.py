"""Dagster's instance in the cluster differs from everybody else's only where the cluster does."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import yaml

from k8s.controller.build.instance import build_instance, instance, launcher
from k8s.controller.build.jobs import training_job
from k8s.controller.plan import Ref
from k8s.controller.stack import Stack

Make = Callable[..., Stack]
EVERYWHERE = yaml.safe_load(
    (Path(__file__).parents[5] / "resources" / "instances" / "dagster.yaml").read_text(encoding="utf-8")
)
THE_CLUSTERS = {"storage", "run_launcher", "compute_logs", "local_artifact_storage"}


def test_it_is_everybodys_instance_but_for_the_clusters_own(make_stack: Make) -> None:
    made = instance(make_stack())
    assert set(made) - THE_CLUSTERS == set(EVERYWHERE)
    for same in ("telemetry", "nux", "python_logs", "concurrency", "retention"):
        assert made[same] == EVERYWHERE[same], same
    assert set(EVERYWHERE["run_monitoring"]) <= set(made["run_monitoring"])


def test_a_lost_run_is_done_again_and_a_failed_step_is_not(make_stack: Make) -> None:
    retries = instance(make_stack())["run_retries"]
    assert retries == {"enabled": True, "max_retries": 2, "retry_on_asset_or_op_failure": False}


def test_no_process_but_dagsters_servers_needs_the_clusters_api_at_its_start(make_stack: Make) -> None:
    """Above 0, Dagster makes the launcher wherever the instance is opened, and the code location has no token."""
    assert instance(make_stack())["run_monitoring"]["max_resume_run_attempts"] == 0


def test_the_password_is_a_name(make_stack: Make) -> None:
    database = instance(make_stack())["storage"]["postgres"]["postgres_db"]
    assert database["password"] == {"env": "DATAALCHEMY_POSTGRES_PASSWORD"}
    assert (database["hostname"], database["db_name"]) == ("demo-postgres", "dagster")


def test_an_external_database_is_taken(make_stack: Make) -> None:
    external = {"host": "db.example.com", "port": 6432, "user": "me", "database": "mine"}
    stack = make_stack(dagster={"postgres": {"external": external}})
    database = instance(stack)["storage"]["postgres"]["postgres_db"]
    assert (database["hostname"], database["port"], database["username"]) == ("db.example.com", 6432, "me")


def test_output_of_runs_goes_to_the_lakes_store(make_stack: Make) -> None:
    config = instance(make_stack())["compute_logs"]["config"]
    assert (config["bucket"], config["endpoint_url"]) == ("dataalchemy", "http://demo-minio:9000")
    config = instance(make_stack(storage={"external": {"bucket": "mine", "region": "eu-west-1"}}))["compute_logs"][
        "config"
    ]
    assert (config["bucket"], config["region"], "endpoint_url" in config) == ("mine", "eu-west-1", False)


def test_a_run_belongs_to_its_stack_and_to_its_network_policy(make_stack: Make) -> None:
    config = launcher(make_stack())
    (owner,) = config["run_k8s_config"]["job_metadata"]["ownerReferences"]
    assert (owner["kind"], owner["name"]) == ("DataAlchemyStack", "demo")
    assert config["labels"]["dataalchemy.io/part"] == "run"


def test_what_runs_start_is_not_the_operators_to_keep(make_stack: Make) -> None:
    stack = make_stack()
    for labels in (launcher(stack)["labels"], training_job(stack)["metadata"]["labels"], stack.run_labels("executor")):
        assert "app.kubernetes.io/managed-by" not in labels
        assert labels["dataalchemy.io/stack"] == "demo"


def test_a_run_has_dagsters_home_mounted(make_stack: Make) -> None:
    config = launcher(make_stack())
    mounts = {one["mountPath"]: one["name"] for one in config["run_k8s_config"]["container_config"]["volumeMounts"]}
    volumes = {one["name"]: one for one in config["run_k8s_config"]["pod_spec_config"]["volumes"]}
    assert volumes[mounts[config["dagster_home"]]]["configMap"]["name"] == config["instance_config_map"]


def test_what_a_run_names_is_there(make_stack: Make, planned_of: Callable[[Stack], dict[Ref, dict[str, Any]]]) -> None:
    stack = make_stack(compute={"spark": {"mode": "cluster"}})
    planned, config = planned_of(stack), launcher(stack)
    maps = {ref.name for ref in planned if ref.kind == "ConfigMap"}
    wanted = {config["instance_config_map"], *config["env_config_maps"]}
    wanted |= {
        one["configMap"]["name"] for one in config["run_k8s_config"]["pod_spec_config"]["volumes"] if "configMap" in one
    }
    assert wanted <= maps
    assert Ref("ServiceAccount", config["service_account_name"], "team") in planned


def test_the_workspace_is_the_code_service(make_stack: Make) -> None:
    (made,) = build_instance(make_stack())
    workspace = yaml.safe_load(made["data"]["workspace.yaml"])
    assert workspace["load_from"][0]["grpc_server"]["host"] == "demo-code"


def test_without_dagster_there_is_none(make_stack: Make) -> None:
    assert build_instance(make_stack(dagster={"enabled": False})) == []
