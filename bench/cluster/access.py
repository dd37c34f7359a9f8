"""The stack of a cluster, reached from here: its Services forwarded to loopback, credentials read from its Secret."""

from __future__ import annotations

import base64
import json
import socket
import subprocess
import time
from contextlib import ExitStack, suppress
from typing import Any

from bench.servers import free_port

LAKE = "s3://dataalchemy/lake"
REACHED_S = 30


def kubectl(*arguments: str) -> str:
    """What kubectl prints. Raises CalledProcessError; kubectl says why on stderr."""
    return subprocess.run(["kubectl", *arguments], stdout=subprocess.PIPE, text=True, check=True).stdout


def the_stack(namespace: str) -> dict[str, Any]:
    """The one stack of a namespace. Raises LookupError where there is none or more than one."""
    found: list[dict[str, Any]] = json.loads(kubectl("--namespace", namespace, "get", "das", "--output=json"))["items"]
    if len(found) != 1:
        raise LookupError(f"{len(found)} stacks in namespace {namespace}, not one: apply k8s/examples/… first")
    return found[0]


def environment(namespace: str, opened: ExitStack) -> dict[str, str]:
    """Settings with which the program works on that stack from here, as long as ``opened`` is."""
    stack = the_stack(namespace)
    name, secret = stack["metadata"]["name"], stack["spec"]["credentialsSecret"]
    data = json.loads(kubectl("--namespace", namespace, "get", "secret", secret, "--output=json"))["data"]
    ports = {
        part: _forward(namespace, f"{name}-{part}", port, opened)
        for part, port in (("minio", 9000), ("redis", 6379), ("webserver", 3000))
    }
    return {
        "DATAALCHEMY_DEPLOYMENT": "k8s",
        "DATAALCHEMY_LAKE": LAKE,
        "DATAALCHEMY_S3_ENDPOINT": f"http://127.0.0.1:{ports['minio']}",
        "DATAALCHEMY_KV": f"redis://127.0.0.1:{ports['redis']}/0",
        "DATAALCHEMY_DAGSTER_URL": f"http://127.0.0.1:{ports['webserver']}",
        **{key: base64.b64decode(value).decode() for key, value in data.items()},
    }


def _forward(namespace: str, service: str, port: int, opened: ExitStack) -> int:
    """Lead a free port of loopback to a Service; the port."""
    mine = free_port()
    command = ["kubectl", "--namespace", namespace, "port-forward", f"service/{service}", f"{mine}:{port}"]
    process = opened.enter_context(subprocess.Popen(command, stdout=subprocess.DEVNULL))
    opened.callback(process.terminate)
    deadline = time.monotonic() + REACHED_S
    while time.monotonic() < deadline and process.poll() is None:
        with suppress(OSError), socket.create_connection(("127.0.0.1", mine), 1):
            return mine
        time.sleep(0.2)
    raise LookupError(f"{service} in namespace {namespace} can't be reached; kubectl says why above")
