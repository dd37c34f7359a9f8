"""The operator's own settings, read once at its start: which images it starts, and what its environment says.

Names are those of compose.yaml, so that one list of pinned images serves both.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass, field, fields

from k8s.controller.spec import named_version

WATCH_S, SECRET_S = 1800, 300.0
"""After so long a watch is begun anew, whatever it says, and a Secret is looked at, which the operator may not watch.
With the resync: less than one request a stack a minute."""


@dataclass(frozen=True)
class Images:
    """Image references, each with a version; the field's metadata names its variable."""

    pipelines: str = field(default="dataalchemy/pipelines:0.1.0", metadata={"variable": "DATAALCHEMY_PIPELINES_IMAGE"})
    minio: str = field(default="dataalchemy/minio:2026-02-12", metadata={"variable": "DATAALCHEMY_MINIO_IMAGE"})
    cache: str = field(default="valkey/valkey:8.1-bookworm", metadata={"variable": "DATAALCHEMY_CACHE_IMAGE"})
    postgres: str = field(default="postgres:17-bookworm", metadata={"variable": "DATAALCHEMY_POSTGRES_IMAGE"})

    @classmethod
    def read(cls, environment: Mapping[str, str]) -> Images:
        """The images that the environment names, else ours. Raises ValueError for one without a version."""
        named = {one.name: environment.get(one.metadata["variable"]) or str(one.default) for one in fields(cls)}
        for image in named.values():
            if not named_version(image):
                raise ValueError(f"{image}: an image needs a version other than latest, or a digest")
        return cls(**named)


@dataclass(frozen=True)
class Settings:
    """What the operator's environment says."""

    images: Images = Images()
    data_path: str | None = None
    service_type: str | None = None
    k3d_cluster: bool = False
    resync_s: float = 2400.0

    @classmethod
    def read(cls, environment: Mapping[str, str] | None = None) -> Settings:
        """The settings of this process, or of the given variables. Raises ValueError."""
        given = os.environ if environment is None else environment
        service_type = given.get("SERVICE_TYPE") or None
        if service_type not in (None, "ClusterIP", "NodePort", "LoadBalancer"):
            raise ValueError("SERVICE_TYPE is ClusterIP, NodePort or LoadBalancer")
        return cls(
            images=Images.read(given),
            data_path=given.get("DATAALCHEMY_DATA_PATH") or None,
            service_type=service_type,
            k3d_cluster=given.get("K3D_CLUSTER", "").lower() in ("true", "1", "yes"),
            resync_s=float(given.get("DATAALCHEMY_RESYNC_S") or cls.resync_s),
        )
