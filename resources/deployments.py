"""What differs between deployments, side by side. No other module names one."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeAlias

from resources import spark_cluster
from resources.errors import Misconfigured
from resources.kv import RedisKv, SqliteKv
from resources.lake import LocalLake, S3Lake
from resources.llm import ProcessLlm
from resources.notify import FileNotify, WebhookNotify
from resources.progress import KvProgress, LogProgress
from resources.settings import Settings, secret
from resources.spark import AutoEngine
from resources.trainer import JobTrainer, ProcessTrainer

Resources: TypeAlias = dict[str, Any]
"""Resource key -> resource; each value satisfies the Protocol of its key in `resources.contracts`."""


def native(settings: Settings) -> Resources:
    """One machine, no daemons: a directory, a SQLite file, child processes."""
    return {
        "lake": LocalLake(root=_scheme(settings.lake, "file", "DATAALCHEMY_LAKE")),
        "kv": SqliteKv(path=_scheme(settings.kv, "sqlite", "DATAALCHEMY_KV").removeprefix("sqlite:///")),
        "engine": AutoEngine(),
        "trainer": ProcessTrainer(),
        "llm": ProcessLlm(),
        "notify": _notify(settings),
        "progress": LogProgress(),
    }


def docker(settings: Settings) -> Resources:
    """The native shape over an S3-compatible store and Redis. A secret is named here, never held."""
    lake = S3Lake(
        root=_scheme(settings.lake, "s3", "DATAALCHEMY_LAKE"),
        endpoint=settings.s3_endpoint,
        region=settings.s3_region,
        ca_file=str(settings.s3_ca_file) if settings.s3_ca_file else None,
    )
    kv = RedisKv(url=_scheme(settings.kv, "redis", "DATAALCHEMY_KV"), password_variable="DATAALCHEMY_KV_PASSWORD")
    return {
        "lake": lake,
        "kv": kv,
        "engine": AutoEngine(),
        "trainer": ProcessTrainer(),
        "llm": ProcessLlm(),
        "notify": _notify(settings),
        "progress": KvProgress(kv=kv),
    }


def cluster(settings: Settings) -> Resources:
    """Docker's stores; training becomes a Job, and Spark has executors where the stack asks for them."""
    options = spark_cluster.options(settings)
    return {
        **docker(settings),
        "engine": AutoEngine(spark_master=spark_cluster.MASTER, spark_options=options) if options else AutoEngine(),
        "trainer": JobTrainer(namespace=settings.namespace, template=str(settings.training_job or "")),
    }


DEPLOYMENTS: dict[str, Callable[[Settings], Resources]] = {
    "native": native,
    "docker": docker,
    "k3d": cluster,
    "k8s": cluster,
}


def resources_for(settings: Settings) -> Resources:
    """The resources of one deployment. Raises Misconfigured on an unknown name; there is no fallback."""
    if settings.deployment not in DEPLOYMENTS:
        raise Misconfigured(
            "No such deployment",
            subject=settings.deployment,
            fix=f"Set DATAALCHEMY_DEPLOYMENT to one of {', '.join(DEPLOYMENTS)}.",
        )
    return DEPLOYMENTS[settings.deployment](settings)


def _notify(settings: Settings) -> FileNotify | WebhookNotify:
    """Alerts go to the webhook where one is set, else to the file."""
    if secret("DATAALCHEMY_ALERT_WEBHOOK"):
        return WebhookNotify(url_variable="DATAALCHEMY_ALERT_WEBHOOK", path=str(settings.alert_file))
    return FileNotify(path=str(settings.alert_file))


def _scheme(address: str, scheme: str, variable: str) -> str:
    """The address, if it has the scheme that this deployment's store needs. Raises Misconfigured."""
    if not address.startswith((f"{scheme}:", f"{scheme}s:")):
        raise Misconfigured(
            "The deployment needs another kind of store", subject=variable, fix=f"Set {variable} to {scheme}://…"
        )
    return address
