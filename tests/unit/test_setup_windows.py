"""The set-up script of Windows. No PowerShell runs in these tests: its grammar, its names and its text are held."""

from __future__ import annotations

import re
from collections.abc import Iterator

import pytest
import tree_sitter_powershell
import yaml
from tree_sitter import Language, Node, Parser

from resources.cluster import EXAMPLES
from resources.cluster_secret import KEYS, POSTGRES
from resources.images import OTHERS, OWN
from resources.nodes import DOCKER_DESKTOP
from resources.operator import FINALIZER, INSTALL, NAME
from resources.settings import CHECKOUT
from tests.awkward_env import AWKWARD

WINDOWS = (CHECKOUT / "scripts" / "setup_operator.ps1").read_text(encoding="utf-8")
PROGRAMS = {"docker", "kubectl"}
OWN_OF_POWERSHELL = {
    *("Add-Member", "ConvertFrom-Json", "ConvertTo-Json", "ForEach-Object", "Get-Command", "Get-Date", "Join-Path"),
    *("New-Item", "New-Object", "Out-Null", "Resolve-Path", "Set-StrictMode", "Sort-Object", "Split-Path"),
    *("Start-Sleep", "Test-Path", "Where-Object", "Write-Host"),
}
"""Windows PowerShell 5.1 has them too."""
AUTOMATIC = {
    *("_", "erroractionpreference", "false", "lastexitcode", "matches", "null", "outputencoding", "psscriptroot"),
    "true",
}
"""Variables that PowerShell itself sets or reads."""


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


def test_it_is_ascii_which_its_oldest_host_reads_right() -> None:
    assert WINDOWS.isascii()


def test_it_has_the_same_lists() -> None:
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
def test_it_reads_the_same_lines(name: str) -> None:
    """Its expression of a line, which .NET and Python take alike, finds each key and its value, escapes apart."""
    text, wanted = AWKWARD[name]
    found: dict[str, str] = {}
    for match in re.finditer(pattern("$EnvLine = "), text.removeprefix("\ufeff")):
        plain, quoted_text = match["plain"], match["single"] or match["double"]
        found[match["key"]] = quoted_text or (plain or "").strip()
    kept = {key: value for key, value in found.items() if key in KEYS and value}
    assert {key: value.replace('\\"', '"').replace("\\n", "\n") for key, value in kept.items()} == wanted


def test_it_shows_no_value_and_hands_them_over_by_stdin_alone() -> None:
    shown = [line for line in WINDOWS.splitlines() if re.search(r"Write-|Console|throw|Stop-Here", line)]
    assert shown
    assert not [line for line in shown if re.search(r"\$(value|encoded|data|known|manifest|there|object)\b", line)]
    arguments = re.findall(r"Invoke-Kubectl (@\([^)]*\)|\([^)]*\)|\$\w+)", WINDOWS)
    assert len(arguments) > 15
    assert not [words for words in arguments if re.search(r"\$(value|encoded|data|known|manifest)\b", words)]


def test_it_finds_what_it_replaces() -> None:
    (namespace,) = re.findall(r"'(\(\?m\)\^\( \*\)- --namespace=[^']*)'", WINDOWS)
    assert len(re.findall(namespace, INSTALL.read_text("utf-8"))) == 1
    assert INSTALL.read_text("utf-8").count(OWN["DATAALCHEMY_OPERATOR_IMAGE"]) == 1
    (storage,) = re.findall(r"\$pattern = '([^']*)'", WINDOWS)
    example = (EXAMPLES / "stack-instance-docker-desktop.yaml").read_text("utf-8")
    assert len(re.findall(storage, example)) == len(re.findall(storage, example.replace("\n", "\r\n"))) == 1


def test_it_takes_data_where_they_are_and_claims_only_where_there_are_none() -> None:
    """The live stack first, then the checkout's folder as Docker Desktop mounts it, then claims."""
    assert "if (-not $live) { New-Stack (Find-DataPath $known) }" in function("Install-Stack")
    mounted = function("ConvertTo-MountedPath")
    assert "/run/desktop/mnt/host/$($Matches[1].ToLower())/" in mounted
    assert "Replace('\\', '/')" in mounted
    found = function("Find-DataPath")
    assert "if (-not $kept) { return '' }" in found
    assert "if ($folder -match '^/run/desktop/') { return $folder.TrimEnd('/') }" in found


def test_it_asks_a_live_stack_for_its_data_in_the_operators_order_and_writes_only_the_config() -> None:
    live = function("Resolve-LiveData")
    order = ["{.spec.storage.dataPath}", "{.data.dataPath}", "'persistentvolumeclaims'", "Find-DataPath", "Set-Config"]
    assert sorted(order, key=live.index) == order
    assert live.count("return") == 4  # each of the first three, where it is there, and where nothing is found
    written = function("Set-ConfigPath")
    assert "$Resource" not in written
    assert "'replace'" in written and "'create'" in written
    assert "'dataalchemy-config'" in WINDOWS


def test_it_is_for_docker_desktop_alone_and_names_the_other_one() -> None:
    said = function("Assert-Context")
    assert "if ($found -ne $Context)" in said and "setup_operator.sh in WSL" in said
    start = WINDOWS.split("\ntry {", 1)[1]
    assert start.index("Assert-Context") < start.index("Install-Stack")


def test_it_serves_every_stack_and_guesses_none() -> None:
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


def test_it_deletes_the_first_operator_before_it_installs_ours() -> None:
    first, install = function("Remove-FirstOperator"), function("Install-Stack")
    assert "'--namespace=default'" in first and "-notcontains $Operator" in first
    assert install.index("Remove-FirstOperator") < install.index("Install-Operator")


