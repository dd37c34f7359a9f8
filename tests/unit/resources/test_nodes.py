"""What nodes have of this machine is told by their context, and no path of it reaches them mangled."""

from __future__ import annotations

from pathlib import Path

import pytest

from resources import nodes
from resources.errors import Misconfigured
from resources.settings import Settings
from tests.stand_ins import StandIns


@pytest.mark.parametrize(
    ("context", "loader", "cluster"),
    [
        ("k3d-dataalchemy", "k3d", "dataalchemy"),
        ("minikube", "minikube", "minikube"),
        ("docker-desktop", "none", "docker-desktop"),
        ("arn:aws:eks:x", "none", "arn:aws:eks:x"),
    ],
)
def test_the_context_tells_how_images_get_there(context: str, loader: str, cluster: str) -> None:
    assert (nodes.loader_of(context), nodes.cluster_of(context)) == (loader, cluster)


@pytest.mark.parametrize(
    ("given", "context", "told"),
    [
        (None, "somewhere", None),
        ("/srv/my data/", "somewhere", "/srv/my data/"),
        ("/srv/data", "k3d-dataalchemy", None),
        ("/mnt/c/Users/me/data", "somewhere", "/mnt/c/Users/me/data"),
        ("/mnt/c/Users/me/data", "docker-desktop", "/run/desktop/mnt/host/c/Users/me/data"),
        ("/mnt/d", "docker-desktop", "/run/desktop/mnt/host/d"),
        ("/mnt/data", "docker-desktop", "/mnt/data"),
        ("/run/desktop/mnt/host/c/data", "docker-desktop", "/run/desktop/mnt/host/c/data"),
        ("~/data", "somewhere", f"{Path.home()}/data"),
    ],
)
def test_the_data_path_is_told_as_the_nodes_have_it(
    given: str | None, context: str, told: str | None, world: StandIns, monkeypatch: pytest.MonkeyPatch
) -> None:
    if given is not None:
        monkeypatch.setenv("DATAALCHEMY_DATA_PATH", given)
    assert nodes.data_path(Settings.read(), context) == told


def test_a_path_that_depends_on_the_folder_of_the_day_is_refused(
    world: StandIns, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("DATAALCHEMY_DATA_PATH", "data")
    with pytest.raises(Misconfigured, match="from the root on"):
        nodes.data_path(Settings.read(), "somewhere")


@pytest.mark.parametrize("given", ["C:\\Users\\me\\data", "d:/data"])
@pytest.mark.parametrize("name", ["DATAALCHEMY_DATA_PATH", "DATAALCHEMY_CACHE", "PROJECT_ROOT"])
def test_a_path_of_windows_is_refused_off_windows_with_the_one_that_is_meant(
    name: str, given: str, world: StandIns, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(name, given)
    with pytest.raises(Misconfigured, match=rf"{name}\. .*/mnt/c/"):
        Settings.read()
