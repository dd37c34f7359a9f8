"""The operator as a process of its own, with the account and the rights that k8s/install.yaml gives it."""

from __future__ import annotations

import re
import signal
import subprocess
import sys
import time
import urllib.request
from collections.abc import Mapping, Sequence
from contextlib import suppress
from hashlib import sha256
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import yaml

from bench.cluster.api import Api, Manifest, path_of, until
from bench.servers import free_port
from resources.errors import Unavailable
from resources.settings import CHECKOUT, child_environment

HOME, ACCOUNT = "dataalchemy", "dataalchemy-operator"
START_S, STOP_S = 90.0, 20.0
CRD: Manifest = yaml.safe_load((CHECKOUT / "k8s" / "crd.yaml").read_text(encoding="utf-8"))


def install(api: Api, namespaces: Sequence[str]) -> None:
    """Apply the definition and install.yaml, all but the operator's own pod, and the binding of each namespace."""
    api.apply(CRD)
    established = {"type": "Established", "status": "True"}

    def served() -> bool:
        found = api.get("CustomResourceDefinition", CRD["metadata"]["name"]) or {}
        return any(established.items() <= one.items() for one in found.get("status", {}).get("conditions") or [])

    until(served, 30, "the definition is not served")
    text = (CHECKOUT / "k8s" / "install.yaml").read_text(encoding="utf-8")
    objects: list[Manifest] = [one for one in yaml.safe_load_all(text) if one["kind"] != "Deployment"]
    (binding,) = [one for one in objects if one["kind"] == "RoleBinding"]
    for one in objects:
        api.apply(one)
    for namespace in namespaces:
        labels = {"pod-security.kubernetes.io/enforce": "baseline"}
        api.apply({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": namespace, "labels": labels}})
        api.apply({**binding, "metadata": {"name": ACCOUNT, "namespace": namespace}})


def sign_in(api: Api, folder: Path, server: str, *, authority: Mapping[str, Any] | None = None) -> Path:
    """A kubeconfig of the operator's account for ``server``; ``authority``: how a kubeconfig trusts it."""
    asked = {"apiVersion": "authentication.k8s.io/v1", "kind": "TokenRequest", "spec": {"expirationSeconds": 7200}}
    token = api.ask("POST", f"{path_of('ServiceAccount', ACCOUNT, HOME)}/token", asked)["status"]["token"]
    config: dict[str, Any] = {
        "apiVersion": "v1",
        "kind": "Config",
        "current-context": "operator",
        "contexts": [{"name": "operator", "context": {"cluster": "test", "user": "operator"}}],
        "clusters": [{"name": "test", "cluster": {"server": server, **(authority or {})}}],
        "users": [{"name": "operator", "user": {"token": token}}],
    }
    path = folder / "operator.kubeconfig"
    path.touch(mode=0o600)
    path.write_text(yaml.safe_dump(config), encoding="utf-8")
    return path


def operator_python() -> str:
    """An interpreter with what the operator's image has, and nothing else. Raises Unavailable."""
    requirements = CHECKOUT / "requirements" / "operator.txt"
    found = sha256(requirements.read_bytes()).hexdigest()[:12]
    cache = Path(child_environment().get("XDG_CACHE_HOME") or Path.home() / ".cache") / "dataalchemy"
    folder = cache / f"operator-{found}"
    python = folder / "bin" / "python"
    if not ((folder / "complete").exists() and python.exists()):
        uv = [str(Path(sys.executable).with_name("uv"))]
        for command in (
            [*uv, "venv", "--quiet", "--clear", "--python", sys.executable, str(folder)],
            [*uv, "pip", "install", "--quiet", "--python", str(python), "--require-hashes", "-r", str(requirements)],
        ):
            done = subprocess.run(command, capture_output=True, text=True, check=False)
            if done.returncode:
                raise Unavailable("The operator's packages can't be had", subject=done.stderr[-500:], fix="Try again.")
        (folder / "complete").touch()
    return str(python)


class OperatorProcess:
    """`kopf run` over the given namespaces, within its ``with`` block or between ``start`` and ``stop`` or ``kill``."""

    def __init__(
        self,
        folder: Path,
        kubeconfig: Path,
        namespaces: Sequence[str],
        *,
        variables: Mapping[str, str] | None = None,
    ) -> None:
        self.log, self._port = folder / "operator.log", free_port()
        options = [f"--namespace={one}" for one in namespaces]
        liveness = f"--liveness=http://127.0.0.1:{self._port}/healthz"
        self._command = [operator_python(), "-m", "kopf", "run", "--module=k8s.controller.main", liveness, *options]
        self._variables = {"KUBECONFIG": str(kubeconfig), **(variables or {})}
        self._process: subprocess.Popen[bytes] | None = None

    def start(self, *, wait: bool = True) -> None:
        """Start it; with ``wait`` until it says that it lives."""
        environment = {**child_environment(), **self._variables}
        with self.log.open("ab") as output:
            self._process = subprocess.Popen(
                self._command, cwd=CHECKOUT, env=environment, stdout=output, stderr=subprocess.STDOUT, process_group=0
            )
        if wait:
            until(lambda: self.lives() or (self._process and self._process.poll() is not None), START_S, self.said)
            assert self.lives(), self.said()

    def lives(self) -> bool:
        """Whether its health is told, and good."""
        with suppress(OSError), urllib.request.urlopen(f"http://127.0.0.1:{self._port}/healthz", timeout=5) as answer:
            return bool(answer.status == 200)
        return False

    def said(self, lines: int = 30) -> str:
        """The end of its log."""
        return "\n".join(self.log.read_text(encoding="utf-8").splitlines()[-lines:]) if self.log.exists() else ""

    def errors(self) -> list[str]:
        """Lines of its log that tell of an error."""
        return [
            line for line in self.log.read_text(encoding="utf-8").splitlines() if re.search(r"ERROR|Traceback", line)
        ]

    def memory_mb(self) -> float:
        """Memory that is its own and in use."""
        assert self._process is not None
        status = Path(f"/proc/{self._process.pid}/status").read_text(encoding="utf-8")
        found = re.search(r"VmRSS:\s+(\d+) kB", status)
        assert found is not None
        return int(found[1]) / 1024

    def kill(self) -> None:
        """As the node does when memory runs out: no time for anything."""
        if self._process is not None:
            self._process.send_signal(signal.SIGKILL)
            self._process.wait()

    def stop(self) -> float:
        """Ask it to end, and wait. Seconds until it did."""
        began = time.monotonic()
        if self._process is not None and self._process.poll() is None:
            self._process.terminate()
            try:
                self._process.wait(STOP_S)
            except subprocess.TimeoutExpired:
                self.kill()
        return time.monotonic() - began

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()
