"""Spark with executors in pods of their own: client mode, the driver in the run's pod.

What an executor may do stands in a template that the operator writes; nothing here adds to it but its size.
Source: Spark 4.1, "Running Spark on Kubernetes".
"""

from __future__ import annotations

import json
import math
import socket
from pathlib import Path
from typing import Any

from resources.errors import DataAlchemyError, Misconfigured, Missing, Unavailable
from resources.java import JAVA_FIX
from resources.settings import Settings

MASTER = "k8s://https://kubernetes.default.svc"
HEAP_MB = 512
"""An executor's JVM holds names of parts only; the rest of its memory is its Python workers'."""
BESIDE_MB = 384
"""The least beside the heap: Spark's own minimum, and a Python worker fits into it."""
_UNITS = {"Ki": 2**10, "Mi": 2**20, "Gi": 2**30, "Ti": 2**40, "k": 10**3, "M": 10**6, "G": 10**9, "T": 10**12}
_CAUSED, _CAUSE_CHARS = "Caused by: ", 400
_CONTAINER = "spark-kubernetes-executor"


def options(settings: Settings) -> dict[str, str]:
    """Spark's configuration for the executors of the settings' template; {} where there is none.

    Raises Misconfigured on a template that cannot be used, or where the pod's own address is not known, or on too
    little memory.
    """
    if settings.spark_template is None:
        return {}
    if settings.pod_ip is None:
        fix = "Runs get it from the operator; elsewhere leave DATAALCHEMY_SPARK_TEMPLATE out."
        raise Misconfigured("Executors could not find this process", subject="DATAALCHEMY_POD_IP is not set", fix=fix)
    container = _container(settings.spark_template)
    limits, requests = container["resources"]["limits"], container["resources"]["requests"]
    overhead_mb = quantity(limits["memory"]) // 2**20 - HEAP_MB
    if overhead_mb < BESIDE_MB:
        fix = f"Set limits.memory in the stack's spec.compute.spark.resources to {HEAP_MB + BESIDE_MB}Mi or more."
        raise Misconfigured("An executor has too little memory", subject=limits["memory"], fix=fix)
    return {
        "spark.driver.host": settings.pod_ip,
        "spark.driver.bindAddress": settings.pod_ip,
        "spark.executor.instances": str(settings.spark_executors),
        "spark.executor.cores": str(math.ceil(quantity(limits["cpu"]))),
        "spark.executor.memory": f"{HEAP_MB}m",
        "spark.executor.memoryOverhead": f"{int(overhead_mb)}m",
        "spark.kubernetes.executor.request.cores": requests["cpu"],
        "spark.kubernetes.executor.limit.cores": limits["cpu"],
        "spark.kubernetes.container.image": container["image"],
        "spark.kubernetes.container.image.pullPolicy": "IfNotPresent",
        "spark.kubernetes.executor.podTemplateFile": str(settings.spark_template),
        "spark.kubernetes.executor.podTemplateContainerName": _CONTAINER,
        "spark.kubernetes.namespace": settings.namespace,
        # Executors go with the pod that they work for.
        "spark.kubernetes.driver.pod.name": socket.gethostname(),
        # There are none, and the run's account may not touch those of the stack.
        "spark.kubernetes.driver.ownPersistentVolumeClaim": "false",
    }


def not_started(master: str, log: Path) -> DataAlchemyError:
    """The error of a Spark that did not start, with what is in the way where that master is."""
    if not master.startswith("k8s:"):
        return Missing("Spark did not start", subject=f"{master}, see {log}", fix=f"{JAVA_FIX}, or use --mode local.")
    fix = (
        "Read that log. `kubectl get events` says what the cluster refused, such as a quota; `forbidden` is about the "
        "rights of runs (Role STACK-runs): apply k8s/install.yaml again, and the operator gives them anew."
    )
    subject = ", ".join([master, *_cause(log), f"see {log}"])
    return Unavailable("Spark did not start", subject=subject, fix=fix)


def _cause(log: Path) -> list[str]:
    """What the log says of the cluster's answer, and last of all; it goes with the pod. No document was read yet."""
    lines = log.read_text(encoding="utf-8", errors="replace").splitlines() if log.is_file() else []
    causes = [line.removeprefix(_CAUSED) for line in lines if line.startswith(_CAUSED)]
    answers = [one for one in causes if "KubernetesClientException" in one]
    return [one[:_CAUSE_CHARS] for one in dict.fromkeys([*answers[:1], *causes[-1:]])]


def quantity(text: str) -> float:
    """An amount as Kubernetes writes it: `500m`, `2`, `20Gi`. Raises ValueError."""
    for unit, size in _UNITS.items():
        if text.endswith(unit):
            return float(text.removesuffix(unit)) * size
    return float(text.removesuffix("m")) / 1000 if text.endswith("m") else float(text)


def _container(template: Path) -> dict[str, Any]:
    try:
        containers = json.loads(template.read_text(encoding="utf-8"))["spec"]["containers"]
        return next(dict(one) for one in containers if one["name"] == _CONTAINER)
    except (OSError, ValueError, KeyError, StopIteration):
        fix = "DATAALCHEMY_SPARK_TEMPLATE is a pod in JSON with a container of that name; the operator writes one."
        raise Misconfigured("Cannot read the executors' template", subject=_CONTAINER, fix=fix) from None
