"""The bundled S3 server: MinIO, one, since replicas on one folder would damage it."""

from __future__ import annotations

from k8s.controller.build.pod import Container, probes, secret_env, sized
from k8s.controller.build.service import inside, outside
from k8s.controller.build.store import build_store
from k8s.controller.build.volumes import keepings
from k8s.controller.credentials import ACCESS_KEY, SECRET_KEY
from k8s.controller.stack import Manifest, Stack

PORTS = {"s3": 9000, "console": 9001}
_SIZE = {"requests": {"cpu": "100m", "memory": "256Mi"}, "limits": {"cpu": "1", "memory": "2Gi"}}


def build_lake(stack: Stack) -> list[Manifest]:
    """MinIO and its Service; [] where somebody else runs the store."""
    keeping = next((one for one in keepings(stack) if one.component == "lake"), None)
    if keeping is None:
        return []
    secret = stack.spec.credentials_secret
    checks = probes({"httpGet": {"path": "/minio/health/ready", "port": "s3"}}, start_s=120)
    checks["livenessProbe"]["httpGet"] = {"path": "/minio/health/live", "port": "s3"}
    container = Container(
        name="minio",
        image=stack.images.minio,
        command=["minio", "server", "/data", "--address", ":9000", "--console-address", ":9001"],
        resources=sized(_SIZE, stack.spec.resources.get("lake")),
        ports=PORTS,
        env=[
            secret_env("MINIO_ROOT_USER", secret, ACCESS_KEY),
            secret_env("MINIO_ROOT_PASSWORD", secret, SECRET_KEY),
            {"name": "MINIO_UPDATE", "value": "off"},
            {"name": "HOME", "value": "/tmp"},
        ],
        mounts={"data": "/data", "tmp": "/tmp"},
        probes=checks,
    )
    return [inside(stack, "minio", "lake", PORTS), build_store(stack, "minio", keeping, container)]


def build_lake_outside(stack: Stack) -> list[Manifest]:
    """MinIO for the outside."""
    return outside(stack, "minio", "lake", PORTS) if stack.spec.storage.external is None else []
