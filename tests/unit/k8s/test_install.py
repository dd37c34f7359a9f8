"""The operator's own rights: enough for what it does, and not more; and its own pod is as closed as the others."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import yaml

from k8s.controller.build.access import build_access
from k8s.controller.platform import site_of
from k8s.controller.settings import Images, Settings
from k8s.controller.spec import StackSpec, named_version
from k8s.controller.stack import Stack

FOLDER = Path(__file__).parents[3] / "k8s"
INSTALL = list(yaml.safe_load_all((FOLDER / "install.yaml").read_text(encoding="utf-8")))
ROLES = {one["metadata"]["name"]: one["rules"] for one in INSTALL if one["kind"] == "ClusterRole"}
HERE, EVERYWHERE = ROLES["dataalchemy-operator-namespace"], ROLES["dataalchemy-operator"]
(DEPLOYMENT,) = [one for one in INSTALL if one["kind"] == "Deployment"]


def rights(rules: list[dict[str, Any]]) -> set[tuple[str, str, str]]:
    return {(g, r, v) for rule in rules for g in rule["apiGroups"] for r in rule["resources"] for v in rule["verbs"]}


def test_no_right_is_everything() -> None:
    assert not [right for rules in ROLES.values() for right in rights(rules) if "*" in right]
    assert not [right for rules in ROLES.values() for right in rights(rules) if right[2] in ("escalate", "bind")]


def test_in_the_whole_cluster_it_reads_nodes_and_keeps_volumes() -> None:
    changed = {resource for _, resource, verb in rights(EVERYWHERE) if verb not in ("get", "list", "watch")}
    assert changed == {"persistentvolumes"}
    assert {resource for _, resource, _ in rights(EVERYWHERE)} == {"nodes", "persistentvolumes"}


def test_secrets_are_never_listed() -> None:
    assert {verb for _, resource, verb in rights(HERE) if resource == "secrets"} == {"create", "get", "patch"}


def test_it_may_do_what_the_client_does_with_every_kind() -> None:
    apply = pytest.importorskip("k8s.controller.apply", reason="kopf is not installed")
    for kind, version in apply.CHILDREN.items():
        group = version.rpartition("/")[0]
        for verb in ("list", "watch", "patch", "create", "delete"):
            assert (group, apply.PLURALS[kind], verb) in rights(HERE), (kind, verb)
    for verb in ("list", "watch", "patch", "create", "delete"):
        assert ("", "persistentvolumes", verb) in rights(EVERYWHERE)


def test_it_has_every_right_that_it_gives() -> None:
    """The cluster lets nobody give a right that they don't have."""
    spec = StackSpec.model_validate({"compute": {"spark": {"mode": "cluster"}}})
    site = site_of(spec, [], Settings(), config_path=None)
    stack = Stack("demo", "team", "u", spec, site, Images())
    given = {right for one in build_access(stack) if one["kind"] == "Role" for right in rights(one["rules"])}
    assert given
    assert given - rights(HERE) == set()


def test_a_namespace_is_served_by_a_binding_in_it() -> None:
    bindings = {one["kind"]: one for one in INSTALL if one["kind"].endswith("Binding")}
    assert bindings["RoleBinding"]["roleRef"]["name"] == "dataalchemy-operator-namespace"
    assert bindings["ClusterRoleBinding"]["roleRef"]["name"] == "dataalchemy-operator"


def test_its_pod_is_closed_and_there_is_one() -> None:
    spec = DEPLOYMENT["spec"]
    pod = spec["template"]["spec"]
    (container,) = pod["containers"]
    assert (spec["replicas"], spec["strategy"]["type"]) == (1, "Recreate")
    assert pod["securityContext"]["runAsNonRoot"] is True
    assert pod["securityContext"]["seccompProfile"]["type"] == "RuntimeDefault"
    assert container["securityContext"]["readOnlyRootFilesystem"] is True
    assert container["securityContext"]["allowPrivilegeEscalation"] is False
    assert container["securityContext"]["capabilities"] == {"drop": ["ALL"]}
    assert {"requests", "limits"} == set(container["resources"])
    assert named_version(container["image"]) and container["imagePullPolicy"] == "IfNotPresent"
    assert {"livenessProbe", "readinessProbe"} <= set(container)


def test_no_folder_of_the_node_is_mounted_by_it() -> None:
    assert all("emptyDir" in volume for volume in DEPLOYMENT["spec"]["template"]["spec"]["volumes"])


def test_one_command_brings_the_definition_and_the_operator() -> None:
    named = yaml.safe_load((FOLDER / "kustomization.yaml").read_text(encoding="utf-8"))["resources"]
    assert named == ["crd.yaml", "install.yaml"]
    assert all((FOLDER / name).is_file() for name in named)


def test_k3ds_ports_are_on_loopback_and_lead_to_the_fixed_ones() -> None:
    k3d = yaml.safe_load((FOLDER / "k3d.yaml").read_text(encoding="utf-8"))
    assert [one["port"] for one in k3d["ports"]] == [
        "127.0.0.1:9000:30000",
        "127.0.0.1:9001:30001",
        "127.0.0.1:6379:30002",
        "127.0.0.1:3000:30003",
    ]
    assert k3d["volumes"][0]["volume"].endswith(":/data")
