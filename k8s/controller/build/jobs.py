"""Pods that a run starts itself, as templates that it reads: training, Spark's executors. And the Job of an ingest.

A run gives the template a name and its arguments, and nothing else, so what a pod may do is decided here.
"""

from __future__ import annotations

import hashlib
import json

from k8s.controller.build.environment import DATA, UI_PORT, sources
from k8s.controller.build.pod import Container, pod, scratch, sized
from k8s.controller.spec import INGEST_ANNOTATION
from k8s.controller.stack import Manifest, Stack

GPUS = {"amd": "amd.com/gpu", "nvidia": "nvidia.com/gpu"}
_TRAINING_SIZE = {"requests": {"cpu": "500m", "memory": "2Gi"}, "limits": {"cpu": "4", "memory": "16Gi"}}
_EXECUTOR_SIZE = {"requests": {"cpu": "250m", "memory": "1Gi"}, "limits": {"cpu": "1", "memory": "2Gi"}}
_INGEST_SIZE = {"requests": {"cpu": "50m", "memory": "256Mi"}, "limits": {"cpu": "1", "memory": "1Gi"}}


def build_templates(stack: Stack) -> list[Manifest]:
    """The ConfigMaps of the templates; [] without Dagster."""
    if not stack.spec.dagster.enabled:
        return []
    made = [_config(stack, "training", "job.json", training_job(stack))]
    if stack.spec.compute.spark.mode == "cluster":
        made.append(_config(stack, "spark", "executor.json", executor_pod(stack)))
    return made


def training_job(stack: Stack) -> Manifest:
    """Training: on the GPU that the stack names, else on the processor. An evicted one resumes from the lake."""
    asked = stack.spec.training
    resources = sized(_TRAINING_SIZE, asked.resources)
    if asked.gpu != "none":
        resources["limits"] |= {GPUS[asked.gpu]: str(asked.gpu_count or 1)}
    container = _worker(stack, "training", ["python", "-m", "dataalchemy_pipelines.training", "--spec", ""], resources)
    container["image"] = asked.image or stack.pipelines_image()
    spec = pod([], [scratch("tmp", "4Gi"), scratch("data", "20Gi")], restartPolicy="Never") | {
        "containers": [container],
        "nodeSelector": dict(asked.node_selector),
        "tolerations": [one.model_dump(exclude_none=True) for one in asked.tolerations],
    }
    return {
        "apiVersion": "batch/v1",
        "kind": "Job",
        "metadata": {
            "name": stack.named("training"),
            "namespace": stack.namespace,
            "labels": stack.run_labels("training"),
            "ownerReferences": stack.owner(),
        },
        "spec": {
            "backoffLimit": 3,
            "ttlSecondsAfterFinished": 86400,
            # A node that goes away is no failure of the training.
            "podFailurePolicy": {"rules": [{"action": "Ignore", "onPodConditions": [{"type": "DisruptionTarget"}]}]},
            "template": {"metadata": {"labels": stack.run_labels("training")}, "spec": spec},
        },
    }


def executor_pod(stack: Stack) -> Manifest:
    """One executor of Spark in mode cluster; the driver adds its address. Its image is made from ours: its workers run
    our code."""
    spark = stack.spec.compute.spark
    container = _worker(stack, "executor", ["spark-executor"], sized(_EXECUTOR_SIZE, spark.resources))
    container |= {"name": "spark-kubernetes-executor", "image": spark.image or stack.pipelines_image()}
    spec = pod([], [scratch("tmp", "4Gi"), scratch("data", "4Gi")], restartPolicy="Never") | {"containers": [container]}
    return {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {"labels": stack.run_labels("executor")},
        "spec": spec,
    }


def build_ingest(stack: Stack) -> list[Manifest]:
    """The Job that hands one requested ingest to Dagster; [] where none is due.

    Its name follows from the request and the one before it, so that a value that comes again is a request again.
    """
    if stack.ingest is None or not stack.spec.dagster.enabled:
        return []
    container = _worker(stack, "ingest", ["dataalchemy", "ingest", "--json"], _INGEST_SIZE)
    pages = f"http://{stack.named('webserver')}:{UI_PORT}"
    container["env"] = [{"name": "DATAALCHEMY_DAGSTER_URL", "value": pages}]
    room = [scratch("tmp", "256Mi"), scratch("data", "256Mi")]
    template = {
        "metadata": {"labels": stack.labels("ingest")},
        "spec": pod([], room, restartPolicy="Never") | {"containers": [container]},
    }
    request = hashlib.sha256(f"{stack.ingest_after}\0{stack.ingest}".encode()).hexdigest()[:10]
    return [
        {
            "apiVersion": "batch/v1",
            "kind": "Job",
            "metadata": stack.meta(f"ingest-{request}", "ingest", annotations={INGEST_ANNOTATION: stack.ingest}),
            "spec": {"backoffLimit": 0, "ttlSecondsAfterFinished": 86400, "template": template},
        }
    ]


def _worker(stack: Stack, name: str, command: list[str], resources: Manifest) -> Manifest:
    return Container(
        name=name,
        image=stack.pipelines_image(),
        command=command,
        resources=resources,
        env_from=sources(stack),
        mounts={"data": DATA, "tmp": "/tmp"},
    ).manifest()


def _config(stack: Stack, part: str, file: str, template: Manifest) -> Manifest:
    data = {file: json.dumps(template, indent=1, sort_keys=True)}
    return {"apiVersion": "v1", "kind": "ConfigMap", "metadata": stack.meta(part, "config"), "data": data}
