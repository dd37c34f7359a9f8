"""The DataAlchemyStack resource as a model. Every rule of crd.yaml stands here too, with the same sentence.

Kept apart from the cluster: nothing here asks what is there.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Annotated, Any, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, StringConstraints, model_validator
from pydantic.alias_generators import to_camel

GROUP, VERSION, KIND, PLURAL = "dataalchemy.io", "v1alpha1", "DataAlchemyStack", "dataalchemystacks"
API_VERSION = f"{GROUP}/{VERSION}"
INGEST_ANNOTATION, LOOK_ANNOTATION = f"{GROUP}/request-ingest", f"{GROUP}/request-look"

ServiceType = Literal["ClusterIP", "NodePort", "LoadBalancer"]
StorageMode = Literal["hostPath", "pvc"]
Quantity = Annotated[str, StringConstraints(pattern=r"^[0-9]+(\.[0-9]+)?(m|k|M|G|T|P|Ki|Mi|Gi|Ti|Pi)?$")]
Name = Annotated[str, StringConstraints(pattern=r"^[a-z0-9]([-a-z0-9.]*[a-z0-9])?$", max_length=253)]
Image = Annotated[str, StringConstraints(pattern=r"^[a-zA-Z0-9][-a-zA-Z0-9._/:@]*$", max_length=512)]
LabelValue = Annotated[str, StringConstraints(pattern=r"^[a-zA-Z0-9]([-a-zA-Z0-9_.]*[a-zA-Z0-9])?$", max_length=63)]
Cron = Annotated[
    str,
    StringConstraints(
        pattern=r"^(@(hourly|daily|weekly|monthly|yearly)|[-0-9A-Za-z*/,]+( [-0-9A-Za-z*/,]+){4})$", max_length=100
    ),
]
Principal = Annotated[str, StringConstraints(pattern=r"^[^, ]+$", max_length=253)]
Replicas = Annotated[int, Field(ge=1, le=16)]

STACK_NAME = re.compile(r"^[a-z]([-a-z0-9]{0,38}[a-z0-9])?$")
SYSTEM_FOLDER = re.compile(r"^/(bin|boot|dev|etc|lib|lib64|proc|sbin|sys|usr)(/.*)?$")
DATA_PATH = re.compile(r"^/[^/:\\]+(/[^/:\\]+)*/?$")
LOGINS = {
    "alb.ingress.kubernetes.io/auth-type",
    "haproxy-ingress.github.io/auth-secret",
    "haproxy-ingress.github.io/auth-url",
    "haproxy.org/auth-secret",
    "konghq.com/plugins",
    "nginx.ingress.kubernetes.io/auth-secret",
    "nginx.ingress.kubernetes.io/auth-tls-secret",
    "nginx.ingress.kubernetes.io/auth-url",
    "traefik.ingress.kubernetes.io/router.middlewares",
}
"""Annotations by which an ingress asks who it is."""


class Part(BaseModel):
    """A part of the resource: read only. A field that nobody knows is left alone: it may be of a newer definition."""

    model_config = ConfigDict(frozen=True, extra="ignore", alias_generator=to_camel, populate_by_name=True)


class ExternalStorage(Part):
    """An S3 store that somebody else runs; its keys are the credentials Secret's."""

    endpoint: str | None = Field(None, description="Address, `https://host`; without it AWS's own.")
    region: str = "us-east-1"
    bucket: Annotated[str, StringConstraints(pattern=r"^[a-z0-9][-a-z0-9.]{1,61}[a-z0-9]$")]
    prefix: Annotated[str, StringConstraints(pattern=r"^[-a-zA-Z0-9_/.]+$")] = "lake"

    @model_validator(mode="after")
    def _endpoint_is_an_address(self) -> Self:
        if self.endpoint is not None and not re.match(r"^https?://[^@/]+/?$", self.endpoint):
            raise ValueError("storage.external.endpoint is http://host:port or https://host:port, without a password")
        return self


