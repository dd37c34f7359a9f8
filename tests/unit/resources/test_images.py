"""Images are built where they are missing, reach the nodes by the way that is asked for, and are looked for there."""

from __future__ import annotations

import re

import pytest
import yaml

from k8s.controller.settings import Images as OperatorsImages
from resources.errors import Misconfigured, Unavailable
from resources.images import OTHERS, OWN, Images, Loaders, images_of
from resources.settings import CHECKOUT, Settings
from tests.stand_ins import StandIns

OURS = list(OWN.values())


def loaders(said: list[str] | None = None) -> Loaders:
    return Loaders((said if said is not None else []).append, "dataalchemy", "/run/x.sock")


@pytest.fixture
def built(world: StandIns) -> StandIns:
    world.world(images=OURS)
    return world


def test_the_references_are_the_operators_and_its_own_manifests() -> None:
    operators = OperatorsImages.read({})
    assert {
        "DATAALCHEMY_OPERATOR_IMAGE": OWN["DATAALCHEMY_OPERATOR_IMAGE"],
        "DATAALCHEMY_PIPELINES_IMAGE": operators.pipelines,
        "DATAALCHEMY_MINIO_IMAGE": operators.minio,
        "DATAALCHEMY_CACHE_IMAGE": operators.cache,
        "DATAALCHEMY_POSTGRES_IMAGE": operators.postgres,
    } == {**OWN, **OTHERS}
    install = yaml.safe_load_all((CHECKOUT / "k8s" / "install.yaml").read_text(encoding="utf-8"))
    (deployment,) = [one for one in install if one["kind"] == "Deployment"]
    assert deployment["spec"]["template"]["spec"]["containers"][0]["image"] == OWN["DATAALCHEMY_OPERATOR_IMAGE"]


def test_the_environment_and_the_env_file_name_others(world: StandIns, monkeypatch: pytest.MonkeyPatch) -> None:
    settings = Settings.read()
    (settings.project_root / ".env").write_text("DATAALCHEMY_MINIO_IMAGE=mine/minio:1\n", encoding="utf-8")
    monkeypatch.setenv("DATAALCHEMY_PIPELINES_IMAGE", "mine/pipelines@sha256:0")
    images = images_of(settings)
    assert images.own() == {"operator": OWN["DATAALCHEMY_OPERATOR_IMAGE"], "minio": "mine/minio:1"}


def test_only_what_is_missing_is_built_and_all_when_asked(world: StandIns) -> None:
    world.world(images=OURS[1:])
    images = Images({**OWN, **OTHERS}, {"DATAALCHEMY_PYTHON_IMAGE": "python:3.12"})
    images.build(lambda _: None, anew=False)
    (build,) = [line for line in world.lines() if line.startswith("docker build")]
    assert f"--target=operator --tag={OURS[0]} --build-arg=PYTHON_IMAGE=python:3.12" in build
    world.forget_calls()
    images.build(lambda _: None, anew=True)
    assert re.findall(r"--target=(\w+)", " ".join(world.lines())) == ["operator", "pipelines", "minio"]


def test_an_engine_that_is_away_is_not_taken_for_a_missing_image(world: StandIns) -> None:
    world.world(fails={"docker image inspect": "Cannot connect to the Docker daemon"})
    with pytest.raises(Unavailable, match="engine does not answer"):
        Images(OWN, {}).build(lambda _: None, anew=False)


def test_images_of_a_registry_are_loaded_where_this_machine_has_them(world: StandIns) -> None:
    world.world(images=[OTHERS["DATAALCHEMY_CACHE_IMAGE"]])
    assert Images({**OWN, **OTHERS}, {}).others() == [OTHERS["DATAALCHEMY_CACHE_IMAGE"]]


def test_k3d_gets_what_its_node_lacks_and_the_second_time_nothing(built: StandIns) -> None:
    assert loaders().k3d(OURS) == OURS
    built.forget_calls()
    assert loaders().k3d(OURS) == []
    assert not [line for line in built.lines() if line.startswith("k3d")]


def test_an_import_into_k3d_that_lies_is_found_out(built: StandIns) -> None:
    built.world(lies=["k3d"], node=[f"docker.io/{OURS[0]}"])
    with pytest.raises(Unavailable, match=f"did not get to node k3d-dataalchemy-server-0: {', '.join(OURS[1:])}"):
        loaders().k3d(OURS)


def test_minikube_is_asked_as_well_and_of_its_profiles_the_contexts(built: StandIns) -> None:
    loaders().minikube(OURS)
    loads = [f"minikube image load --profile=dataalchemy {one}" for one in OURS]
    assert built.lines() == [*loads, "minikube image ls --profile=dataalchemy"]
    built.world(lies=["minikube"], node=[])
    with pytest.raises(Unavailable, match="did not get to minikube's dataalchemy"):
        loaders().minikube(OURS)


def test_containerd_gets_each_build_once(built: StandIns) -> None:
    assert loaders().containerd(OURS) == OURS
    assert all("--address=/run/x.sock" in line for line in built.lines() if line.startswith("ctr"))
    built.forget_calls()
    assert loaders().containerd(OURS) == []
    assert not [line for line in built.lines() if "import" in line]


def test_a_registry_is_pushed_to_only_where_every_reference_names_one(built: StandIns) -> None:
    named = ["registry.example.com/team/a:1", "localhost/b:1", "host:5000/c:1"]
    loaders().registry(named)
    assert built.lines() == [f"docker push {one}" for one in named]
    with pytest.raises(Misconfigured, match=f"name no registry: {OURS[0]}"):
        loaders().registry([*named, OURS[0]])


def test_none_leaves_it_to_the_nodes(world: StandIns) -> None:
    assert loaders().none(OURS) == []
    assert world.calls() == []
