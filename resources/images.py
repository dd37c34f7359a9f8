"""The images that a cluster needs: built where they are missing, brought to its nodes, and looked for there."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from resources import programs
from resources.errors import Misconfigured, Unavailable
from resources.settings import CHECKOUT, Settings

OWN = {
    "DATAALCHEMY_OPERATOR_IMAGE": "dataalchemy/operator:0.1.0",
    "DATAALCHEMY_PIPELINES_IMAGE": "dataalchemy/pipelines:0.1.0",
    "DATAALCHEMY_MINIO_IMAGE": "dataalchemy/minio:2026-02-12",
}
"""Variable -> reference of each image that the Dockerfile builds; the variable's middle is the target."""
OTHERS = {
    "DATAALCHEMY_CACHE_IMAGE": "valkey/valkey:8.1-bookworm",
    "DATAALCHEMY_POSTGRES_IMAGE": "postgres:17-bookworm",
}
"""Those of a registry, which nodes fetch themselves where this machine has none."""
_ARGUMENTS = ("DATAALCHEMY_PYTHON_IMAGE", "DATAALCHEMY_GO_IMAGE", "DATAALCHEMY_DEBIAN_IMAGE", "DATAALCHEMY_TORCH")
_AUTHORITIES = Path("/etc/ssl/certs/ca-certificates.crt")
_LABEL = "dataalchemy.io/image"


@dataclass(frozen=True)
class Images:
    """References by variable, and the variables of their builds."""

    references: dict[str, str]
    arguments: dict[str, str]

    def own(self) -> dict[str, str]:
        """Target -> reference of what is built here; one with a digest was built elsewhere and is fetched."""
        return {
            variable.split("_")[1].lower(): self.references[variable]
            for variable in OWN
            if "@" not in self.references[variable]
        }

    def others(self) -> list[str]:
        """Those of registries that this machine has, which may be away where the nodes are."""
        found = [self.references[variable] for variable in OTHERS]
        return [image for image in found if "@" not in image and identity(image) is not None]

    def build(self, say: Callable[[str], None], *, anew: bool) -> None:
        """Build those of ours that are missing, or all. Raises Missing, Unavailable."""
        for target, image in self.own().items():
            if anew or identity(image) is None:
                say(f"building {image}; the first time takes minutes")
                programs.show(self._build(target, image), more={"DOCKER_BUILDKIT": "1"})

    def _build(self, target: str, image: str) -> list[str]:
        given = [
            f"--build-arg={name.removeprefix('DATAALCHEMY_')}={value}" for name, value in sorted(self.arguments.items())
        ]
        authorities = [f"--secret=id=ca,src={_AUTHORITIES}"] if _AUTHORITIES.is_file() else []
        return ["docker", "build", f"--target={target}", f"--tag={image}", *given, *authorities, str(CHECKOUT)]


def images_of(settings: Settings) -> Images:
    """The images that the settings name, else ours."""
    defaults = {**OWN, **OTHERS}
    return Images({**defaults, **settings.variables(*defaults)}, settings.variables(*_ARGUMENTS))


def identity(image: str) -> str | None:
    """The image's id in this machine's Docker; None where it isn't."""
    done = programs.attempt(["docker", "image", "inspect", "--format={{.Id}}", image])
    if done.returncode and "no such image" not in done.stderr.lower():
        fix = "Start Docker Desktop, or: sudo systemctl start docker. Who may use it: the group `docker`."
        raise Unavailable("Docker's engine does not answer", subject=image, fix=fix)
    return None if done.returncode else done.stdout.strip()


