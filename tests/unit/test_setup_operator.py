"""The set-up script: which cluster it takes, what of an awkward `.env` enters it, and that no value is ever seen."""

from __future__ import annotations

import base64
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from resources.cluster_secret import KEYS
from resources.settings import CHECKOUT
from tests.awkward_env import AWKWARD, ID, SECRET
from tests.stand_ins import StandIns

MARK = "geheim"


class Checkout:
    """A checkout with the script, and the program of this one in place of the one that installs itself."""

    def __init__(self, world: StandIns, root: Path) -> None:
        self.world, self.root = world, root
        (root / "scripts").mkdir(parents=True)
        shutil.copy(CHECKOUT / "scripts" / "setup_operator.sh", root / "scripts")
        program = "from dataalchemy_pipelines.cli.app import main; main()"
        alchemy = root / "alchemy"
        alchemy.write_text(
            f"#!/bin/sh\nPYTHONPATH='{CHECKOUT}' exec '{sys.executable}' -c '{program}' \"$@\"\n", "utf-8"
        )
        alchemy.chmod(0o755)

    def run(self, *words: str, **variables: str) -> subprocess.CompletedProcess[str]:
        environment = {"PATH": self.world.path, "HOME": str(self.root), "PROJECT_ROOT": str(self.root), **variables}
        script = self.root / "scripts" / "setup_operator.sh"
        return subprocess.run(
            [script, *words], env=environment, capture_output=True, encoding="utf-8", timeout=120, check=False
        )

    def secret(self) -> dict[str, str]:
        one = self.world.object("Secret", "dataalchemy-secret") or {"data": {}}
        return {key: base64.b64decode(value).decode() for key, value in one["data"].items()}


@pytest.fixture
def checkout(world: StandIns, tmp_path: Path) -> Checkout:
    return Checkout(world, tmp_path / "a checkout")


def asked(checkout: Checkout, *words: str, **variables: str) -> str:
    """What the script asks the program for."""
    (checkout.root / "alchemy").write_text('#!/bin/sh\necho "$@"\n', "utf-8")
    return checkout.run(*words, **variables).stdout.strip()


def test_there_are_fifteen_of_them_and_they_name_every_key() -> None:
    assert len(AWKWARD) >= 15
    assert {key for _, wanted in AWKWARD.values() for key in wanted} == set(KEYS)


@pytest.mark.parametrize("name", AWKWARD)
def test_of_an_awkward_env_file_the_right_keys_enter_the_cluster_and_no_value_is_seen(
    name: str, checkout: Checkout
) -> None:
    text, wanted = AWKWARD[name]
    (checkout.root / ".env").write_bytes(text.encode())
    done = checkout.run()
    assert done.returncode == 0, done.stderr
    assert checkout.secret() == wanted
    assert MARK not in done.stdout + done.stderr
    encoded = [base64.b64encode(value.encode()).decode() for value in wanted.values()]
    for call in checkout.world.calls():
        line = " ".join(call.arguments)
        assert MARK not in line
        assert not [value for value in encoded if value in line]
    written = [path for path in checkout.root.rglob("*") if path.is_file() and path.name != ".env"]
    assert not [path for path in written if MARK in path.read_text("utf-8", errors="replace")]


def test_twice_in_a_row_is_the_same_and_the_second_writes_no_secret(checkout: Checkout) -> None:
    (checkout.root / ".env").write_text(f"{ID}=geheim1\n{SECRET}=geheim2\n", "utf-8")
    assert checkout.run().returncode == 0
    before = checkout.world.kept()
    checkout.world.forget_calls()
    done = checkout.run()
    assert (done.returncode, "open dagster" in done.stdout) == (0, True)
    assert checkout.world.kept() == before
    assert not {"create", "patch", "delete", "restart"} & {
        word for call in checkout.world.calls() for word in call.arguments
    }


def test_a_value_of_the_environment_enters_too_and_is_seen_as_little(checkout: Checkout) -> None:
    done = checkout.run(AWS_SECRET_ACCESS_KEY="geheim3", DAGSTER_HOME="/geheim")
    assert checkout.secret() == {SECRET: "geheim3"}
    assert MARK not in done.stdout + done.stderr


def test_a_broken_line_ends_it_before_the_cluster_is_asked(checkout: Checkout) -> None:
    (checkout.root / ".env").write_text(f"{ID}='geheim\n", "utf-8")
    done = checkout.run()
    assert done.returncode == 2
    assert ID in done.stderr
    assert MARK not in done.stdout + done.stderr
    assert {call.arguments[0] for call in checkout.world.calls()} == {"config"}


@pytest.mark.parametrize(
    ("context", "programs", "kind"),
    [
        ("kind-x", ("kubectl", "k3d"), "k8s"),
        ("k3d-dataalchemy", ("kubectl", "k3d"), "k3d"),
        ("k3d-dataalchemy-test", ("kubectl", "k3d"), "k8s"),
        ("", ("kubectl", "k3d"), "k3d"),
        ("", ("kubectl",), "k8s"),
        ("", ("k3d",), "k8s"),  # which says that kubectl is missing, before a cluster is made
    ],
)
def test_k3d_is_taken_where_its_own_cluster_is_meant_or_there_is_no_other(
    checkout: Checkout, context: str, programs: tuple[str, ...], kind: str
) -> None:
    checkout.world.world(context=context)
    (checkout.root / ".env").write_text("K3D_CLUSTER=true\n", "utf-8")
    folder = coreutils(checkout)
    for name in programs:
        (folder / name).symlink_to(checkout.world.bin / name)
    assert asked(checkout, PATH=str(folder), K3D_CLUSTER="true") == f"deploy {kind} up"


def test_arguments_go_on_to_the_command(checkout: Checkout) -> None:
    assert asked(checkout, "--file", "a b.yaml", "--build") == "deploy k8s up --file a b.yaml --build"
    assert asked(checkout, "status", "--json") == "deploy k8s status --json"
    assert asked(checkout, "down") == "deploy k8s down"


def test_without_kubectl_it_ends_with_what_mends_it(checkout: Checkout) -> None:
    done = checkout.run(PATH=f"{checkout.root}:{coreutils(checkout)}")
    assert done.returncode == 3
    assert "kubectl. Install it: " in done.stderr


def coreutils(checkout: Checkout) -> Path:
    """A folder with what the script calls, on a machine that may have a kubectl beside them."""
    folder = checkout.root / "bin"
    folder.mkdir()
    for name in ("bash", "dirname", "readlink", "env"):
        found = shutil.which(name, path="/usr/bin:/bin")
        assert found is not None
        (folder / name).symlink_to(found)
    return folder


def test_no_script_names_a_path_of_somebodys_machine() -> None:
    for script in (CHECKOUT / "scripts").iterdir():
        lines = [line for line in script.read_text("utf-8").splitlines() if not line.startswith("#")]
        assert not [line for line in lines if re.search(r"/home/\w|/Users/\w|[A-Z]:\\", line)], script.name
