"""A cluster by way of kubectl, always under one context, so that a switch in between harms nothing."""

from __future__ import annotations

import json
import time
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from resources import programs
from resources.errors import Misconfigured, Unavailable

Object = dict[str, Any]
_REQUEST = "--request-timeout=30s"
_GONE_S = 120


@dataclass(frozen=True)
class Kubectl:
    """Calls against one context and namespace. Each may raise Missing and Unavailable."""

    context: str
    namespace: str = "dataalchemy"

    def wait_until_it_answers(self, limit_s: float) -> None:
        """Return when the API says that it is ready. Raises Unavailable, with what was said last."""
        end = time.monotonic() + limit_s
        while True:
            done = programs.attempt(self._command("get", "--raw=/readyz"))
            if done.returncode == 0:
                return
            if time.monotonic() >= end:
                said = (done.stderr.strip().splitlines() or ["nothing"])[-1]
                fix = "Start it, or choose another: kubectl config use-context NAME"
                raise Unavailable("The cluster does not answer", subject=f"{self.context} ({said})", fix=fix)
            time.sleep(1)

    def get(self, kind: str, name: str) -> Object | None:
        """An object of the namespace; None where it, or its whole kind, isn't there."""
        said = self._read("get", kind, name, "--ignore-not-found", "--output=json")
        return dict(json.loads(said)) if said.strip() else None

    def everywhere(self, kind: str) -> list[Object]:
        """All objects of a kind in all namespaces; [] where the cluster doesn't know the kind."""
        said = self._read("get", kind, "--all-namespaces", "--output=json")
        return list(json.loads(said)["items"]) if said.strip() else []

    def require_namespace(self) -> None:
        """Raise Misconfigured where the cluster has no such namespace."""
        if self.get("namespace", self.namespace) is None:
            fix = f"Make it: kubectl create namespace {self.namespace}"
            raise Misconfigured("The cluster has no such namespace", subject=self.namespace, fix=fix)

    def apply(self, text: str, *, namespaced: bool = True) -> None:
        """Server-side apply of manifests; what another hand changed since becomes what they say."""
        words = ("apply", "--server-side", "--force-conflicts", "--filename=-")
        programs.ask(self._command(*words, namespaced=namespaced), given=text)

    def create(self, manifest: Mapping[str, Any]) -> None:
        """Create an object that isn't there yet."""
        programs.ask(self._command("create", "--filename=-"), given=json.dumps(manifest))

    def patch(self, kind: str, name: str, patch: Mapping[str, Any]) -> None:
        """Merge into an object that is there."""
        words = ("patch", kind, name, "--type=merge", "--patch-file=/dev/stdin")
        programs.ask(self._command(*words), given=json.dumps(patch))

    def delete(self, text: str, *, namespaced: bool = True) -> None:
        """Delete what the manifests name, and wait until it is gone. What isn't there is fine."""
        words = ("delete", "--ignore-not-found", f"--timeout={_GONE_S}s", "--filename=-")
        programs.ask(self._command(*words, namespaced=namespaced), given=text, limit_s=_GONE_S + 30)

    def ask(self, *words: str, limit_s: float = 120) -> str:
        """What any other call prints."""
        return programs.ask(self._command(*words), limit_s=limit_s)

    def follow(self, *words: str) -> int:
        """A call whose output is for the person; its exit code."""
        return programs.follow(self._command(*words, patient=True))

    def _read(self, *words: str) -> str:
        done = programs.attempt(self._command(*words))
        if done.returncode and "doesn't have a resource type" not in done.stderr:
            said = (done.stderr.strip().splitlines() or [""])[-1]
            raise Unavailable("The cluster cannot be read", subject=f"{words[1]} ({said})", fix="Mend that, try again.")
        return done.stdout

    def _command(self, *words: str, namespaced: bool = True, patient: bool = False) -> list[str]:
        place = [f"--namespace={self.namespace}"] if namespaced else []
        waits = patient or words[0] in ("wait", "rollout", "delete")
        return ["kubectl", f"--context={self.context}", *place, *([] if waits else [_REQUEST]), *words]


def current_context() -> str:
    """The context that kubectl uses. Raises Misconfigured where it has none."""
    done = programs.attempt(["kubectl", "config", "current-context"])
    if done.returncode or not done.stdout.strip():
        fix = "Set KUBECONFIG, or choose: kubectl config use-context NAME. For k3d: dataalchemy deploy k3d up"
        raise Misconfigured("kubectl has no cluster", subject="current-context", fix=fix)
    return done.stdout.strip()
