"""Dagster's instance in the cluster: history in PostgreSQL, a Job for each run, the runs' output in the lake's store.

What isn't about the cluster is as in resources/instances/dagster.yaml; a test compares the two.
"""

from __future__ import annotations

from typing import Any
from urllib.parse import urlsplit

import yaml

from k8s.controller.build.environment import (
    DATA,
    HOME,
    bucket,
    postgres_url,
    run_variables,
    s3_endpoint,
    sources,
)
from k8s.controller.build.pod import CLOSED, from_config, pod_security, scratch, sized
from k8s.controller.credentials import POSTGRES_PASSWORD
from k8s.controller.stack import Manifest, Stack

RUN_SIZE = {"requests": {"cpu": "250m", "memory": "1Gi"}, "limits": {"cpu": "2", "memory": "8Gi"}}
_DAY_S = 86400


def build_instance(stack: Stack) -> list[Manifest]:
    """The ConfigMap that is Dagster's home: instance and workspace; [] without Dagster."""
    if not stack.spec.dagster.enabled:
        return []
    code = {"host": stack.named("code"), "port": 4000, "location_name": "dataalchemy"}
    data = {
        "dagster.yaml": yaml.safe_dump(instance(stack), sort_keys=False),
        "workspace.yaml": yaml.safe_dump({"load_from": [{"grpc_server": code}]}, sort_keys=False),
    }
    return [
        {"apiVersion": "v1", "kind": "ConfigMap", "metadata": stack.meta("dagster", "config"), "data": data},
    ]


def instance(stack: Stack) -> dict[str, Any]:
    """dagster.yaml."""
    return {
        "telemetry": {"enabled": False},
        "nux": {"enabled": False},
        "python_logs": {"managed_python_loggers": ["dataalchemy"], "python_log_level": "INFO"},
        "storage": {"postgres": {"postgres_db": _database(stack)}},
        "run_launcher": {"module": "dagster_k8s", "class": "K8sRunLauncher", "config": launcher(stack)},
        "compute_logs": _compute_logs(stack),
        "local_artifact_storage": {
            "module": "dagster._core.storage.root",
            "class": "LocalArtifactStorage",
            "config": {"base_dir": "/tmp"},
        },
        "concurrency": {
            "runs": {"max_concurrent_runs": stack.spec.dagster.max_concurrent_runs},
            "pools": {"granularity": "op", "default_limit": 1},
        },
        # Resuming a run would make every process, the code location too, ask the cluster's API at its start.
        "run_monitoring": {
            "enabled": True,
            "start_timeout_seconds": 300,
            "cancel_timeout_seconds": 180,
            "max_runtime_seconds": _DAY_S,
            "max_resume_run_attempts": 0,
            "poll_interval_seconds": 30,
            "free_slots_after_run_end_seconds": 60,
        },
        # A run whose pod was lost is run again; a step that failed is not.
        "run_retries": {"enabled": True, "max_retries": 2, "retry_on_asset_or_op_failure": False},
        "retention": {
            "schedule": {"purge_after_days": 30},
            "sensor": {"purge_after_days": {"skipped": 3, "failure": 30, "success": 30}},
        },
    }


def launcher(stack: Stack) -> dict[str, Any]:
    """Configuration of K8sRunLauncher: a run is as closed as every other pod, and goes with its stack."""
    return {
        "load_incluster_config": True,
        "job_namespace": stack.namespace,
        "service_account_name": stack.named("runs"),
        "job_image": stack.pipelines_image(),
        "image_pull_policy": "IfNotPresent",
        "dagster_home": HOME,
        "instance_config_map": stack.named("dagster"),
        "labels": stack.run_labels("run"),
        "fail_pod_on_run_failure": True,
        "run_k8s_config": {
            "container_config": {
                "resources": sized(RUN_SIZE, stack.spec.resources.get("run")),
                "securityContext": dict(CLOSED),
                "env": run_variables(stack),
                # Not env_config_maps and env_secrets, of which the Secret would have the last word.
                "envFrom": sources(stack),
                "volumeMounts": run_mounts(stack),
            },
            "pod_spec_config": {
                # Runs start training, and in mode cluster executors.
                "automountServiceAccountToken": True,
                "enableServiceLinks": False,
                "securityContext": pod_security(),
                "terminationGracePeriodSeconds": 60,
                "volumes": run_volumes(stack),
            },
            "job_spec_config": {"ttlSecondsAfterFinished": _DAY_S},
            "job_metadata": {"ownerReferences": stack.owner()},
        },
    }


def run_volumes(stack: Stack) -> list[Manifest]:
    """Room to work in, Dagster's home, and the templates of what a run starts itself."""
    made: list[Manifest] = [
        scratch("tmp", "4Gi"),
        scratch("data", "20Gi"),
        # instance_config_map alone mounts nothing.
        from_config("home", stack.named("dagster")),
        from_config("training", stack.named("training")),
    ]
    if stack.spec.compute.spark.mode == "cluster":
        made.append(from_config("spark", stack.named("spark")))
    return made


def run_mounts(stack: Stack) -> list[Manifest]:
    """Where `run_volumes` are found."""
    templates = "/etc/dataalchemy"
    places = {"tmp": "/tmp", "data": DATA, "home": HOME}
    places |= {"training": f"{templates}/training", "spark": f"{templates}/spark"}
    return [{"name": one["name"], "mountPath": places[one["name"]]} for one in run_volumes(stack)]


def _database(stack: Stack) -> dict[str, Any]:
    url = urlsplit(postgres_url(stack))
    return {
        "username": url.username,
        "password": {"env": POSTGRES_PASSWORD},
        "hostname": url.hostname,
        "port": url.port,
        "db_name": url.path.removeprefix("/"),
        "scheme": "postgresql+psycopg2",
        "params": {"connect_timeout": 5},
    }


def _compute_logs(stack: Stack) -> dict[str, Any]:
    """In the store, since a run's pod is gone when somebody reads them."""
    config: dict[str, Any] = {
        "bucket": bucket(stack),
        "prefix": "compute-logs",
        "local_dir": "/tmp/compute-logs",
        "skip_empty_files": True,
        "upload_interval": 30,
    }
    if endpoint := s3_endpoint(stack):
        config |= {"endpoint_url": endpoint, "use_ssl": endpoint.startswith("https:")}
    external = stack.spec.storage.external
    config["region"] = "us-east-1" if external is None else external.region
    return {"module": "dagster_aws.s3.compute_log_manager", "class": "S3ComputeLogManager", "config": config}
