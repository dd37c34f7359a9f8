"""A stack on a real node, set up as a person does it, and reached as one on any cluster is."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from bench.cluster import access
from bench.cluster.access import kubectl
from resources.settings import CHECKOUT

NAMESPACE = "dataalchemy"
READY_S = 300
SERVERS = "dataalchemy.io/stack=dataalchemy,dataalchemy.io/part in (lake,cache,postgres,code,webserver,daemon)"
PROGRAM = [sys.executable, "-c", "from dataalchemy_pipelines.cli.app import main; main()"]


@dataclass
class Site:
    """The set-up's environment and folder, and the stack that came of it."""

    environment: dict[str, str]
    root: Path

    def set_up(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        """Run the script that people run."""
        return self._run([str(CHECKOUT / "scripts" / "setup_operator.sh"), *arguments], {})

    def kubectl(self, *arguments: str) -> str:
        """kubectl in the stack's namespace."""
        return kubectl("--namespace", NAMESPACE, *arguments)

    def apply(self, manifest: dict[str, Any]) -> None:
        """Apply one object."""
        command = ["kubectl", "--namespace", NAMESPACE, "apply", "--filename=-"]
        subprocess.run(command, input=json.dumps(manifest), text=True, check=True, stdout=subprocess.DEVNULL)

    def objects(self, kind: str, selector: str = "") -> list[dict[str, Any]]:
        """Objects of a kind, those that are being deleted left out."""
        found = json.loads(self.kubectl("get", kind, f"--selector={selector}", "--output=json"))["items"]
        return [one for one in found if "deletionTimestamp" not in one["metadata"]]

    def servers(self) -> dict[str, str]:
        """Name -> uid of every pod that serves."""
        return {one["metadata"]["name"]: one["metadata"]["uid"] for one in self.objects("pods", SERVERS)}

    def state(self) -> dict[str, Any]:
        """The stack's status."""
        found: dict[str, Any] = access.the_stack(NAMESPACE).get("status", {})
        return found

    def wait_until_well(self) -> float:
        """Return the seconds until every server answers and the stack says Ready."""
        started = time.monotonic()
        while time.monotonic() - started < READY_S:
            with suppress(subprocess.CalledProcessError):
                pods = self.objects("pods", SERVERS)
                if len(pods) == 6 and all(map(_ready, pods)) and self.state().get("phase") == "Ready":
                    return time.monotonic() - started
            time.sleep(2)
        raise AssertionError(f"not Ready in {READY_S} s: {self.state().get('message')}")

    @contextmanager
    def reached(self) -> Iterator[dict[str, str]]:
        """Settings that lead the program to the stack."""
        with ExitStack() as opened:
            yield access.environment(NAMESPACE, opened)

    def program(self, *arguments: str, settings: dict[str, str]) -> str:
        """What the program prints, after it ended well."""
        done = self._run([*PROGRAM, *arguments], {**settings, "DATAALCHEMY_DATA_PATH": str(self.root / "here")})
        assert done.returncode == 0, done.stderr[-2000:] + done.stdout[-1000:]
        return done.stdout

    def digests(self, settings: dict[str, str]) -> dict[str, str]:
        """Every table's digest."""
        said = self.program("lake", "digest", "--json", settings=settings)
        found: dict[str, str] = json.loads(said.splitlines()[-1])
        return found

    def _run(self, command: list[str], settings: dict[str, str]) -> subprocess.CompletedProcess[str]:
        environment = {**self.environment, **settings, "PROJECT_ROOT": str(self.root)}
        return subprocess.run(
            command, cwd=CHECKOUT, env=environment, capture_output=True, text=True, timeout=1500, check=False
        )


def ask(settings: dict[str, str], query: str, **variables: Any) -> Any:
    """One GraphQL question to the stack's Dagster."""
    body = json.dumps({"query": query, "variables": variables}).encode()
    address = f"{settings['DATAALCHEMY_DAGSTER_URL']}/graphql"
    request = urllib.request.Request(address, body, {"Content-Type": "application/json"})
    with urllib.request.urlopen(request, timeout=30) as response:
        return json.load(response)["data"]


def runs(settings: dict[str, str]) -> list[dict[str, Any]]:
    """Every run, the newest first."""
    query = "{ runsOrError { ... on Runs { results { runId jobName status } } } }"
    found: list[dict[str, Any]] = ask(settings, query)["runsOrError"]["results"]
    return found


def cut_power(state: Path) -> None:
    """Kill kubelet, container runtime and every process of a pod, as a node that loses its power does."""
    for name in ("kubelet", "containerd"):
        os.kill(int((state / "run" / f"{name}.pid").read_text()), signal.SIGKILL)
    shims = subprocess.run(["pgrep", "-f", f"containerd-shim.*{state}/"], capture_output=True, text=True, check=False)
    inside = Path("/sys/fs/cgroup").glob("**/kubepods/**/cgroup.procs")
    pods = {pid for file in inside for pid in file.read_text().split()}
    for pid in [*shims.stdout.split(), *pods]:
        with suppress(ProcessLookupError):
            os.kill(int(pid), signal.SIGKILL)


def _ready(pod: dict[str, Any]) -> bool:
    conditions = pod.get("status", {}).get("conditions", [])
    return any(one["type"] == "Ready" and one["status"] == "True" for one in conditions)
