"""The k3d cluster of k8s/k3d.yaml: made over the data's folder, started, stopped. Data stay in that folder."""

from __future__ import annotations

import json
import os
import re
import socket
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from resources import programs
from resources.errors import Misconfigured, Unavailable
from resources.kubectl import Kubectl
from resources.settings import CHECKOUT

NAME = "dataalchemy"
CONFIG = CHECKOUT / "k8s" / "k3d.yaml"
FOLDERS = {"minio_data": 10001, "redis_data": 10001, "postgres_data": 999}
"""Folder of each store under the data path -> the user it runs as; 999 is PostgreSQL's in its official image."""
_ANSWER_S = 90.0
_LISTENS_S = 0.5


@dataclass(frozen=True)
class K3d:
    """The cluster by its name, and the folder of this machine that its nodes have as /data."""

    data_path: Path
    name: str = NAME

    @property
    def context(self) -> str:
        """The name that k3d gives the cluster in kubectl's configuration."""
        return f"k3d-{self.name}"

    @property
    def node(self) -> str:
        """The container that is its node."""
        return f"k3d-{self.name}-server-0"

    def servers(self) -> int | None:
        """How many of its nodes run; None where there is no such cluster."""
        found = json.loads(programs.ask(["k3d", "cluster", "list", "--output=json"]) or "[]")
        return next((int(one.get("serversRunning", 0)) for one in found if one["name"] == self.name), None)

    def start(self, say: Callable[[str], None]) -> Kubectl:
        """Make the cluster where there is none, start it where it is stopped, and wait until it answers."""
        running = self.servers()
        if running is None:
            self._make(say)
        else:
            self._same_folder()
        if running == 0:
            _ports_are_free()
            say(f"starting the k3d cluster {self.name}")
            programs.show(["k3d", "cluster", "start", self.name])
        kubectl = Kubectl(self.context)
        kubectl.wait_until_it_answers(_ANSWER_S)
        return kubectl

    def stop(self) -> None:
        """Stop its nodes; everything in them stays."""
        programs.show(["k3d", "cluster", "stop", self.name])

    def _make(self, say: Callable[[str], None]) -> None:
        _ports_are_free()
        for line in make_folders(self.data_path):
            say(line)
        say(f"making the k3d cluster {self.name} over {self.data_path}")
        more = {"DATAALCHEMY_DATA_PATH": str(self.data_path)}
        programs.show(["k3d", "cluster", "create", "--config", str(CONFIG)], more=more)

    def _same_folder(self) -> None:
        """A folder is bound when the cluster is made, so another data path would be passed over in silence."""
        said = programs.ask(["docker", "inspect", "--format={{json .Mounts}}", self.node])
        bound = next((one["Source"] for one in json.loads(said) if one.get("Destination") == "/data"), None)
        if bound is not None and Path(bound).resolve() != self.data_path.resolve():
            fix = f"Set DATAALCHEMY_DATA_PATH={bound}, or make it anew: k3d cluster delete {self.name} (the data stay)."
            raise Misconfigured("The cluster was made over another folder", subject=str(self.data_path), fix=fix)


def make_folders(data_path: Path) -> list[str]:
    """Make the stores' folders where they aren't; what there is to say of them. Raises Unavailable.

    Only new folders are given to their users: what holds data is given on in the cluster, file by file.
    """
    left = []
    try:
        for name, user in FOLDERS.items():
            folder = data_path / name
            if folder.is_dir():
                continue
            folder.mkdir(parents=True, mode=0o700)
            try:
                os.chown(folder, user, user)
            except PermissionError:
                left.append(name)
    except OSError as error:
        subject = f"{data_path} ({error.strerror})"
        raise Unavailable("The data's folders cannot be made", subject=subject, fix="Choose another path.") from None
    return [f"{', '.join(left)}: this user may not give them away, so the cluster does"] if left else []


def host_ports() -> list[int]:
    """The ports of this machine's loopback that the cluster takes."""
    return [int(port) for port in re.findall(r'"127\.0\.0\.1:(\d+):', CONFIG.read_text(encoding="utf-8"))]


def _ports_are_free() -> None:
    taken = [str(port) for port in host_ports() if _listens(port)]
    if taken:
        fix = "End what listens there (`ss -ltnp` names it), such as: dataalchemy deploy docker down"
        raise Unavailable("Ports that the cluster needs are taken", subject=", ".join(taken), fix=fix)


def _listens(port: int) -> bool:
    with socket.socket() as probe:
        probe.settimeout(_LISTENS_S)
        return probe.connect_ex(("127.0.0.1", port)) == 0