class Storage(Part):
    """Where the lake is kept; mode and class count for the cache's and PostgreSQL's claims too."""

    replicas: Replicas = 1
    mode: StorageMode | None = None
    data_path: str | None = None
    storage_class_name: Name | None = None
    size: Quantity = "20Gi"
    external: ExternalStorage | None = None

    @model_validator(mode="after")
    def _path_is_on_the_node(self) -> Self:
        if self.data_path is not None and (wrong := no_data_path(self.data_path)):
            raise ValueError(f"storage.dataPath {wrong}")
        return self

    @model_validator(mode="after")
    def _one_way_of_keeping(self) -> Self:
        if self.data_path is not None and (self.mode == "pvc" or self.storage_class_name is not None):
            raise ValueError("storage.dataPath is for mode hostPath; with a storage class or mode pvc leave it out")
        if self.mode == "hostPath" and self.storage_class_name is not None:
            raise ValueError("storage.storageClassName is for mode pvc; with mode hostPath leave it out")
        if self.external is not None and (self.mode == "hostPath" or self.data_path):
            raise ValueError("storage.external replaces mode hostPath and dataPath; leave them out")
        return self


class Cache(Part):
    """The key-value store; `external` is `redis://host:port/0` or `rediss://…`, its password is in the Secret."""

    replicas: Replicas = 1
    size: Quantity = "1Gi"
    external: str | None = None

    @model_validator(mode="after")
    def _external_is_an_address(self) -> Self:
        if self.external is not None and not re.match(r"^rediss?://[^@/]+(/[0-9]+)?$", self.external):
            raise ValueError(
                "cache.external is redis://host:port/0 or rediss://host:port/0; "
                "the password is DATAALCHEMY_KV_PASSWORD in the Secret"
            )
        return self


class Amounts(Part):
    """Processor and memory."""

    cpu: Quantity | None = None
    memory: Quantity | None = None


class Resources(Part):
    """What a component is promised and what it may not exceed."""

    requests: Amounts = Amounts()
    limits: Amounts = Amounts()


class Spark(Part):
    """The second compute engine: in the run's own pod, or with executors in pods of their own."""

    mode: Literal["local", "cluster"] = "local"
    image: Image | None = None
    executors: Annotated[int, Field(ge=1, le=100)] = 2
    resources: Resources = Resources()

    @model_validator(mode="after")
    def _executors_have_a_version(self) -> Self:
        if self.mode == "cluster" and self.image is not None and not named_version(self.image):
            raise ValueError(
                "compute.spark.image needs a version (not latest) in mode cluster; without it ours is used"
            )
        return self


class Compute(Part):
    """What computes."""

    spark: Spark = Spark()


class ExternalPostgres(Part):
    """A PostgreSQL that somebody else runs; its password is DATAALCHEMY_POSTGRES_PASSWORD in the Secret."""

    host: Name
    port: Annotated[int, Field(ge=1, le=65535)] = 5432
    database: Annotated[str, StringConstraints(pattern=r"^[a-zA-Z_][a-zA-Z0-9_]*$")] = "dagster"
    user: Annotated[str, StringConstraints(pattern=r"^[a-zA-Z_][a-zA-Z0-9_]*$")] = "dataalchemy"


class Postgres(Part):
    """Where Dagster keeps its history."""

    size: Quantity = "5Gi"
    external: ExternalPostgres | None = None


class Dagster(Part):
    """The orchestrator in the cluster."""

    enabled: bool = True
    image: Image | None = None
    postgres: Postgres = Postgres()
    max_concurrent_runs: Annotated[int, Field(ge=1, le=100)] = 2
    schedule: Cron | None = None
    principals: tuple[Principal, ...] = ()
    keep_runs_days: Annotated[int, Field(ge=1, le=36500)] | None = None

    @model_validator(mode="after")
    def _image_has_a_version(self) -> Self:
        if self.image is not None and not named_version(self.image):
            raise ValueError("dagster.image needs a version, not latest")
        return self


