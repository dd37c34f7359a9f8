"""Dagster in the cluster: code location, pages, daemon, and its numbers. Runs are Jobs that Dagster starts itself."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from k8s.controller.build.environment import DATA, HOME, UI_PORT, sources, variables
from k8s.controller.build.instance import instance
from k8s.controller.build.pod import Container, from_config, pod, probes, scratch, sized
from k8s.controller.build.service import inside, outside
from k8s.controller.stack import CONFIG_ANNOTATION, Manifest, Stack, digest

CODE_PORTS, UI_PORTS, METRICS_PORTS = {"grpc": 4000}, {"dagster": UI_PORT}, {"metrics": 9464}
_SIZES: Mapping[str, Mapping[str, Mapping[str, str]]] = {
    "code": {"requests": {"cpu": "100m", "memory": "512Mi"}, "limits": {"cpu": "1", "memory": "2Gi"}},
    "webserver": {"requests": {"cpu": "100m", "memory": "256Mi"}, "limits": {"cpu": "1", "memory": "1Gi"}},
    "daemon": {"requests": {"cpu": "100m", "memory": "256Mi"}, "limits": {"cpu": "1", "memory": "1Gi"}},
    "metrics": {"requests": {"cpu": "20m", "memory": "128Mi"}, "limits": {"cpu": "500m", "memory": "512Mi"}},
}
_WORKSPACE = f"{HOME}/workspace.yaml"


def build_dagster(stack: Stack) -> list[Manifest]:
    """Code location, webserver, daemon and metrics with their Services; [] where Dagster is switched off."""
    if not stack.spec.dagster.enabled:
        return []
    return [
        inside(stack, "code", "code", CODE_PORTS),
        inside(stack, "webserver", "webserver", UI_PORTS),
        inside(stack, "metrics", "metrics", METRICS_PORTS),
        _code(stack),
        _webserver(stack),
        _daemon(stack),
        _metrics(stack),
    ]


def build_dagster_outside(stack: Stack) -> list[Manifest]:
    """The pages on a fixed port of the node. Dagster has no login: on k3d only, where that port is on loopback."""
    if not stack.spec.dagster.enabled or not stack.site.fixed_ports:
        return []
    return outside(stack, "webserver", "webserver", UI_PORTS)


def _code(stack: Stack) -> Manifest:
    grpc = ["--host", "0.0.0.0", "--port", "4000", "--location-name", "dataalchemy"]
    serve = ["dagster", "api", "grpc", "--module-name", "dataalchemy_pipelines.definitions", *grpc]
    # The port opens once the definitions are loaded.
    container = _container(stack, "code", serve, CODE_PORTS, probes({"tcpSocket": {"port": "grpc"}}, start_s=180))
    # Makes bucket and schema, and fails until both stores answer; the cluster tries again.
    init = _container(stack, "code", ["dataalchemy", "init"], {}, {}).manifest() | {"name": "init"}
    return _deployment(stack, "code", pod([container], _volumes(stack), initContainers=[init]))


def _webserver(stack: Stack) -> Manifest:
    serve = ["dagster-webserver", "--host", "0.0.0.0", "--port", str(UI_PORT), "--workspace", _WORKSPACE]
    checks = probes({"httpGet": {"path": "/server_info", "port": "dagster"}}, start_s=180)
    container = _container(stack, "webserver", serve, UI_PORTS, checks)
    return _deployment(stack, "webserver", pod([container], _volumes(stack), **_account(stack)))


def _daemon(stack: Stack) -> Manifest:
    # The check is a Dagster of its own: 2 s of a processor when it has one to itself.
    check = {"exec": {"command": ["dagster-daemon", "liveness-check"]}}
    checks = probes(check, start_s=300, period_s=60, timeout_s=60)
    container = _container(stack, "daemon", ["dagster-daemon", "run", "--workspace", _WORKSPACE], {}, checks)
    made = _deployment(stack, "daemon", pod([container], _volumes(stack), **_account(stack)))
    made["spec"]["strategy"] = {"type": "Recreate"}  # two daemons would start what is due twice
    return made


def _metrics(stack: Stack) -> Manifest:
    serve = ["dataalchemy", "metrics", "--host", "0.0.0.0", "--port", str(METRICS_PORTS["metrics"])]
    checks = probes({"tcpSocket": {"port": "metrics"}}, start_s=180)
    container = _container(stack, "metrics", serve, METRICS_PORTS, checks)
    return _deployment(stack, "metrics", pod([container], _volumes(stack)))


def _container(
    stack: Stack, name: str, command: list[str], ports: Mapping[str, int], checks: Mapping[str, Manifest]
) -> Container:
    component = stack.spec.resources.get(name)  # type: ignore[call-overload]
    return Container(
        name=name,
        image=stack.pipelines_image(),
        command=command,
        resources=sized(_SIZES[name], component),
        ports=ports,
        env_from=sources(stack),
        mounts={"home": HOME, "data": DATA, "tmp": "/tmp"},
        probes=checks,
    )


def _volumes(stack: Stack) -> list[Manifest]:
    return [from_config("home", stack.named("dagster")), scratch("data", "1Gi"), scratch("tmp", "1Gi")]


def _account(stack: Stack) -> Manifest:
    """Webserver and daemon start and stop runs, so they speak to the cluster's API; the code location does not."""
    return {"serviceAccountName": stack.named("dagster"), "automountServiceAccountToken": True}


def _deployment(stack: Stack, component: str, spec: dict[str, Any]) -> Manifest:
    read_at_start = {CONFIG_ANNOTATION: digest([stack.secrets.get("dagster"), variables(stack), instance(stack)])}
    template = {"metadata": {"labels": stack.labels(component), "annotations": read_at_start}, "spec": spec}
    return {
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "metadata": stack.meta(component, component),
        "spec": {
            "replicas": 1,
            "revisionHistoryLimit": 3,
            "progressDeadlineSeconds": 600,
            "selector": {"matchLabels": stack.selector(component)},
            "template": template,
        },
    }
