"""kubectl, k3d, Docker, minikube and ctr as small programs on PATH, which keep what they were told and record it."""

from __future__ import annotations

import json
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

NAMES = ("kubectl", "k3d", "docker", "minikube", "ctr")
PROGRAM = Path(__file__).with_name("program.py")
LIBRARIES = Path(yaml.__file__).parents[1]


@dataclass(frozen=True)
class Call:
    """One call of a program: its arguments, what was on its stdin, and the names of the variables it got."""

    program: str
    arguments: list[str]
    given: str
    variables: list[str]

    @property
    def line(self) -> str:
        """The call without kubectl's flags of place and time."""
        flags = ("--context", "--namespace=", "--request-timeout")
        return " ".join([self.program, *(word for word in self.arguments if not word.startswith(flags))])


class StandIns:
    """The programs in a folder, and the world that they speak of."""

    def __init__(self, folder: Path, names: tuple[str, ...] = NAMES) -> None:
        self.folder, self.bin, self._calls, self._world = folder, folder / "bin", folder / "calls", folder / "world"
        self.bin.mkdir(parents=True)
        for name in names:
            script = self.bin / name
            start = f"PYTHONPATH='{LIBRARIES}' exec '{sys.executable}' -S '{PROGRAM}' '{folder}' {name}"
            script.write_text(f'#!/bin/sh\n{start} "$@"\n', "utf-8")
            script.chmod(0o755)
        self.world(context="somewhere", objects={}, images=[], node=[], statuses=["ready"], lies=[], fails={})

    @property
    def path(self) -> str:
        """PATH with them alone, and what a shell script needs."""
        return f"{self.bin}:/usr/bin:/bin"

    def world(self, **changes: Any) -> dict[str, Any]:
        """The world, after some of it was changed."""
        now = json.loads(self._world.read_text("utf-8")) if self._world.exists() else {}
        now.update(changes)
        self._world.write_text(json.dumps(now), "utf-8")
        return dict(now)

    def object(self, kind: str, name: str, namespace: str = "dataalchemy") -> dict[str, Any] | None:
        """What the cluster holds under this name."""
        found: dict[str, Any] | None = self.world()["objects"].get(f"{kind.lower()}/{namespace}/{name}")
        return found

    def kept(self) -> dict[str, Any]:
        """All objects, without the mark that a set-up leaves on its stack each time."""
        objects: dict[str, Any] = self.world()["objects"]
        for one in objects.values():
            one["metadata"].get("annotations", {}).pop("dataalchemy.io/request-look", None)
        return objects

    def calls(self) -> list[Call]:
        """Every call so far, in order."""
        if not self._calls.exists():
            return []
        return [Call(**json.loads(line)) for line in self._calls.read_text("utf-8").splitlines()]

    def lines(self) -> list[str]:
        """Every call so far as one line each."""
        return [call.line for call in self.calls()]

    def forget_calls(self) -> None:
        """Begin anew with the record."""
        self._calls.unlink(missing_ok=True)
