"""Every setting of the project, read once: the environment first, then `.env` at the project's root.

No other module reads the environment. A secret is never a field here: callers keep the name of its variable and
resolve it at use with `secret`.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterable, Mapping
from functools import cached_property
from pathlib import Path
from typing import Any, Literal, Self

from pydantic import Field, ValidationError, ValidationInfo, field_validator
from pydantic_settings import BaseSettings, SettingsConfigDict

from resources.env_file import read_env_file
from resources.errors import Misconfigured

CHECKOUT = Path(__file__).resolve().parent.parent
_DRIVE = re.compile(r"[A-Za-z]:[\\/]")


def default_project_root() -> Path:
    """The checkout this code stands in; where it was installed elsewhere, `$HOME/work/DataAlchemy`."""
    return CHECKOUT if (CHECKOUT / "pyproject.toml").is_file() else Path.home() / "work" / "DataAlchemy"


class Settings(BaseSettings):
    """What a person may set; each name is also what the operator sets in pods, so it is a contract."""

    model_config = SettingsConfigDict(extra="ignore", frozen=True, env_ignore_empty=True, populate_by_name=True)

    deployment: str = Field("native", alias="DATAALCHEMY_DEPLOYMENT", description="`native`, `docker`, `k3d` or `k8s`.")
    project_root: Path = Field(
        default_factory=default_project_root,
        alias="PROJECT_ROOT",
        description="Folder of the project, with its `.env`. Default: the checkout, else `$HOME/work/DataAlchemy`.",
    )
    data_path_override: Path | None = Field(
        None, alias="DATAALCHEMY_DATA_PATH", description="Base path of everything kept. Default: `$PROJECT_ROOT/data`."
    )
    lake_url: str | None = Field(
        None,
        alias="DATAALCHEMY_LAKE",
        description="`file:///…` or `s3://bucket/prefix`. Default: `lake/` under the data path.",
    )
    s3_endpoint: str | None = Field(
        None, alias="DATAALCHEMY_S3_ENDPOINT", description="Address of an S3-compatible server, `http://host:port`."
    )
    s3_region: str = Field("us-east-1", alias="DATAALCHEMY_S3_REGION", description="Region of the S3 store.")
    s3_ca_file: Path | None = Field(
        None, alias="DATAALCHEMY_S3_CA_FILE", description="PEM file of a private certificate authority of the S3 store."
    )
    kv_url: str | None = Field(
        None,
        alias="DATAALCHEMY_KV",
        description="`sqlite:///…` or `redis://host:port/0`. Default: `kv.sqlite` under the data path.",
    )
    postgres_url: str | None = Field(
        None,
        alias="DATAALCHEMY_POSTGRES_URL",
        description="`postgresql://user@host:port/database` of Dagster's history, where PostgreSQL keeps it.",
    )
    dagster_url: str | None = Field(
        None,
        alias="DATAALCHEMY_DAGSTER_URL",
        description="Address of a running Dagster, `http://host:port`: commands send their work there.",
    )
    run_launcher: Literal["default", "docker"] = Field(
        "default",
        alias="DATAALCHEMY_RUN_LAUNCHER",
        description="`default`: runs start where the code is. `docker`: each in a container of its own, at a price.",
    )
    compose_project: str = Field(
        "dataalchemy",
        alias="COMPOSE_PROJECT_NAME",
        description="Name before the networks and volumes of the containers, as Docker Compose has it.",
    )
    namespace: str = Field(
        "dataalchemy",
        alias="DATAALCHEMY_NAMESPACE",
        description="Namespace of the stack in a cluster. The operator sets it in its pods; `deploy` doesn't read it.",
    )
    training_job: Path | None = Field(
        None, alias="DATAALCHEMY_TRAINING_JOB", description="File of the Job as which training runs in a cluster."
    )
    spark_template: Path | None = Field(
        None,
        alias="DATAALCHEMY_SPARK_TEMPLATE",
        description="File of the pod that each of Spark's executors is. Default: no executors, Spark in one process.",
    )
    spark_executors: int = Field(
        2, ge=1, alias="DATAALCHEMY_SPARK_EXECUTORS", description="How many executors Spark has in a cluster."
    )
    pod_ip: str | None = Field(
        None, alias="DATAALCHEMY_POD_IP", description="Address of this pod, where Spark's executors find it."
    )
    device: str = Field("auto", alias="DATAALCHEMY_DEVICE", description="`auto`, `rocm`, `cuda` or `cpu`.")
    gfx_override: str = Field(
        "",
        alias="HSA_OVERRIDE_GFX_VERSION",
        description="Target that stands in for an AMD card without kernels of its own, such as `10.3.0`.",
    )
    cache_override: Path | None = Field(
        None,
        alias="DATAALCHEMY_CACHE",
        description="Folder of converted models and fetched adapters. Default: `~/.cache/dataalchemy`.",
    )
    models_file: Path | None = Field(
        None, alias="DATAALCHEMY_MODELS", description="A `models.yaml` of your own. Default: the one in the package."
    )
    principals: str = Field(
        "local,public",
        alias="DATAALCHEMY_PRINCIPALS",
        description="Who asks: the principals, separated by commas, as which `chat` searches and adapters are judged.",
    )
    schedule: str | None = Field(
        None,
        alias="DATAALCHEMY_SCHEDULE",
        description="Cron expression of the scheduled ingestion. Default: hourly, and off until switched on.",
    )
    log_format: Literal["text", "json"] = Field(
        "text",
        alias="DATAALCHEMY_LOG_FORMAT",
        description="`text`, or `json`: what runs and `up` log is one JSON object a line.",
    )
    keep_runs_days: int = Field(
        90,
        ge=1,
        alias="DATAALCHEMY_KEEP_RUNS_DAYS",
        description="`maintain` forgets ended runs in Dagster's history that are older than this many days.",
    )
    alert_file_override: Path | None = Field(
        None, alias="DATAALCHEMY_ALERT_FILE", description="File of alerts. Default: `alerts.jsonl` under the data path."
    )
    service_type: Literal["ClusterIP", "NodePort", "LoadBalancer"] | None = Field(
        None, alias="SERVICE_TYPE", description="How a cluster's Services are reached from outside."
    )
    k3d_cluster: bool = Field(
        False, alias="K3D_CLUSTER", description="`true`: the fixed ports of k3d in any cluster of `deploy k8s`."
    )
    image_loader: Literal["k3d", "minikube", "containerd", "registry", "none"] | None = Field(
        None,
        alias="DATAALCHEMY_IMAGE_LOADER",
        description="How images get to a cluster's nodes. Default: `k3d` and `minikube` there, else `none`.",
    )
    containerd_address: str | None = Field(
        None, alias="CONTAINERD_ADDRESS", description="Socket of the containerd that images are loaded into."
    )

    @field_validator("project_root", "data_path_override", "cache_override", "models_file", "alert_file_override")
    @classmethod
    def _absolute(cls, value: Path | None, info: ValidationInfo) -> Path | None:
        if value is None:
            return None
        if os.name != "nt" and _DRIVE.match(str(value)):
            # As a relative path it would become a folder of that name, wherever the command was typed.
            fix = "Write it as this machine has it: in WSL /mnt/c/… for C:\\…; on Ubuntu a folder of its own."
            subject = cls.model_fields[str(info.field_name)].alias or ""
            raise Misconfigured("A path of Windows is none here", subject=subject, fix=fix)
        return value.expanduser().absolute()

    @field_validator("schedule")
    @classmethod
    def _cron(cls, value: str | None) -> str | None:
        if value is None:
            return None  # so that a command without a schedule starts without Dagster
        from dagster._utils.schedules import is_valid_cron_string

        if not is_valid_cron_string(value):
            raise ValueError("no cron expression")
        return value

    @classmethod
    def read(cls, **overrides: Any) -> Self:
        """The settings of this process. Raises Misconfigured, naming the variable and never its value."""
        try:
            root = cls.model_validate({**_environment(), **overrides}).project_root
            return cls.model_validate({**_dotenv(root), **_environment(), **overrides})
        except ValidationError as error:
            names = ", ".join(sorted({str(part["loc"][0]) for part in error.errors(include_input=False)}))
            raise Misconfigured(
                "A setting cannot be used",
                subject=names,
                fix="Correct it in the environment or .env; docs/settings.md has all.",
            ) from None

    def variables(self, *names: str) -> dict[str, str]:
        """Those of ``names`` that are set, for variables that other programs read as well, such as Compose."""
        found = {**_dotenv(self.project_root), **_environment()}
        return {name: found[name] for name in names if name in found}

    @cached_property
    def data_path(self) -> Path:
        """Base path of everything that is kept."""
        return self.data_path_override or self.project_root / "data"

    @cached_property
    def lake(self) -> str:
        """Address of the lake."""
        return self.lake_url or (self.data_path / "lake").as_uri()

    @cached_property
    def kv(self) -> str:
        """Address of the key-value store."""
        return self.kv_url or f"sqlite:///{self.data_path / 'kv.sqlite'}"

    @cached_property
    def cache_path(self) -> Path:
        """Folder of what can be made again."""
        return self.cache_override or Path.home() / ".cache" / "dataalchemy"

    @cached_property
    def asking(self) -> tuple[str, ...]:
        """The principals as which `chat` searches and adapters are judged."""
        return tuple(sorted({name.strip() for name in self.principals.split(",") if name.strip()}))

    @cached_property
    def dagster_home(self) -> Path:
        """Dagster's kept home."""
        return self.data_path / "dagster"

    @cached_property
    def alert_file(self) -> Path:
        """Where alerts are written."""
        return self.alert_file_override or self.data_path / "alerts.jsonl"