def test_it_takes_everything_down_but_the_namespace() -> None:
    patterns = re.findall(r"(?:Split\(\$text, |-notmatch )'(\(\?m\)[^']*)'", function("Remove-Stack"))
    between, namespace = patterns
    for text in (INSTALL.read_text("utf-8"), INSTALL.read_text("utf-8").replace("\n", "\r\n")):
        parts = [part for part in re.split(between, text) if not re.search(namespace, part)]
        kinds = [one["kind"] for part in parts for one in yaml.safe_load_all(part)]
        assert sorted(["Namespace", *kinds]) == sorted(one["kind"] for one in yaml.safe_load_all(text))
    assert "deletionPolicy" in function("Remove-Stack")


def test_it_ends_with_the_programs_exit_codes() -> None:
    """2 wrong use, 3 missing or away, and 1 where it is up but not well."""
    codes = re.findall(r"Stop-Here (\d)", WINDOWS)
    assert set(codes) == {"2", "3"}
    assert [line.strip() for line in WINDOWS.splitlines() if re.match(r"\s*throw ", line)] == ["throw $Message"]
    assert "if ($phase -eq 'Paused') { Stop-Here 3" in function("Wait-Ready")
    assert "[ValidateSet('up', 'down', 'status')]" in WINDOWS
    assert "if (-not $Build -and (& docker images" in function("Build-Images")


def parsed(text: str) -> Node:
    """Its syntax tree, by a public grammar of PowerShell: https://github.com/airbus-cert/tree-sitter-powershell"""
    return Parser(Language(tree_sitter_powershell.language())).parse(text.encode()).root_node


def nodes(under: Node, *kinds: str) -> Iterator[Node]:
    """Those of some kinds below a node, in the order of the text; what is in a function belongs to it alone."""
    for child in under.children:
        if child.type in kinds:
            yield child
        if child.type != "function_statement":
            yield from nodes(child, *kinds)


def text_of(node: Node) -> str:
    return (node.text or b"").decode()


def variable(node: Node) -> str:
    """A variable's name as PowerShell compares it: without case, sign, braces and scope."""
    return re.sub(r"^[$@]\{?(?:script:)?|\}$", "", text_of(node).lower())


def functions(tree: Node) -> dict[str, Node]:
    return {text_of(next(nodes(one, "function_name"))): one for one in nodes(tree, "function_statement")}


def calls(tree: Node) -> Iterator[tuple[str, Node]]:
    """Everything that is called by a name of its own, with that name."""
    for scope in (tree, *functions(tree).values()):
        for call in nodes(scope, "command"):
            yield text_of(next(nodes(call, "command_name"))), call


@pytest.mark.parametrize("mistake", [("\n}\n", "\n"), ("foreach (", "foreach "), ("= @{", "= @("), ("'down'", "'down")])
def test_its_grammar_is_right_with_either_line_end(mistake: tuple[str, str]) -> None:
    assert not parsed(WINDOWS).has_error
    assert not parsed(WINDOWS.replace("\n", "\r\n")).has_error
    assert parsed(WINDOWS.replace(*mistake, 1)).has_error


def test_whatever_it_calls_is_there_and_every_function_is_called() -> None:
    called = {name for name, _ in calls(parsed(WINDOWS))}
    made = functions(parsed(WINDOWS)).keys()
    assert called <= made | PROGRAMS | OWN_OF_POWERSHELL
    assert made <= called


def test_its_functions_are_called_with_what_they_take() -> None:
    """PowerShell says nothing where an argument is missing."""
    left_out = {"Invoke-Kubectl": 1}  # its input
    tree = parsed(WINDOWS)
    for name, call in calls(tree):
        if name in functions(tree):
            listed = list(nodes(functions(tree)[name], "function_parameter_declaration"))
            taken = sum(1 for _ in nodes(listed[0], "script_parameter")) if listed else 0
            given = [one for of in call.children[1:] for one in of.children if one.type != "command_argument_sep"]
            assert not [one for one in given if one.type == "command_parameter"], text_of(call)
            assert taken - left_out.get(name, 0) <= len(given) <= taken, text_of(call)


def first_set(scope: Node) -> dict[str, tuple[int, int]]:
    """Where each variable that a scope sets stands there first, and from where on it is set."""
    found: dict[str, tuple[int, int]] = {}
    for one in nodes(scope, "assignment_expression", "foreach_statement", "script_parameter"):
        whole = one.type == "assignment_expression"
        target = one.children[0] if whole else one
        if whole and list(nodes(target, "member_access", "element_access")):
            continue
        names = list(nodes(target, "variable"))
        for name in names if whole else names[:1]:
            found.setdefault(variable(name), (name.start_byte, (one if whole else name).end_byte))
    return found


def unset(tree: Node) -> Iterator[str]:
    """What is read where nothing has set it: with strict mode on, PowerShell would stop there."""
    everywhere = AUTOMATIC | first_set(tree).keys()
    for scope in (tree, *functions(tree).values()):
        known = AUTOMATIC if scope == tree else everywhere
        here = first_set(scope)
        for one in nodes(scope, "variable"):
            name = variable(one)
            start, end = here.get(name, (-1, len(WINDOWS)))
            if name not in known and not name.startswith("env:") and one.start_byte != start and one.start_byte < end:
                yield f"{name} in line {one.start_point[0] + 1}"


def test_no_variable_is_read_that_was_never_set() -> None:
    assert list(unset(parsed(WINDOWS))) == []
    (said,) = unset(
        parsed(WINDOWS.replace("$said = & kubectl", "$saidd = & kubectl").replace("$said = $Given", "$Given"))
    )
    assert said.startswith("said in line")
