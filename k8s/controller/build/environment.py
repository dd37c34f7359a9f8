"""What the pipelines are told in every pod: addresses of the stores, never a secret's value."""

from __future__ import annotations

from k8s.controller.build import postgres
from k8s.controller.platform import K3D
from k8s.controller.stack import Manifest, Stack

BUCKET = "dataalchemy"
HOME, DATA = "/etc/dagster", "/data"
"""Dagster's home is a mounted ConfigMap: nothing is kept in it."""
UI_PORT = 3000
_TRAINING, _SPARK = "/etc/dataalchemy/training/job.json", "/etc/dataalchemy/spark/executor.json"


def build_environment(stack: Stack) -> list[Manifest]:
    """The ConfigMap of variables; [] without Dagster."""
    if not stack.spec.dagster.enabled:
        return []
    data = variables(stack)
    return [
        {"apiVersion": "v1", "kind": "ConfigMap", "metadata": stack.meta("environment", "config"), "data": data},
    ]


def variables(stack: Stack) -> dict[str, str]:
    """Settings of the pipelines by the names of their variables."""
    told = {
        "DATAALCHEMY_DEPLOYMENT": "k3d" if stack.site.platform is K3D or stack.site.fixed_ports else "k8s",
        "DATAALCHEMY_LAKE": f"s3://{bucket(stack)}/{_prefix(stack)}",
        "DATAALCHEMY_KV": stack.spec.cache.external or f"redis://{stack.named('redis')}:6379/0",
        "DATAALCHEMY_POSTGRES_URL": postgres_url(stack),
        "DATAALCHEMY_DATA_PATH": DATA,
        "DATAALCHEMY_NAMESPACE": stack.namespace,
        "DATAALCHEMY_LOG_FORMAT": "json",
        "DAGSTER_HOME": HOME,
        "HOME": DATA,
    }
    if endpoint := s3_endpoint(stack):
        told["DATAALCHEMY_S3_ENDPOINT"] = endpoint
    if stack.spec.storage.external is not None:
        told["DATAALCHEMY_S3_REGION"] = stack.spec.storage.external.region
    dagster = stack.spec.dagster
    asked = {
        "DATAALCHEMY_SCHEDULE": dagster.schedule,
        "DATAALCHEMY_PRINCIPALS": ",".join(dagster.principals),
        "DATAALCHEMY_KEEP_RUNS_DAYS": dagster.keep_runs_days,
    }
    return told | {name: str(value) for name, value in asked.items() if value}


def run_variables(stack: Stack) -> list[Manifest]:
    """What a run's own pod is told besides: what it may start, and where that finds it."""
    told = {"DATAALCHEMY_TRAINING_JOB": _TRAINING}
    spark = stack.spec.compute.spark
    if spark.mode == "cluster":
        told |= {"DATAALCHEMY_SPARK_TEMPLATE": _SPARK, "DATAALCHEMY_SPARK_EXECUTORS": str(spark.executors)}
    address = {"name": "DATAALCHEMY_POD_IP", "valueFrom": {"fieldRef": {"fieldPath": "status.podIP"}}}
    return [*({"name": name, "value": value} for name, value in told.items()), address]


def bucket(stack: Stack) -> str:
    """Bucket of the lake."""
    external = stack.spec.storage.external
    return BUCKET if external is None else external.bucket


def _prefix(stack: Stack) -> str:
    external = stack.spec.storage.external
    return "lake" if external is None else external.prefix.strip("/")


def s3_endpoint(stack: Stack) -> str | None:
    """Address of the S3 server; None for AWS itself."""
    external = stack.spec.storage.external
    return f"http://{stack.named('minio')}:9000" if external is None else external.endpoint


def postgres_url(stack: Stack) -> str:
    """Where Dagster's history is, without the password."""
    external = stack.spec.dagster.postgres.external
    if external is None:
        return f"postgresql://{postgres.USER}@{stack.named('postgres')}:5432/{postgres.DATABASE}"
    return f"postgresql://{external.user}@{external.host}:{external.port}/{external.database}"


def sources(stack: Stack) -> list[Manifest]:
    """The credentials and the variables, as a container takes both in. The last one counts where both name a key."""
    return [
        {"secretRef": {"name": stack.spec.credentials_secret}},
        {"configMapRef": {"name": stack.named("environment")}},
    ]