SECRET_VARIABLES = (
    "AWS_ACCESS_KEY_ID",
    "AWS_SECRET_ACCESS_KEY",
    "FROM_AWS_ACCESS_KEY_ID",
    "FROM_AWS_SECRET_ACCESS_KEY",
    "TO_AWS_ACCESS_KEY_ID",
    "TO_AWS_SECRET_ACCESS_KEY",
    "DATAALCHEMY_KV_PASSWORD",
    "DATAALCHEMY_POSTGRES_PASSWORD",
    "DATAALCHEMY_ALERT_WEBHOOK",
)
"""Names of the variables that hold secrets; the values are read at use, by `secret`."""


def _environment() -> dict[str, str]:
    return {name: value for name, value in os.environ.items() if value}


def _dotenv(root: Path) -> dict[str, str]:
    return read_env_file(root / ".env")


def secret(variable: str) -> str | None:
    """The value of a secret by the name of its variable, from the environment or `.env`; None where it is not set.

    ``NAME_FILE`` may name a file that holds it instead, as Docker and Kubernetes mount secrets. Raises Misconfigured
    where that file cannot be read.
    """
    if found := _secret_in(os.environ, variable):
        return found
    root = os.environ.get("PROJECT_ROOT")
    return _secret_in(_dotenv(Path(root) if root else default_project_root()), variable)


