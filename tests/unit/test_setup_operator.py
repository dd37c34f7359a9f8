"""The set-up scripts: which cluster they take, what of an awkward `.env` enters it, and that no value is ever seen."""

from __future__ import annotations

import base64
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
import yaml

from resources.cluster import EXAMPLES
from resources.cluster_secret import KEYS, POSTGRES
from resources.images import OTHERS, OWN
from resources.nodes import DOCKER_DESKTOP
from resources.operator import FINALIZER, INSTALL, NAME
from resources.settings import CHECKOUT
from tests.stand_ins import StandIns

MARK = "geheim"
ID, SECRET, KV, PG, HOOK = KEYS
AWKWARD: dict[str, tuple[str, dict[str, str]]] = {
    "single quotes": (f"{ID}='geheim a'\n{SECRET}='geheim#b'\n", {ID: "geheim a", SECRET: "geheim#b"}),
    "double quotes": (f'{ID}="geheim # a" # told\n{SECRET}="geheim\\"b"\n', {ID: "geheim # a", SECRET: 'geheim"b'}),
    "export": (f"export {ID}=geheim1\n  export   {SECRET}='geheim2'\n", {ID: "geheim1", SECRET: "geheim2"}),
    "CRLF": (f'{ID}=geheim1\r\n{SECRET}="geheim2"\r\n', {ID: "geheim1", SECRET: "geheim2"}),
    "equals signs": (f"{ID}=geheim==\n{SECRET}=a=geheim=b\n", {ID: "geheim==", SECRET: "a=geheim=b"}),
    "comments": (f"# {ID}=no\n{ID}=geheim # yes\n#{SECRET}=no\n{KV}=geheim#2\n", {ID: "geheim", KV: "geheim#2"}),
    "byte order mark": (f"\ufeff{ID}=geheim1\n{SECRET}=geheim2\n", {ID: "geheim1", SECRET: "geheim2"}),
    "spaces around": (f"  {ID} = geheim1\n{SECRET}\t=\tgeheim2\n", {ID: "geheim1", SECRET: "geheim2"}),
    "empty": (f"{ID}=\n{SECRET}=''\n{KV}\n{PG}=geheim\n", {PG: "geheim"}),
    "unicode": (f"{ID}=geheim-Ünïcødé\n{SECRET}='geheim ☃ 鍵'\n", {ID: "geheim-Ünïcødé", SECRET: "geheim ☃ 鍵"}),
    "dollars and backticks": (
        f"{ID}=geheim$1`id`$(id)\n{SECRET}='geheim${{HOME}}$$'\n{KV}=geheim\\$HOME%PATH%!\n",
        {ID: "geheim$1`id`$(id)", SECRET: "geheim${HOME}$$", KV: "geheim\\$HOME%PATH%!"},
    ),
    "keys twice": (
        f"{ID}=geheim-old\n{SECRET}='geheim-old'\n{ID}=geheim1\n{SECRET}=geheim2\n",
        {ID: "geheim1", SECRET: "geheim2"},
    ),
    "trailing spaces": (f"{ID}=geheim1   \n{SECRET}='geheim2  '  \n", {ID: "geheim1", SECRET: "geheim2  "}),
    "several lines": (f'{ID}="geheim\nof two"\n{SECRET}="geheim\\nb"\n', {ID: "geheim\nof two", SECRET: "geheim\nb"}),
    "keys that stay here": (
        f"DAGSTER_HOME=/geheim/dagster\nDATAALCHEMY_DEPLOYMENT=docker\nFROM_{ID}=geheim-no\nMY_{ID}=geheim-no\n"
        f"{ID}_OLD=geheim-no\nPASSWORD=geheim-no\n{HOOK}=https://example.com/?geheim&a=b\n",
        {HOOK: "https://example.com/?geheim&a=b"},
    ),
    "tabs, blanks, no last line end": (
        f"\n\t\n{ID}\t=geheim1\n\n\t{SECRET}=geheim2",
        {ID: "geheim1", SECRET: "geheim2"},
    ),
}


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


WINDOWS = (CHECKOUT / "scripts" / "setup_operator.ps1").read_text(encoding="utf-8")
"""No PowerShell runs in these tests: what can be read from the script's text is held."""


def quoted(start: str) -> list[str]:
    """The words in quotes from ``start`` to the end of its list."""
    return re.findall(r"'([^']+)'", WINDOWS.split(start, 1)[1].split("\n)", 1)[0].split("\n}", 1)[0])


