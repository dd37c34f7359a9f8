"""The operator is brought as install.yaml has it, with this machine's settings; leaving, it leaves the data's frame."""

from __future__ import annotations

import re
from typing import Any

import pytest

from k8s.controller.settings import Settings as OperatorsSettings
from k8s.controller.spec import GROUP
from resources import operator
from resources.errors import Unavailable
from resources.kubectl import Kubectl
from resources.settings import CHECKOUT, Settings
from tests.stand_ins import StandIns

KUBECTL = Kubectl("somewhere")


def one(objects: list[dict[str, Any]], kind: str) -> dict[str, Any]:
    return next(each for each in objects if each["kind"] == kind)


def test_only_what_is_set_is_told_to_the_operator_and_it_can_read_it(
    world: StandIns, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert operator.own_settings(Settings.read(), None) == {}
    given = {
        "SERVICE_TYPE": "LoadBalancer",
        "K3D_CLUSTER": "yes",
        "DATAALCHEMY_DATA_PATH": "/srv/data",
        "DATAALCHEMY_MINIO_IMAGE": "mine/minio:1",
    }
    for name, value in {**given, "DATAALCHEMY_OPERATOR_IMAGE": "mine/operator:1"}.items():
        monkeypatch.setenv(name, value)
    told = operator.own_settings(Settings.read(), "/srv/data")
    assert told == dict(sorted({**given, "K3D_CLUSTER": "true"}.items()))
    read = OperatorsSettings.read(told)
    assert (read.k3d_cluster, read.service_type, read.data_path) == (True, "LoadBalancer", "/srv/data")
    assert "DATAALCHEMY_DATA_PATH" not in operator.own_settings(Settings.read(), None)


def test_the_manifests_are_those_of_the_file_with_image_settings_and_namespaces() -> None:
    objects = operator.manifests({"A": "b"}, "mine/operator:1", "", ("dataalchemy", "team"))
    container = one(objects, "Deployment")["spec"]["template"]["spec"]["containers"][0]
    assert container["image"] == "mine/operator:1"
    assert [word for word in container["command"] if word.startswith("--namespace")] == [
        "--namespace=dataalchemy",
        "--namespace=team",
    ]
    bindings = [each["metadata"]["namespace"] for each in objects if each["kind"] == "RoleBinding"]
    assert bindings == ["dataalchemy", "team"]
    config = one(objects, "ConfigMap")
    assert config["data"] == {"A": "b"}
    assert config["metadata"]["name"] == container["envFrom"][0]["configMapRef"]["name"]
    assert objects[0]["kind"] == "Namespace"


def test_its_pod_is_replaced_when_settings_or_build_change_and_not_otherwise() -> None:
    def template(variables: dict[str, str], build: str) -> Any:
        return one(operator.manifests(variables, "i:1", build, ()), "Deployment")["spec"]["template"]

    assert template({"A": "b"}, "1") == template({"A": "b"}, "1")
    assert template({"A": "b"}, "1") != template({"A": "c"}, "1")
    assert template({"A": "b"}, "1") != template({"A": "b"}, "2")


def test_the_definition_is_waited_for(world: StandIns) -> None:
    operator.define(KUBECTL)
    assert world.lines()[-1].startswith("kubectl wait --for=condition=Established crd/dataalchemystacks.dataalchemy.io")
    assert world.object("CustomResourceDefinition", operator.DEFINITION, "") is not None


def test_an_operator_that_does_not_start_is_an_error_with_its_pods(world: StandIns) -> None:
    world.world(fails={"rollout status": "timed out"}, pods=["dataalchemy-operator-1 0/1 ErrImagePull 0 1m"])
    with pytest.raises(Unavailable, match="ErrImagePull"):
        operator.wait_until_it_runs(KUBECTL)


@pytest.mark.parametrize(
    ("shown", "mend"),
    [
        ("ImagePullBackOff", "DATAALCHEMY_IMAGE_LOADER.*DATAALCHEMY_OPERATOR_IMAGE.*registry"),
        ("ErrImagePull", "DATAALCHEMY_IMAGE_LOADER"),
        ("CrashLoopBackOff", "kubectl logs"),
    ],
)
def test_a_missing_image_is_mended_otherwise_than_a_crash(shown: str, mend: str, world: StandIns) -> None:
    world.world(fails={"rollout status": "timed out"}, pods=[f"dataalchemy-operator-1 0/1 {shown} 0 1m"])
    with pytest.raises(Unavailable) as told:
        operator.wait_until_it_runs(KUBECTL)
    assert re.search(mend, told.value.fix)


def test_its_finalizer_is_the_one_that_the_operator_sets() -> None:
    text = (CHECKOUT / "k8s" / "controller" / "main.py").read_text(encoding="utf-8")
    assert 'prefix = settings.persistence, f"operator.{GROUP}"' in text
    assert 'kept.finalizer, kept.progress_storage = f"{prefix}/stack"' in text
    assert f"operator.{GROUP}/stack" == operator.FINALIZER


def test_what_is_removed_has_neither_namespace_nor_definition(world: StandIns) -> None:
    operator.define(KUBECTL)
    operator.install(KUBECTL, operator.manifests({}, "i:1", "", ()))
    assert world.object("Deployment", operator.NAME) is not None
    operator.remove(KUBECTL, ["team"])
    left = sorted(world.world()["objects"])
    assert left == [f"customresourcedefinition//{operator.DEFINITION}", "namespace//dataalchemy"]