def secrets_in_files(names: Iterable[str], root: Path) -> dict[str, str]:
    """Those of ``names`` whose value is in a file that the environment or `.env` in ``root`` names, and that value.

    Of the environment the files alone count. Raises Misconfigured where one cannot be read.
    """
    here, there, found = _environment(), _dotenv(root), dict[str, str]()
    for name in names:
        file = here.get(f"{name}_FILE") or ("" if there.get(name) else there.get(f"{name}_FILE", ""))
        if value := _secret_in({f"{name}_FILE": file}, name):
            found[name] = value
    return found


def _secret_in(values: Mapping[str, str], variable: str) -> str | None:
    if found := values.get(variable):
        return found
    if not (place := values.get(f"{variable}_FILE")):
        return None
    try:
        return Path(place).expanduser().read_text(encoding="utf-8").rstrip("\r\n") or None
    except (OSError, UnicodeDecodeError):
        fix = "Make it readable UTF-8 text."
        raise Misconfigured("The file of a secret cannot be read", subject=f"{variable}_FILE", fix=fix) from None


def export(**variables: str) -> None:
    """Set variables for this process and those it starts, such as DAGSTER_HOME for Dagster's own code."""
    os.environ.update(variables)


def child_environment(*, without_secrets: bool = False) -> dict[str, str]:
    """The environment for a child process; `without_secrets` leaves out every variable that holds one."""
    hidden = SECRET_VARIABLES if without_secrets else ()
    return {name: value for name, value in os.environ.items() if name not in hidden}