def function(name: str) -> str:
    """The text of one function of the script."""
    found: str = re.split(rf"^function {name}\b", WINDOWS, flags=re.MULTILINE)[1].split("\n}", 1)[0]
    return found


def pattern(after: str) -> str:
    """A regular expression of the script, its parts joined, as Python writes named groups."""
    text = WINDOWS.split(after, 1)[1].split("\n\n", 1)[0]
    joined = "".join(part.replace("''", "'") for part in re.findall(r"'((?:[^'\n]|'')*)'", text))
    return re.sub(r"\(\?<(\w+)>", r"(?P<\1>", joined)


def test_the_windows_script_is_ascii_which_its_oldest_host_reads_right() -> None:
    assert WINDOWS.isascii()


def test_the_windows_script_has_the_same_lists() -> None:
    assert tuple(quoted("$Keys = @(")) == KEYS
    assert f"$GivenOnce = '{POSTGRES}'" in WINDOWS
    told = {"SERVICE_TYPE", "K3D_CLUSTER", *OWN, *OTHERS} - {"DATAALCHEMY_OPERATOR_IMAGE"}
    assert set(quoted("$OperatorVariables = @(")) == told
    words = quoted("$OwnImages = @{")
    assert dict(zip(words[::2], words[1::2], strict=True)) == {
        name.split("_")[1].lower(): image for name, image in OWN.items()
    }
    assert f"$Context = '{DOCKER_DESKTOP}'" in WINDOWS
    assert f"$Finalizer = '{FINALIZER}'" in WINDOWS
    assert f"$Operator = '{NAME}'" in WINDOWS


@pytest.mark.parametrize("name", AWKWARD)
def test_the_windows_script_reads_the_same_lines(name: str) -> None:
    """Its expression of a line, which .NET and Python take alike, finds each key and its value, escapes apart."""
    text, wanted = AWKWARD[name]
    found: dict[str, str] = {}
    for match in re.finditer(pattern("$EnvLine = "), text.removeprefix("\ufeff")):
        plain, quoted_text = match["plain"], match["single"] or match["double"]
        found[match["key"]] = quoted_text or (plain or "").strip()
    kept = {key: value for key, value in found.items() if key in KEYS and value}
    assert {key: value.replace('\\"', '"').replace("\\n", "\n") for key, value in kept.items()} == wanted


def test_the_windows_script_shows_no_value_and_hands_them_over_by_stdin_alone() -> None:
    shown = [line for line in WINDOWS.splitlines() if re.search(r"Write-|Console|throw|Stop-Here", line)]
    assert shown
    assert not [line for line in shown if re.search(r"\$(value|encoded|data|known|manifest|there|object)\b", line)]
    arguments = re.findall(r"Invoke-Kubectl (@\([^)]*\)|\([^)]*\)|\$\w+)", WINDOWS)
    assert len(arguments) > 15
    assert not [words for words in arguments if re.search(r"\$(value|encoded|data|known|manifest)\b", words)]


def test_the_windows_script_finds_what_it_replaces() -> None:
    (namespace,) = re.findall(r"'(\(\?m\)\^\( \*\)- --namespace=[^']*)'", WINDOWS)
    assert len(re.findall(namespace, INSTALL.read_text("utf-8"))) == 1
    assert INSTALL.read_text("utf-8").count(OWN["DATAALCHEMY_OPERATOR_IMAGE"]) == 1
    (storage,) = re.findall(r"\$pattern = '([^']*)'", WINDOWS)
    example = (EXAMPLES / "stack-instance-docker-desktop.yaml").read_text("utf-8")
    assert len(re.findall(storage, example)) == len(re.findall(storage, example.replace("\n", "\r\n"))) == 1


def test_the_windows_script_takes_data_where_they_are_and_claims_only_where_there_are_none() -> None:
    """The live stack first, then the checkout's folder as Docker Desktop mounts it, then claims."""
    assert "if (-not $live) { New-Stack (Find-DataPath $known) }" in function("Install-Stack")
    mounted = function("ConvertTo-MountedPath")
    assert "/run/desktop/mnt/host/$($Matches[1].ToLower())/" in mounted
    assert "Replace('\\', '/')" in mounted
    found = function("Find-DataPath")
    assert "if (-not $kept) { return '' }" in found
    assert "if ($folder -match '^/run/desktop/') { return $folder.TrimEnd('/') }" in found


