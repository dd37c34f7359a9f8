"""The security rules, walked over every manifest of every example: those of kube-linter, and our own.

Templates that runs start pods from (training, executors) and Dagster's launcher are walked too.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from typing import Any

import pytest
import yaml

from k8s.controller.build.jobs import build_ingest
from k8s.controller.plan import Ref
from k8s.controller.spec import named_version
from k8s.controller.stack import PART_LABEL, STACK_LABEL, Stack

Manifests = dict[Ref, dict[str, Any]]
PlannedOf = Callable[[Stack], Manifests]
SPEAKS_TO_THE_API = {"webserver", "daemon", "run"}
ROOT_FOR_FOLDERS = {"prepare"}


@pytest.fixture
def manifests(example_stack: Stack, planned_of: PlannedOf) -> Manifests:
    return planned_of(example_stack)


@pytest.fixture
def pods(example_stack: Stack, manifests: Manifests) -> list[tuple[str, dict[str, Any]]]:
    """Every pod spec by its part: of the plan, of the templates in its ConfigMaps, of runs, and of an ingest."""
    found = [*_pods(manifests.values())]
    templates = [text for one in manifests.values() for file, text in one.get("data", {}).items() if "json" in file]
    found += _pods(json.loads(text) for text in templates)
    found += _pods(build_ingest(example_stack.__class__(**{**example_stack.__dict__, "ingest": "now"})))
    return [*found, ("run", _run(manifests, example_stack))]


def _pods(manifests: Any) -> Iterator[tuple[str, dict[str, Any]]]:
    for one in manifests:
        holder = one if one["kind"] == "Pod" else one["spec"].get("template") if "spec" in one else None
        if holder and "spec" in holder:
            yield holder["metadata"]["labels"][PART_LABEL], holder["spec"]


def _run(manifests: Manifests, stack: Stack) -> dict[str, Any]:
    text = manifests[Ref("ConfigMap", stack.named("dagster"), stack.namespace)]["data"]["dagster.yaml"]
    config = yaml.safe_load(text)["run_launcher"]["config"]
    container = {
        "name": "dagster",
        "image": config["job_image"],
        "imagePullPolicy": config["image_pull_policy"],
        **config["run_k8s_config"]["container_config"],
    }
    return {**config["run_k8s_config"]["pod_spec_config"], "containers": [container]}


def _containers(pods: list[tuple[str, dict[str, Any]]]) -> Iterator[tuple[str, dict[str, Any]]]:
    for part, pod in pods:
        for container in (*pod.get("initContainers", []), *pod["containers"]):
            yield part, container


def test_the_walk_meets_every_part(pods: list[tuple[str, dict[str, Any]]], example_stack: Stack) -> None:
    met = {part for part, _ in pods}
    wanted = {"code", "webserver", "daemon", "run", "training", "ingest", "cache", "postgres"}
    assert wanted <= met
    assert ("lake" in met) == (example_stack.spec.storage.external is None)
    assert ("prepare" in met) == (example_stack.site.mode == "hostPath")


def test_a_pod_is_what_the_restricted_profile_wants(pods: list[tuple[str, dict[str, Any]]]) -> None:
    for part, pod in pods:
        assert pod["securityContext"]["seccompProfile"] == {"type": "RuntimeDefault"}, part
        assert not {"hostNetwork", "hostPID", "hostIPC", "hostAliases"} & set(pod), part
        assert not any("hostPath" in volume for volume in pod["volumes"]), part
        if part not in ROOT_FOR_FOLDERS:
            assert pod["securityContext"]["runAsNonRoot"] is True, part
            assert pod["securityContext"].get("runAsUser", 1) > 0, part


def test_a_container_is_closed(pods: list[tuple[str, dict[str, Any]]]) -> None:
    for part, container in _containers(pods):
        context = container["securityContext"]
        assert context["allowPrivilegeEscalation"] is False, part
        assert context["readOnlyRootFilesystem"] is True, part
        assert context["capabilities"]["drop"] == ["ALL"], part
        assert "privileged" not in context, part
        if part not in ROOT_FOR_FOLDERS:
            assert "add" not in context["capabilities"], part


def test_the_one_pod_of_root_has_two_capabilities_and_ends(pods: list[tuple[str, dict[str, Any]]]) -> None:
    for part, pod in pods:
        if part in ROOT_FOR_FOLDERS:
            assert pod["containers"][0]["securityContext"]["capabilities"]["add"] == ["CHOWN", "DAC_OVERRIDE"]
            assert pod["restartPolicy"] == "OnFailure"


def test_a_container_says_what_it_needs_and_may_use(pods: list[tuple[str, dict[str, Any]]]) -> None:
    for part, container in _containers(pods):
        assert {"cpu", "memory"} <= set(container["resources"]["requests"]), part
        assert {"cpu", "memory"} <= set(container["resources"]["limits"]), part


def test_an_image_has_a_version_and_is_pulled_only_where_it_is_missing(pods: list[tuple[str, dict[str, Any]]]) -> None:
    for part, container in _containers(pods):
        assert named_version(container["image"]), part
        assert container["imagePullPolicy"] == "IfNotPresent", part


def test_a_token_is_there_only_where_it_is_used(pods: list[tuple[str, dict[str, Any]]]) -> None:
    for part, pod in pods:
        assert pod["automountServiceAccountToken"] is (part in SPEAKS_TO_THE_API), part
        assert pod["enableServiceLinks"] is False, part


def test_an_account_gives_no_token_by_itself(manifests: Manifests) -> None:
    accounts = [one for ref, one in manifests.items() if ref.kind == "ServiceAccount"]
    assert len(accounts) == 2
    assert all(one["automountServiceAccountToken"] is False for one in accounts)


def test_a_server_is_asked_whether_it_starts_lives_and_is_ready(manifests: Manifests) -> None:
    for one in manifests.values():
        if one["kind"] in ("StatefulSet", "Deployment"):
            for container in one["spec"]["template"]["spec"]["containers"]:
                assert {"startupProbe", "livenessProbe", "readinessProbe"} <= set(container), container["name"]


def test_no_manifest_holds_a_secrets_value(manifests: Manifests) -> None:
    text = json.dumps(list(manifests.values()))
    assert "a" * 16 not in text and "b" * 16 not in text
    assert not any(ref.kind == "Secret" for ref in manifests)
    for _, container in _containers([*_pods(manifests.values())]):
        for variable in container.get("env", []):
            if any(word in variable["name"] for word in ("PASSWORD", "SECRET", "ROOT_USER", "ACCESS_KEY")):
                assert "value" not in variable, variable["name"]


def test_no_role_reaches_beyond_its_namespace_or_touches_secrets(manifests: Manifests) -> None:
    assert not any(ref.kind.startswith("ClusterRole") for ref in manifests)
    for one in manifests.values():
        for rule in one.get("rules", []):
            assert "*" not in (*rule["verbs"], *rule["resources"], *rule["apiGroups"])
            assert not {"secrets", "roles", "rolebindings", "nodes"} & set(rule["resources"])
            assert not {"pods/exec", "pods/attach", "serviceaccounts"} & set(rule["resources"])


def test_every_pod_that_listens_has_a_policy(manifests: Manifests) -> None:
    guarded = {
        one["spec"]["podSelector"]["matchLabels"][PART_LABEL]
        for ref, one in manifests.items()
        if ref.kind == "NetworkPolicy"
    }
    servers = {
        one["spec"]["template"]["metadata"]["labels"][PART_LABEL]
        for ref, one in manifests.items()
        if ref.kind in ("StatefulSet", "Deployment")
    }
    assert servers | {"run", "training", "executor"} <= guarded


def test_everything_is_labelled_and_owned_but_for_data(manifests: Manifests, example_stack: Stack) -> None:
    for ref, one in manifests.items():
        assert one["metadata"]["labels"]["app.kubernetes.io/managed-by"] == "dataalchemy-operator", ref
        assert one["metadata"]["labels"][STACK_LABEL] == example_stack.name, ref
        data = ref.kind in ("PersistentVolume", "PersistentVolumeClaim")
        assert ("ownerReferences" in one["metadata"]) is not data, ref


def test_a_selector_finds_its_own_pods(manifests: Manifests) -> None:
    templates = {
        one["metadata"]["labels"]["app.kubernetes.io/component"]: one["spec"]["template"]["metadata"]["labels"]
        for ref, one in manifests.items()
        if ref.kind in ("StatefulSet", "Deployment")
    }
    for ref, one in manifests.items():
        if ref.kind == "Service":
            part = one["spec"]["selector"]["app.kubernetes.io/component"]
            assert one["spec"]["selector"].items() <= templates[part].items()
        if ref.kind in ("StatefulSet", "Deployment"):
            part = one["metadata"]["labels"]["app.kubernetes.io/component"]
            assert one["spec"]["selector"]["matchLabels"].items() <= templates[part].items()


def test_a_mounted_volume_is_there_and_a_named_port_too(pods: list[tuple[str, dict[str, Any]]]) -> None:
    for part, pod in pods:
        volumes = {volume["name"] for volume in pod["volumes"]}
        for container in (*pod.get("initContainers", []), *pod["containers"]):
            assert {mount["name"] for mount in container["volumeMounts"]} <= volumes, part
            ports = {port["name"] for port in container.get("ports", [])}
            for probe in ("startupProbe", "livenessProbe", "readinessProbe"):
                check = container.get(probe, {})
                port = (check.get("httpGet") or check.get("tcpSocket") or {}).get("port")
                assert port is None or port in ports, part


def test_dagster_is_never_behind_a_load_balancer(manifests: Manifests, example_stack: Stack) -> None:
    for ref, one in manifests.items():
        if ref.kind == "Service" and "webserver" in ref.name and one["spec"]["type"] != "ClusterIP":
            assert one["spec"]["type"] == "NodePort"
            assert example_stack.site.fixed_ports
