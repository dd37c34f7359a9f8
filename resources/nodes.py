"""What a cluster's nodes have of this machine, told by the name of its context: its images, its folders."""

from __future__ import annotations

import re
from pathlib import Path

from resources.errors import Misconfigured
from resources.settings import Settings

DOCKER_DESKTOP = "docker-desktop"
"""The context of a cluster whose nodes have the images of this machine's Docker."""
_DATA_PATH = "DATAALCHEMY_DATA_PATH"
_K3D, _MINIKUBE = "k3d-", "minikube"


def cluster_of(context: str) -> str:
    """The cluster as the program that made it calls it."""
    return context.removeprefix(_K3D)


def loader_of(context: str) -> str:
    """How images get there where nobody says it."""
    if context.startswith(_K3D):
        return "k3d"
    return "minikube" if context == _MINIKUBE else "none"


def data_path(settings: Settings, context: str) -> str | None:
    """The data path as the nodes have it, where one is set; None on k3d, whose nodes have that folder as /data.

    Raises Misconfigured for a path that depends on where a command is typed.
    """
    given = settings.variables(_DATA_PATH).get(_DATA_PATH)
    if given is None or context.startswith(_K3D):
        return None
    path = str(Path(given).expanduser()) if given.startswith("~") else given
    if not path.startswith("/"):
        fix = "Write it from the root on, as the nodes have it, or leave it out: the stack's `storage.dataPath` counts."
        raise Misconfigured("A cluster needs a whole path", subject=_DATA_PATH, fix=fix)
    if context != DOCKER_DESKTOP:
        return path
    # WSL has the drives of Windows under /mnt, Docker Desktop's node has them here.
    return re.sub(r"^/mnt/(?=[a-z](/|$))", "/run/desktop/mnt/host/", path)
