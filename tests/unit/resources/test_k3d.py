"""The k3d cluster is made over the data's folder, never over another, and only where its ports are free."""

from __future__ import annotations

import os
import socket
from pathlib import Path

import pytest
import yaml

from k8s.controller.build.pod import USER
from k8s.controller.build.volumes import POSTGRES_USER
from k8s.controller.endpoints import _HOST_PORTS
from resources import k3d
from resources.errors import Misconfigured, Unavailable
from resources.k3d import FOLDERS, K3d, host_ports, make_folders
from tests.stand_ins import StandIns


@pytest.fixture
def free_ports(monkeypatch: pytest.MonkeyPatch) -> None:
    """The tests' machine may have a Redis or a Dagster of its own."""
    monkeypatch.setattr(k3d, "host_ports", lambda: [])


def test_folders_are_those_that_the_operator_mounts_for_the_users_that_it_starts() -> None:
    assert FOLDERS == {"minio_data": USER, "redis_data": USER, "postgres_data": POSTGRES_USER}


def test_name_and_ports_are_those_of_the_file_and_of_the_operators_addresses() -> None:
    config = yaml.safe_load(k3d.CONFIG.read_text(encoding="utf-8"))
    assert config["metadata"]["name"] == k3d.NAME
    assert sorted(host_ports()) == sorted(_HOST_PORTS.values())
    assert all(port["port"].startswith("127.0.0.1:") for port in config["ports"])


def test_new_folders_get_their_users_and_old_ones_stay_as_they_are(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    given = {}
    monkeypatch.setattr(os, "chown", lambda path, user, group: given.update({Path(path).name: user}))
    (tmp_path / "data" / "minio_data").mkdir(parents=True)
    assert make_folders(tmp_path / "data") == []
    assert given == {"redis_data": 10001, "postgres_data": 999}
    assert sorted(path.name for path in (tmp_path / "data").iterdir()) == sorted(FOLDERS)


def test_where_folders_cannot_be_given_away_that_is_said(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: object) -> None:
        raise PermissionError

    monkeypatch.setattr(os, "chown", refuse)
    assert make_folders(tmp_path) == [
        "minio_data, redis_data, postgres_data: this user may not give them away, so the cluster does"
    ]


def test_a_folder_that_cannot_be_made_is_an_error_that_names_it(tmp_path: Path) -> None:
    (tmp_path / "data").touch()
    with pytest.raises(Unavailable, match="data"):
        make_folders(tmp_path / "data")


@pytest.mark.usefixtures("free_ports")
def test_it_is_made_once_over_the_folder(world: StandIns, tmp_path: Path) -> None:
    cluster, said = K3d(tmp_path / "my data"), list[str]()
    assert cluster.servers() is None
    assert cluster.start(said.append).context == "k3d-dataalchemy"
    assert world.world()["bound"] == str(tmp_path / "my data")
    world.forget_calls()
    cluster.start(said.append)
    assert not [line for line in world.lines() if "create" in line or "cluster start" in line]


@pytest.mark.usefixtures("free_ports")
def test_a_stopped_one_is_started(world: StandIns, tmp_path: Path) -> None:
    cluster = K3d(tmp_path)
    cluster.start(lambda _: None)
    cluster.stop()
    assert cluster.servers() == 0
    cluster.start(lambda _: None)
    assert cluster.servers() == 1


def test_one_over_another_folder_is_refused_with_both(world: StandIns, tmp_path: Path) -> None:
    world.world(servers=1, bound="/elsewhere")
    with pytest.raises(Misconfigured, match=r"DATAALCHEMY_DATA_PATH=/elsewhere"):
        K3d(tmp_path).start(lambda _: None)


def test_a_port_that_is_taken_is_named_and_nothing_is_made(
    world: StandIns, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        monkeypatch.setattr(k3d, "host_ports", lambda: [port])
        with pytest.raises(Unavailable, match=f"taken: {port}"):
            K3d(tmp_path / "data").start(lambda _: None)
    assert not (tmp_path / "data").exists()
    assert "create" not in " ".join(world.lines())