@dataclass(frozen=True)
class Loaders:
    """The ways in which images get to the nodes of a cluster of k3d or minikube, or of any; each returns what is new.

    ``cluster``: its name as the program that made it has it.
    """

    say: Callable[[str], None]
    cluster: str = ""
    containerd_address: str | None = None

    def k3d(self, images: list[str]) -> list[str]:
        """`k3d image import` ends well when it failed, so the node itself is asked afterwards."""
        node = f"k3d-{self.cluster}-server-0"
        absent = [image for image in images if not _node_has(node, image)]
        if absent:
            self.say(f"loading into k3d: {', '.join(absent)}")
            programs.show(["k3d", "image", "import", f"--cluster={self.cluster}", *absent])
        _all_arrived([image for image in absent if not _node_has(node, image)], f"node {node}")
        return absent

    def minikube(self, images: list[str]) -> list[str]:
        """minikube compares by itself and loads what differs."""
        self.say(f"loading into minikube: {', '.join(images)}")
        profile = f"--profile={self.cluster}"
        for image in images:
            programs.show(["minikube", "image", "load", profile, image])
        held = programs.ask(["minikube", "image", "ls", profile]).split()
        _all_arrived([image for image in images if _full(image) not in held], f"minikube's {self.cluster}")
        return []

    def containerd(self, images: list[str]) -> list[str]:
        """The containerd of this machine, as where the cluster's one node is this machine."""
        absent = [image for image in images if not self._labelled(image)]
        for image in absent:
            self.say(f"loading into containerd: {image}")
            programs.pipe(["docker", "save", image], [*self._ctr(), "import", "-"])
            programs.ask([*self._ctr(), "label", _full(image), f"{_LABEL}={identity(image)}"])
        _all_arrived([image for image in absent if not self._labelled(image)], "containerd")
        return absent

    def registry(self, images: list[str]) -> list[str]:
        """Push to the registry that each reference names; one that names none would go to everybody's."""
        without = [image for image in images if not re.match(r"[^/]*[.:][^/]*/|localhost/", image)]
        if without:
            fix = "Name them with a registry in DATAALCHEMY_…_IMAGE, such as registry.example.com/team/pipelines:0.1.0."
            raise Misconfigured("Images name no registry", subject=", ".join(without), fix=fix)
        for image in images:
            self.say(f"pushing {image}")
            programs.show(["docker", "push", image])
        return []

    def none(self, images: list[str]) -> list[str]:
        """The nodes have them, or fetch them themselves."""
        return []

    def _ctr(self) -> list[str]:
        address = [f"--address={self.containerd_address}"] if self.containerd_address else []
        return ["ctr", *address, "--namespace=k8s.io", "images"]

    def _labelled(self, image: str) -> bool:
        """An import replaces the labels, so this one tells which build the node has."""
        said = programs.ask([*self._ctr(), "list", f"name=={_full(image)}"])
        return f"{_LABEL}={identity(image)}" in said


def _all_arrived(absent: list[str], place: str) -> None:
    if absent:
        fix = "Look at the room on its disk (`df -h`), load it by hand, and run this again."
        raise Unavailable(f"Images did not get to {place}", subject=", ".join(absent), fix=fix)


def _node_has(node: str, image: str) -> bool:
    """Whether the node has these very layers and settings; ids differ between Docker's ways of storing images."""
    done = programs.attempt(["docker", "exec", node, "crictl", "inspecti", "--output=json", _full(image)])
    if done.returncode:
        return False
    there = json.loads(done.stdout).get("info", {}).get("imageSpec")
    here = json.loads(programs.ask(["docker", "image", "inspect", image]))[0]
    if there is None:
        return False
    layers = (there.get("rootfs") or {}).get("diff_ids")
    return bool(layers == here["RootFS"]["Layers"] and _settings(there) == _settings(here))


def _settings(image: dict[str, Any]) -> list[Any]:
    config = image.get("config") or image.get("Config") or {}
    return [config.get(key) or None for key in ("Cmd", "Entrypoint", "Env", "User", "WorkingDir")]


def _full(image: str) -> str:
    """The reference as containerd writes it."""
    first, _, rest = image.partition("/")
    if not rest:
        return f"docker.io/library/{image}"
    return image if "." in first or ":" in first or first == "localhost" else f"docker.io/{image}"
