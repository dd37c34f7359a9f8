"""The bundled key-value store: Valkey, one, with a password that no list of processes shows."""

from __future__ import annotations

from k8s.controller.build.pod import Container, probes, secret_env, sized
from k8s.controller.build.service import inside, outside
from k8s.controller.build.store import build_store
from k8s.controller.build.volumes import keepings
from k8s.controller.credentials import KV_PASSWORD
from k8s.controller.stack import Manifest, Stack

PORTS = {"redis": 6379}
_SIZE = {"requests": {"cpu": "50m", "memory": "64Mi"}, "limits": {"cpu": "500m", "memory": "512Mi"}}

# The configuration comes by standard input. exec, so that the server itself is told to stop and writes its file.
_START = f"""set -eu
password=$(printf %s "${KV_PASSWORD}" | sed 's/[\\\\"]/\\\\&/g')
exec redis-server - --dir /data --appendonly yes --save "" --maxmemory 200mb --maxmemory-policy noeviction <<END
requirepass "$password"
END
"""
_ASK = f'REDISCLI_AUTH="${KV_PASSWORD}" redis-cli ping | grep -q PONG'


def build_cache(stack: Stack) -> list[Manifest]:
    """Valkey and its Service; [] where somebody else runs the store."""
    keeping = next((one for one in keepings(stack) if one.component == "cache"), None)
    if keeping is None:
        return []
    container = Container(
        name="redis",
        image=stack.images.cache,
        command=["sh", "-c", _START],
        resources=sized(_SIZE, stack.spec.resources.get("cache")),
        ports=PORTS,
        env=[secret_env(KV_PASSWORD, stack.spec.credentials_secret, KV_PASSWORD)],
        mounts={"data": "/data", "tmp": "/tmp"},
        probes=probes({"exec": {"command": ["sh", "-c", _ASK]}}, start_s=300),
    )
    return [inside(stack, "redis", "cache", PORTS), build_store(stack, "redis", keeping, container)]


def build_cache_outside(stack: Stack) -> list[Manifest]:
    """Valkey for the outside."""
    return outside(stack, "redis", "cache", PORTS) if stack.spec.cache.external is None else []
