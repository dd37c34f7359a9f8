"""`up` from nothing to Ready on each kind of cluster, twice the same; `down` keeps what is kept."""

from __future__ import annotations

import base64
from pathlib import Path
from typing import Any

import pytest
import yaml
from dotenv import dotenv_values

from resources import cluster, images, k3d, nodes, operator, stacks
from resources.cluster import Wish, k3d_site, k8s_site
from resources.errors import Misconfigured, Missing, Unavailable
from resources.settings import Settings
from tests.stand_ins import StandIns

WISH = Wish(patience=stacks.Patience(degraded_s=0.1, poll_s=0.01))
CHANGES = ("create", "patch", "restart", "build", "import", "delete")


@pytest.fixture(autouse=True)
def free_ports(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(k3d, "host_ports", lambda: [])


def env_file(text: str) -> None:
    (Settings.read().project_root / ".env").write_text(text, encoding="utf-8")


def up(kind: str, wish: Wish = WISH) -> list[str]:
    said: list[str] = []
    site = k3d_site(Settings.read()) if kind == "k3d" else k8s_site(Settings.read())
    cluster.up(site, wish, said.append)
    return said


def changing(world: StandIns) -> list[str]:
    return [line for line in world.lines() if any(word in line.split() for word in CHANGES)]


def secret(world: StandIns, namespace: str = "dataalchemy") -> dict[str, str]:
    one = world.object("Secret", "dataalchemy-secret", namespace) or {"data": {}}
    return {key: base64.b64decode(value).decode() for key, value in one["data"].items()}


def live(world: StandIns, namespace: str, **spec: Any) -> None:
    """A stack that somebody else made earlier."""
    meta = {"name": "dataalchemy", "namespace": namespace, "generation": 1}
    one = {"apiVersion": "dataalchemy.io/v1alpha1", "kind": stacks.KIND, "metadata": meta, "spec": spec}
    objects = {f"dataalchemystack/{namespace}/dataalchemy": one, f"namespace//{namespace}": {"kind": "Namespace"}}
    world.world(objects={**world.world()["objects"], **objects})


def deployment(world: StandIns) -> dict[str, Any]:
    found = world.object("Deployment", operator.NAME)
    assert found is not None
    return found


def test_a_cluster_gets_definition_namespace_secret_operator_and_stack_in_this_order(world: StandIns) -> None:
    env_file("AWS_ACCESS_KEY_ID=abc\n")
    said = up("k8s")
    kinds = [
        ",".join(dict.fromkeys(one["kind"] for one in yaml.safe_load_all(call.given)))
        for call in world.calls()
        if call.given
    ]
    assert [kind.split(",")[0] for kind in kinds] == [
        "CustomResourceDefinition",
        "Namespace",
        "Secret",
        "Namespace",
        "DataAlchemyStack",
    ]
    assert "Deployment" in kinds[3]
    assert said[0] == "cluster: somewhere"
    assert "Secret dataalchemy-secret: AWS_ACCESS_KEY_ID" in said


@pytest.mark.parametrize("kind", ["k3d", "k8s"])
def test_a_second_time_changes_nothing(kind: str, world: StandIns) -> None:
    env_file("AWS_ACCESS_KEY_ID=abc\n")
    up(kind)
    before = world.kept()
    world.forget_calls()
    up(kind)
    assert changing(world) == []
    assert world.kept() == before


def test_k3d_is_made_with_passwords_beside_the_data_and_our_images_in_it(world: StandIns) -> None:
    up("k3d")
    settings = Settings.read()
    assert world.world()["bound"] == str(settings.data_path)
    assert sorted(path.name for path in settings.data_path.iterdir()) == sorted(k3d.FOLDERS)
    assert secret(world) == dotenv_values(settings.project_root / ".env")
    assert set(world.world()["node"]) == {f"docker.io/{image}" for image in images.OWN.values()}
    assert (world.object(stacks.KIND, "dataalchemy") or {})["spec"]["serviceType"] == "NodePort"


def test_a_secret_in_a_file_reaches_k3d_and_none_is_made_in_its_place(
    world: StandIns, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    (tmp_path / "key").write_text("of a file\n", encoding="utf-8")
    env_file(f"AWS_SECRET_ACCESS_KEY_FILE={tmp_path / 'key'}\n")
    up("k3d")
    assert secret(world)["AWS_SECRET_ACCESS_KEY"] == "of a file"
    assert "AWS_SECRET_ACCESS_KEY" not in dotenv_values(Settings.read().project_root / ".env")


def test_the_folder_of_this_machine_is_no_folder_of_k3ds_nodes(
    world: StandIns, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("DATAALCHEMY_DATA_PATH", str(tmp_path / "data"))
    up("k3d")
    assert (world.object("ConfigMap", operator.NAME) or {})["data"] == {}
    up("k8s")
    assert (world.object("ConfigMap", operator.NAME) or {})["data"] == {"DATAALCHEMY_DATA_PATH": str(tmp_path / "data")}


def test_an_import_that_lies_ends_it_before_anything_is_installed(world: StandIns) -> None:
    world.world(lies=["k3d"])
    with pytest.raises(Unavailable, match="did not get to node"):
        up("k3d")
    assert world.world()["objects"] == {}


def test_the_variable_of_k3ds_ports_is_told_to_the_operator_of_any_cluster_and_chooses_none(
    world: StandIns, monkeypatch: pytest.MonkeyPatch
) -> None:
    (world.bin / "k3d").unlink()
    monkeypatch.setenv("K3D_CLUSTER", "true")
    with pytest.raises(Missing, match="k3d"):
        up("k3d")
    monkeypatch.setenv("DATAALCHEMY_IMAGE_LOADER", "containerd")
    assert "cluster: somewhere" in up("k8s")
    assert (world.object("ConfigMap", operator.NAME) or {})["data"] == {"K3D_CLUSTER": "true"}
    assert len(world.world()["labels"]) == len(images.OWN)


def test_where_nodes_fetch_their_images_docker_is_not_asked(world: StandIns) -> None:
    (world.bin / "docker").unlink()
    assert any("as the cluster has them" in line for line in up("k8s"))


def test_docker_desktops_nodes_have_what_is_built_here(world: StandIns) -> None:
    world.world(context=nodes.DOCKER_DESKTOP)
    up("k8s")
    assert set(world.world()["images"]) == set(images.OWN.values())


def test_a_stack_that_is_there_stays_as_it_is_and_is_served_where_it_lives(world: StandIns) -> None:
    operator.define(cluster.Kubectl("somewhere"))
    live(world, "default", credentialsSecret="dataalchemy-secret", storage={"dataPath": "/mine"})
    env_file("AWS_ACCESS_KEY_ID=abc\n")
    up("k8s")
    assert (world.object(stacks.KIND, "dataalchemy", "default") or {})["spec"]["storage"] == {"dataPath": "/mine"}
    assert world.object(stacks.KIND, "dataalchemy") is None
    assert secret(world, "default") == {"AWS_ACCESS_KEY_ID": "abc"}
    assert "--namespace=default" in deployment(world)["spec"]["template"]["spec"]["containers"][0]["command"]
    assert world.object("RoleBinding", operator.NAME, "default") is not None


def test_a_named_file_is_applied_over_what_is_there(world: StandIns, tmp_path: Path) -> None:
    up("k8s")
    stack = {**yaml.safe_load((cluster.EXAMPLES / "stack-instance.yaml").read_text("utf-8")), "spec": {"paused": False}}
    (tmp_path / "s.yaml").write_text(yaml.safe_dump(stack), encoding="utf-8")
    up("k8s", Wish(file=tmp_path / "s.yaml", patience=WISH.patience))
    assert (world.object(stacks.KIND, "dataalchemy") or {})["spec"] == {"paused": False}


def test_a_namespace_that_is_not_there_is_named(world: StandIns, tmp_path: Path) -> None:
    (tmp_path / "s.yaml").write_text(f"kind: {stacks.KIND}\nmetadata: {{name: x, namespace: nowhere}}\n", "utf-8")
    with pytest.raises(Misconfigured, match="kubectl create namespace nowhere"):
        up("k8s", Wish(file=tmp_path / "s.yaml", patience=WISH.patience))


def test_a_ready_of_before_is_not_taken_for_one_of_now(world: StandIns) -> None:
    """The operator looks after the last change, a key's too, and only what it says then counts."""
    env_file("AWS_ACCESS_KEY_ID=abc\n")
    up("k8s")
    env_file("AWS_ACCESS_KEY_ID=abcd\n")
    world.forget_calls()
    up("k8s")
    verbs = [line.split()[1] for line in world.lines()]
    asked = verbs.index("annotate")
    assert set(verbs[asked + 1 :]) == {"get"}
    world.world(deaf=True)
    with pytest.raises(Unavailable, match="not ready"):
        up("k8s", Wish(patience=stacks.Patience(ready_s=0.1, poll_s=0.01)))


def test_the_databases_password_stays_unless_somebody_else_runs_it(world: StandIns, tmp_path: Path) -> None:
    env_file("DATAALCHEMY_POSTGRES_PASSWORD=first\n")
    up("k8s")
    env_file("DATAALCHEMY_POSTGRES_PASSWORD=second\n")
    said = up("k8s")
    assert secret(world) == {"DATAALCHEMY_POSTGRES_PASSWORD": "first"}
    assert any("DATAALCHEMY_POSTGRES_PASSWORD stays" in line for line in said)
    example = yaml.safe_load((cluster.EXAMPLES / "stack-instance.yaml").read_text("utf-8"))
    example["spec"]["dagster"] = {"postgres": {"external": {"host": "db"}}}
    (tmp_path / "s.yaml").write_text(yaml.safe_dump(example), encoding="utf-8")
    up("k8s", Wish(file=tmp_path / "s.yaml", patience=WISH.patience))
    assert secret(world) == {"DATAALCHEMY_POSTGRES_PASSWORD": "second"}


def test_images_loaded_anew_under_the_same_name_restart_who_runs_them(world: StandIns) -> None:
    up("k3d")
    world.world(node=[])
    world.forget_calls()
    up("k3d")
    assert "kubectl rollout restart deployment,statefulset --selector=dataalchemy.io/stack=dataalchemy" in world.lines()


def test_built_anew_restarts_who_runs_it_where_nodes_have_what_is_built_here(world: StandIns) -> None:
    world.world(context=nodes.DOCKER_DESKTOP)
    up("k8s")
    world.forget_calls()
    up("k8s", Wish(build=True, patience=WISH.patience))
    assert len([line for line in world.lines() if line.startswith("docker build")]) == len(images.OWN)
    assert "kubectl rollout restart deployment,statefulset --selector=dataalchemy.io/stack=dataalchemy" in world.lines()


def test_down_stops_k3d_and_names_what_survives(world: StandIns) -> None:
    up("k3d")
    before, said = world.world()["objects"], list[str]()
    cluster.down(k3d_site(Settings.read()), said.append)
    assert world.world()["servers"] == 0
    assert world.world()["objects"] == before
    assert str(Settings.read().data_path) in said[0]
    cluster.down(k3d_site(Settings.read()), said.append)
    assert said[-1] == "not up"
    assert cluster.report(k3d_site(Settings.read())) == cluster.Report()


def test_down_takes_stack_and_operator_and_leaves_secret_claims_and_namespace(world: StandIns) -> None:
    env_file("AWS_ACCESS_KEY_ID=abc\n")
    up("k8s")
    world.world(persistentvolumeclaims=["persistentvolumeclaim/dataalchemy-minio-data"])
    said: list[str] = []
    cluster.down(k8s_site(Settings.read()), said.append)
    assert sorted(world.world()["objects"]) == [
        f"customresourcedefinition//{operator.DEFINITION}",
        "namespace//dataalchemy",
        "secret/dataalchemy/dataalchemy-secret",
    ]
    assert "persistentvolumeclaim/dataalchemy-minio-data" in said[0]


def test_down_asks_for_the_operator_first_since_no_stack_goes_without_its_leave(world: StandIns) -> None:
    up("k8s")
    held = world.world()["objects"]
    held["dataalchemystack/dataalchemy/dataalchemy"]["metadata"]["finalizers"] = [operator.FINALIZER]
    world.world(objects=held, down=True)
    world.forget_calls()
    with pytest.raises(Unavailable, match="is down: not available") as told:
        cluster.down(k8s_site(Settings.read()), lambda _: None)
    patch = "kubectl --context somewhere patch das dataalchemy --namespace dataalchemy --type=merge"
    assert told.value.fix.endswith(patch + """ --patch '{"metadata":{"finalizers":null}}'""")
    assert changing(world) == []
    del held["dataalchemystack/dataalchemy/dataalchemy"]["metadata"]["finalizers"]
    world.world(objects=held)
    cluster.down(k8s_site(Settings.read()), lambda _: None)
    assert world.object(stacks.KIND, "dataalchemy") is None


def test_the_first_operator_goes_before_ours_comes(world: StandIns) -> None:
    meta = {"name": operator.NAME, "namespace": "default", "labels": {"app": operator.NAME}}
    world.world(objects={f"deployment/default/{operator.NAME}": {"kind": "Deployment", "metadata": meta}})
    assert any("the first operator is deleted" in line for line in up("k8s"))
    assert world.object("Deployment", operator.NAME, "default") is None
    calls = [call.given or call.line for call in world.calls()]
    (gone,) = [place for place, call in enumerate(calls) if "delete deployment" in call]
    (came,) = [place for place, call in enumerate(calls) if "kind: Deployment" in call]
    assert gone < came
    assert "--namespace=default" in world.calls()[gone].arguments


def test_a_deployment_of_that_name_that_is_somebody_elses_stays(world: StandIns) -> None:
    meta = {"name": operator.NAME, "namespace": "default", "labels": {"app": "theirs"}}
    world.world(objects={f"deployment/default/{operator.NAME}": {"kind": "Deployment", "metadata": meta}})
    up("k8s")
    assert world.object("Deployment", operator.NAME, "default") is not None


def test_down_refuses_where_data_would_go_or_others_are_served(world: StandIns) -> None:
    up("k8s")
    live(world, "team")
    with pytest.raises(Misconfigured, match="dataalchemy/dataalchemy, team/dataalchemy"):
        cluster.down(k8s_site(Settings.read()), lambda _: None)
    world.world(objects={f"customresourcedefinition//{operator.DEFINITION}": {}})
    live(world, "team", deletionPolicy="Delete")
    with pytest.raises(Misconfigured, match="kubectl delete das dataalchemy --namespace team"):
        cluster.down(k8s_site(Settings.read()), lambda _: None)
    assert world.object(stacks.KIND, "dataalchemy", "team") is not None
