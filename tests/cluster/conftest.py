"""A real cluster for tests: found or made by `scripts/test-cluster`, with the operator as a process and played nodes.

Tests of the control plane need no kubelet: theirs is played, and the cluster's own nodes take no pods meanwhile.
"""

from __future__ import annotations

import os
import shlex
import signal
import subprocess
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path

import pytest

from bench.cluster.api import Api
from bench.cluster.operator import install
from bench.cluster.world import Setting, World, world_of
from resources.settings import CHECKOUT

SCRIPT = CHECKOUT / "scripts" / "test-cluster"
PREPARE_S = 2400
TEST_S = 3000
CLASS = "dataalchemy-test"
BUILD = pytest.StashKey[subprocess.Popen[bytes]]()


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Last of all, and time for a cluster that is built from source first, in whichever of them is the first one."""
    items.sort(key=_of_cluster)
    for item in filter(_of_cluster, items):
        item.add_marker(pytest.mark.timeout(TEST_S))


def _of_cluster(item: pytest.Item) -> bool:
    return Path(__file__).parent in item.path.parents


def pytest_collection_finish(session: pytest.Session) -> None:
    """Build a cluster from source while other tests run, where it comes to that; `bring_up` waits for its end."""
    if any(map(_of_cluster, session.items)) and not session.config.option.collectonly:
        with suppress(OSError):  # no bash; `bring_up` says so
            session.config.stash[BUILD] = subprocess.Popen(
                [SCRIPT, "build"], stdin=subprocess.DEVNULL, stderr=subprocess.DEVNULL, process_group=0
            )


def pytest_unconfigure(config: pytest.Config) -> None:
    """Nothing that was begun outlives the tests; it begins with packages, which are not to be left half installed."""
    if BUILD not in config.stash:
        return
    build = config.stash[BUILD]
    for number, limit_s in ((signal.SIGTERM, 60), (signal.SIGKILL, 10)):
        with suppress(ProcessLookupError, subprocess.TimeoutExpired):
            os.killpg(build.pid, number)
            build.wait(limit_s)


def ask(argument: str) -> subprocess.CompletedProcess[str]:
    """Ask `scripts/test-cluster`."""
    return subprocess.run([SCRIPT, argument], capture_output=True, text=True, timeout=PREPARE_S, check=False)


def bring_up(argument: str) -> None:
    """Have a cluster, and its KUBECONFIG and PATH in this process. Skipped where none can be had; CI knows which."""
    found = ask("which")
    if found.returncode:
        pytest.skip(found.stderr[-500:])
    if found.stdout.strip() == "kubeconfig" and argument == "control-plane":
        refuse_a_cluster_in_use()
    done = ask(argument)
    if done.returncode:
        pytest.fail(f"scripts/test-cluster {argument}: {done.stderr[-2000:]}")
    os.environ.update(exported(done.stdout))


def exported(said: str) -> dict[str, str]:
    """The variables of what `scripts/test-cluster` prints, which is quoted for a shell."""
    words = (word.partition("=") for word in shlex.split(said))
    return {name: value for name, equals, value in words if equals}


def refuse_a_cluster_in_use() -> None:
    """These tests apply their own definition and operator, and delete stacks, claims and namespaces."""
    asked = ["kubectl", "get", "--ignore-not-found", "--output=name"]
    looks = (
        ["dataalchemystacks.dataalchemy.io", "--all-namespaces"],
        ["deployment/dataalchemy-operator", "-ndataalchemy"],
    )
    for look in looks:
        done = subprocess.run([*asked, *look], capture_output=True, text=True, check=False)
        if done.returncode and "doesn't have a resource type" not in done.stderr:
            pytest.fail(f"whether the cluster of KUBECONFIG is in use can't be told: {done.stderr[-500:]}")
        if there := done.stdout.split():
            pytest.fail(f"KUBECONFIG names a cluster that is in use ({there[0]}): name one that is for tests alone.")


@pytest.fixture(scope="session")
def cluster() -> Iterator[None]:
    """A cluster of which the API works. Only what was started for it ends with it."""
    before = {name: os.environ.get(name) for name in ("KUBECONFIG", "PATH")}
    bring_up("control-plane")
    yield
    for name, value in before.items():
        os.environ.pop(name) if value is None else os.environ.update({name: value})
    ask("stop")


@pytest.fixture(scope="session")
def node(cluster: None) -> None:
    """A node that runs pods, for tests that want more than a control plane."""
    bring_up("up")


@pytest.fixture(scope="session")
def api(cluster: None) -> Api:
    """The cluster's administrator, and the definition of the resource."""
    found = Api()
    install(found, [])
    return found


@pytest.fixture(scope="module")
def world(request: pytest.FixtureRequest, api: Api, tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    """A module's own: as its SETTING says, else one namespace on one node of k3d."""
    setting = getattr(request.module, "SETTING", Setting())
    with world_of(api, tmp_path_factory.mktemp("operator"), setting) as made:
        yield made


@pytest.fixture
def storage_class(api: Api) -> Iterator[Callable[..., str]]:
    """Makes storage classes that can grow, by the provisioner that a control plane has in it; they go after."""
    made: list[str] = []

    def make(name: str = CLASS, *, grows: bool = True) -> str:
        api.apply(
            {
                "apiVersion": "storage.k8s.io/v1",
                "kind": "StorageClass",
                "metadata": {"name": name},
                "provisioner": "kubernetes.io/host-path",
                "allowVolumeExpansion": grows,
            }
        )
        made.append(name)
        return name

    yield make
    for name in made:
        api.delete("StorageClass", name)