class Toleration(Part):
    """A taint that training may stand."""

    key: str | None = None
    operator: Literal["Exists", "Equal"] = "Exists"
    value: str | None = None
    effect: Literal["NoSchedule", "PreferNoSchedule", "NoExecute"] | None = None


class Training(Part):
    """Where adapters are trained: in a Job, with a GPU where one is named."""

    gpu: Literal["amd", "nvidia", "none"] = "none"
    gpu_count: Annotated[int, Field(ge=1, le=16)] | None = None
    image: Image | None = None
    node_selector: Mapping[str, str] = {}
    tolerations: tuple[Toleration, ...] = ()
    resources: Resources = Resources()

    @model_validator(mode="after")
    def _count_needs_a_gpu(self) -> Self:
        if self.gpu == "none" and self.gpu_count is not None:
            raise ValueError("training.gpuCount needs training.gpu: amd or nvidia")
        if self.image is not None and not named_version(self.image):
            raise ValueError("training.image needs a version, not latest")
        return self


class Ingress(Part):
    """Dagster's pages under a name. Dagster has no login, so the ingress must have one."""

    host: Name
    class_name: Name | None = None
    tls_secret: Name | None = None
    basic_auth_secret: Name | None = None
    annotations: Mapping[str, str] = {}

    @model_validator(mode="after")
    def _somebody_asks_who_it_is(self) -> Self:
        if self.basic_auth_secret is not None and "nginx" not in (self.class_name or ""):
            raise ValueError(
                "ingress.basicAuthSecret is for ingress-nginx: name its class in ingress.className, "
                "or give the annotation by which your ingress asks for a login"
            )
        if self.basic_auth_secret is None and not LOGINS & set(self.annotations):
            raise ValueError(
                "Dagster has no login: give ingress.basicAuthSecret (ingress-nginx), "
                f"or the annotation by which your ingress asks for one: {', '.join(sorted(LOGINS))}"
            )
        return self


Component = Literal["lake", "cache", "postgres", "code", "webserver", "daemon", "metrics", "run"]


class StackSpec(Part):
    """What a person asks for; a field left out is decided by the cluster's own kind."""

    project_name: LabelValue = "DataAlchemy"
    credentials_secret: Name = "dataalchemy-secret"
    storage: Storage = Storage()
    cache: Cache = Cache()
    compute: Compute = Compute()
    dagster: Dagster = Dagster()
    training: Training = Training()
    service_type: ServiceType | None = None
    ingress: Ingress | None = None
    resources: Mapping[Component, Resources] = {}
    paused: bool = False
    deletion_policy: Literal["Retain", "Delete"] = "Retain"

    @model_validator(mode="after")
    def _ingress_needs_dagster(self) -> Self:
        if self.ingress is not None and not self.dagster.enabled:
            raise ValueError("ingress shows Dagster's pages; with dagster.enabled: false leave it out")
        return self


def no_data_path(path: str) -> str:
    """Why this path can't be a folder for data; "" where it can."""
    if not DATA_PATH.match(path) or {".", ".."} & set(path.split("/")):
        example = "Docker Desktop has C:\\Users as /run/desktop/mnt/host/c/Users"
        return f"must be an absolute path on the node, such as /data; {example}"
    if SYSTEM_FOLDER.match(path):
        return "is a folder of the node's own system; choose one for data, such as /data"
    return ""


def named_version(image: str) -> bool:
    """Whether the reference says which image it is: by digest, or by a tag other than latest."""
    tag = image.rpartition("/")[2].partition(":")[2]
    return "@sha256:" in image or tag not in ("", "latest")


def read_spec(resource: Mapping[str, Any]) -> StackSpec:
    """The spec of a resource as the cluster holds it. Raises ValueError (pydantic's) in the words of crd.yaml."""
    name = resource["metadata"]["name"]
    if not STACK_NAME.match(name):
        raise ValueError(
            f"metadata.name {name!r}: Services are named after it, so it starts with a letter, "
            "has small letters, digits and - only, and at most 40 of them"
        )
    return StackSpec.model_validate(resource.get("spec") or {})