def test_the_windows_script_asks_a_live_stack_for_its_data_in_the_operators_order_and_writes_only_the_config() -> None:
    live = function("Resolve-LiveData")
    order = ["{.spec.storage.dataPath}", "{.data.dataPath}", "'persistentvolumeclaims'", "Find-DataPath", "Set-Config"]
    assert sorted(order, key=live.index) == order
    assert live.count("return") == 4  # each of the first three, where it is there, and where nothing is found
    written = function("Set-ConfigPath")
    assert "$Resource" not in written
    assert "'replace'" in written and "'create'" in written
    assert "'dataalchemy-config'" in WINDOWS


def test_the_windows_script_is_for_docker_desktop_alone_and_names_the_other_one() -> None:
    said = function("Assert-Context")
    assert "if ($found -ne $Context)" in said and "setup_operator.sh in WSL" in said
    start = WINDOWS.split("\ntry {", 1)[1]
    assert start.index("Assert-Context") < start.index("Install-Stack")


def test_the_windows_script_serves_every_stack_and_guesses_none() -> None:
    assert "if ($meant.Count -ne 1)" in function("Select-Stack")
    assert "$all | ForEach-Object { $_.metadata.namespace }" in function("Install-Stack")
    served = function("Install-Operator")
    assert "foreach ($place in $others)" in served and "kind = 'RoleBinding'" in served
    # As .NET does it with its $0 and $1, on the file as Windows has it.
    (pattern,) = re.findall(r"'(\(\?m\)\^\( \*\)- --namespace=[^']*)'", WINDOWS)
    text = INSTALL.read_text("utf-8").replace("\n", "\r\n")
    made = re.sub(pattern, r"\g<0>" + "".join(rf"\n\g<1>- --namespace={one}" for one in ("a", "b")), text)
    deployment = next(one for one in yaml.safe_load_all(made) if one["kind"] == "Deployment")
    command = deployment["spec"]["template"]["spec"]["containers"][0]["command"]
    assert [word for word in command if "namespace" in word] == [
        "--namespace=dataalchemy",
        "--namespace=a",
        "--namespace=b",
    ]


def test_the_windows_script_deletes_the_first_operator_before_it_installs_ours() -> None:
    first, install = function("Remove-FirstOperator"), function("Install-Stack")
    assert "'--namespace=default'" in first and "-notcontains $Operator" in first
    assert install.index("Remove-FirstOperator") < install.index("Install-Operator")


def test_the_windows_script_takes_everything_down_but_the_namespace() -> None:
    patterns = re.findall(r"(?:Split\(\$text, |-notmatch )'(\(\?m\)[^']*)'", function("Remove-Stack"))
    between, namespace = patterns
    for text in (INSTALL.read_text("utf-8"), INSTALL.read_text("utf-8").replace("\n", "\r\n")):
        parts = [part for part in re.split(between, text) if not re.search(namespace, part)]
        kinds = [one["kind"] for part in parts for one in yaml.safe_load_all(part)]
        assert sorted(["Namespace", *kinds]) == sorted(one["kind"] for one in yaml.safe_load_all(text))
    assert "deletionPolicy" in function("Remove-Stack")


def test_the_windows_script_ends_with_the_programs_exit_codes() -> None:
    """2 wrong use, 3 missing or away, and 1 where it is up but not well."""
    codes = re.findall(r"Stop-Here (\d)", WINDOWS)
    assert set(codes) == {"2", "3"}
    assert [line.strip() for line in WINDOWS.splitlines() if re.match(r"\s*throw ", line)] == ["throw $Message"]
    assert "if ($phase -eq 'Paused') { Stop-Here 3" in function("Wait-Ready")
    assert "[ValidateSet('up', 'down', 'status')]" in WINDOWS
    assert "if (-not $Build -and (& docker images" in function("Build-Images")


def test_every_function_of_the_windows_script_is_called_and_each_called_one_is_there() -> None:
    """Of what an interpreter would say, this can be read from the text."""
    code = "\n".join(line for line in WINDOWS.splitlines() if not line.lstrip().startswith("#"))
    made = set(re.findall(r"^function ([\w-]+)", code, re.MULTILINE))
    nouns = {name.split("-")[1] for name in made}
    uses = re.sub(r"^function [\w-]+", "", code, flags=re.MULTILINE)
    called = set(re.findall(r"(?<![\w$-])([A-Z]\w+-[A-Z]\w+)", uses))
    assert made <= called
    assert {name for name in called - made if name.split("-")[1] in nouns} == set()
    bare = re.sub(r"'(?:[^'\n]|'')*'", "", code)
    for opening, closing in ("()", "{}", "[]"):
        assert bare.count(opening) == bare.count(closing)
