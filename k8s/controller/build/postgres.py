"""The bundled PostgreSQL of Dagster's history. Nothing outside the stack reaches it."""

from __future__ import annotations

from k8s.controller.build.pod import Container, probes, scratch, secret_env, sized
from k8s.controller.build.service import inside
from k8s.controller.build.store import build_store
from k8s.controller.build.volumes import keepings
from k8s.controller.credentials import POSTGRES_PASSWORD
from k8s.controller.stack import Manifest, Stack

PORTS = {"postgres": 5432}
USER, DATABASE = "dataalchemy", "dagster"
_SIZE = {"requests": {"cpu": "100m", "memory": "128Mi"}, "limits": {"cpu": "1", "memory": "1Gi"}}


def build_postgres(stack: Stack) -> list[Manifest]:
    """PostgreSQL and its Service; [] without Dagster, or where somebody else runs the database."""
    keeping = next((one for one in keepings(stack) if one.component == "postgres"), None)
    if keeping is None:
        return []
    # By address: while a new database is being set up, only the socket answers.
    check = ["pg_isready", "--quiet", "--host", "127.0.0.1", "--username", USER, "--dbname", DATABASE]
    container = Container(
        name="postgres",
        image=stack.images.postgres,
        command=["docker-entrypoint.sh", "postgres"],
        resources=sized(_SIZE, stack.spec.resources.get("postgres")),
        ports=PORTS,
        env=[
            {"name": "POSTGRES_USER", "value": USER},
            {"name": "POSTGRES_DB", "value": DATABASE},
            secret_env("POSTGRES_PASSWORD", stack.spec.credentials_secret, POSTGRES_PASSWORD),
            {"name": "POSTGRES_INITDB_ARGS", "value": "--auth-host=scram-sha-256 --data-checksums"},
            {"name": "PGDATA", "value": "/var/lib/postgresql/data/pgdata"},
        ],
        mounts={
            "data": "/var/lib/postgresql/data",
            "tmp": "/tmp",
            "run": "/var/run/postgresql",
            "shm": "/dev/shm",
        },
        probes=probes({"exec": {"command": check}}, start_s=240),
    )
    shared_memory = {"name": "shm", "emptyDir": {"medium": "Memory", "sizeLimit": "128Mi"}}
    store = build_store(stack, "postgres", keeping, container, scratch("run", "1Mi"), shared_memory)
    return [inside(stack, "postgres", "postgres", PORTS), store]
