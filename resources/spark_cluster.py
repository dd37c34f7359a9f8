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

from resources.errors import Misconfigured
from resources.settings import Settings

MASTER = "k8s://https://kubernetes.default.svc"
HEAP_MB = 512
"""An executor's JVM holds names of parts only; the rest of its memory is its Python workers'."""
_UNITS = {"Ki": 2**10, "Mi": 2**20, "Gi": 2**30, "Ti": 2**40, "k": 10**3, "M": 10**6, "G": 10**9, "T": 10**12}
_CONTAINER = "spark-kubernetes-executor"


def options(settings: Settings) -> dict[str, str]:
    """Spark's configuration for the executors of the settings' template; {} where there is none.

    Raises Misconfigured on a template that cannot be used, or where the pod's own address is not known.
    """
    if settings.spark_template is None:
        return {}
    if settings.pod_ip is None:
        fix = "Runs get it from the operator; elsewhere leave DATAALCHEMY_SPARK_TEMPLATE out."
        raise Misconfigured("Executors could not find this process", subject="DATAALCHEMY_POD_IP is not set", fix=fix)
    container = _container(settings.spark_template)
    limits, requests = container["resources"]["limits"], container["resources"]["requests"]
    overhead_mb = quantity(limits["memory"]) // 2**20 - HEAP_MB
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
