"""The rules of the house that a machine can check: sizes, documentation, names, environment, errors, types, style."""

from __future__ import annotations

import ast
import re
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PACKAGES = ("dataalchemy_pipelines", "resources", "k8s")
FILES = sorted(path for package in PACKAGES for path in (ROOT / package).rglob("*.py"))
LINES, FUNCTION_LINES, PARAMETERS = 300, 60, 5
DRAWERS = {"utils", "util", "helpers", "helper", "common", "misc", "tools", "shared"}
READS_ENVIRONMENT = {"resources/settings.py", "k8s/controller/settings.py"}
CATCHES_ALL = {"dataalchemy_pipelines/defs/failures.py", "dataalchemy_pipelines/cli/app.py"}
NAMES_DEPLOYMENTS = {"resources/deployments.py", "resources/settings.py"}
DEPLOYMENTS = {"native", "docker", "k3d", "k8s"}
DECORATED = {
    "asset",
    "asset_check",
    "multi_asset",
    "op",
    "job",
    "schedule",
    "sensor",
    "command",
    "group",
    "fixture",
    "resource",
}

Function = ast.FunctionDef | ast.AsyncFunctionDef
Rule = Callable[[str, str], Iterator[str]]


def functions(source: str) -> Iterator[Function]:
    return (node for node in ast.walk(ast.parse(source)) if isinstance(node, Function))


def long_files(name: str, source: str) -> Iterator[str]:
    if (count := len(source.splitlines())) > LINES:
        yield f"{name} has {count} lines; {LINES} are allowed: split it by subject"


def long_functions(name: str, source: str) -> Iterator[str]:
    for node in functions(source):
        length = (node.end_lineno or node.lineno) - node.lineno + 1
        if length > FUNCTION_LINES:
            yield f"{name}:{node.lineno} {node.name} has {length} lines; {FUNCTION_LINES} are allowed"


def wide_functions(name: str, source: str) -> Iterator[str]:
    """Click and Dagster call by keyword what they decorate, so only the rest is held to the limits."""
    for node in functions(source):
        if any(_name(decorator) in DECORATED | {"option", "argument"} for decorator in node.decorator_list):
            continue
        positional = [argument.arg for argument in (*node.args.posonlyargs, *node.args.args)]
        positional = [argument for argument in positional if argument not in ("self", "cls")]
        if len(positional) + len(node.args.kwonlyargs) > PARAMETERS:
            yield f"{name}:{node.lineno} {node.name} takes more than {PARAMETERS} parameters: pass one object"


def undocumented(name: str, source: str) -> Iterator[str]:
    """Modules, and public classes and functions outside functions, say what they are; an empty module need not."""
    tree = ast.parse(source)
    if tree.body and not ast.get_docstring(tree):
        yield f"{name} has no docstring"
    yield from _undocumented_in(name, tree)


def _undocumented_in(name: str, parent: ast.Module | ast.ClassDef) -> Iterator[str]:
    for node in parent.body:
        if not isinstance(node, Function | ast.ClassDef) or node.name.startswith("_"):
            continue
        protocol = (
            isinstance(node, Function) and isinstance(node.body[-1], ast.Expr) and ast.unparse(node.body[-1]) == "..."
        )
        inherited = any(_name(decorator) in ("override", "overload", "setter") for decorator in node.decorator_list)
        if not (ast.get_docstring(node) or protocol or inherited):
            yield f"{name}:{node.lineno} {node.name} has no docstring"
        if isinstance(node, ast.ClassDef):
            yield from _undocumented_in(name, node)


def drawers(name: str, source: str) -> Iterator[str]:
    if DRAWERS & set(Path(name).with_suffix("").parts):
        yield f"{name}: a drawer for anything; put each thing beside its user, or give it a noun of its own"


def environment_readers(name: str, source: str) -> Iterator[str]:
    if name in READS_ENVIRONMENT:
        return
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Attribute) and ast.unparse(node) in ("os.environ", "os.getenv", "os.putenv"):
            yield f"{name}:{node.lineno} reads the environment; settings.py alone does"
        if (
            isinstance(node, ast.ImportFrom)
            and node.module == "os"
            and {"environ", "getenv"} & {a.name for a in node.names}
        ):
            yield f"{name}:{node.lineno} reads the environment; settings.py alone does"


def broad_excepts(name: str, source: str) -> Iterator[str]:
    """A handler of everything hides what went wrong, unless it cleans up and raises again."""
    if name in CATCHES_ALL:
        return
    for node in ast.walk(ast.parse(source)):
        if not isinstance(node, ast.ExceptHandler):
            continue
        kinds = {"BaseException"} if node.type is None else set(re.findall(r"\w+", ast.unparse(node.type)))
        goes_on = not (isinstance(node.body[-1], ast.Raise) and node.body[-1].exc is None)
        if kinds & {"Exception", "BaseException"} and goes_on:
            yield f"{name}:{node.lineno} catches everything; name the errors"


def deployment_branches(name: str, source: str) -> Iterator[str]:
    if name in NAMES_DEPLOYMENTS:
        return
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Compare | ast.match_case):
            texts = {part.value for part in ast.walk(node) if isinstance(part, ast.Constant)}
            if DEPLOYMENTS & {text for text in texts if isinstance(text, str)} and "deployment" in ast.unparse(node):
                yield f"{name} asks for a deployment by name; put the difference into resources/deployments.py"


def rebound_globals(name: str, source: str) -> Iterator[str]:
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Global):
            yield f"{name}:{node.lineno} rebinds a global; pass it, or keep it in an object"


def printers(name: str, source: str) -> Iterator[str]:
    if name.startswith("dataalchemy_pipelines/cli/"):
        return
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Call) and ast.unparse(node.func) == "print":
            yield f"{name}:{node.lineno} prints; only the command line speaks to people"


def _name(decorator: ast.expr) -> str:
    called = decorator.func if isinstance(decorator, ast.Call) else decorator
    return called.attr if isinstance(called, ast.Attribute) else ast.unparse(called)


RULES: dict[Rule, tuple[str, str]] = {
    long_files: ("a/b.py", '"""M."""\n' * (LINES + 1)),
    long_functions: ("a/b.py", "def f():\n" + "    pass\n" * FUNCTION_LINES),
    wide_functions: ("a/b.py", "def f(a, b, *, c, d, e, g): ..."),
    undocumented: ("a/b.py", '"""M."""\nclass A:\n    """A."""\n    def f(self):\n        return 1\n'),
    drawers: ("a/utils.py", ""),
    environment_readers: ("a/b.py", "import os\nos.environ['X']"),
    broad_excepts: ("a/b.py", "try:\n    f()\nexcept (ValueError, Exception):\n    pass"),
    deployment_branches: ("a/b.py", "if settings.deployment == 'native':\n    pass"),
    rebound_globals: ("a/b.py", "def f():\n    global x\n    x = 1"),
    printers: ("resources/b.py", "print(1)"),
}
"""Rule -> a file that breaks it."""


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule.__name__)
def test_the_house_has_none(rule: Rule) -> None:
    found = [
        problem
        for path in FILES
        for problem in rule(path.relative_to(ROOT).as_posix(), path.read_text(encoding="utf-8"))
    ]
    assert not found, "\n".join(found)


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule.__name__)
def test_the_rule_finds_a_file_that_breaks_it(rule: Rule) -> None:
    name, source = RULES[rule]
    assert list(rule(name, source))


def test_there_are_files_to_judge() -> None:
    assert len(FILES) > 20


def test_types_hold_strictly() -> None:
    result = tool("mypy")
    assert result.returncode == 0, result.stdout


@pytest.mark.parametrize(
    "arguments", [("check", "--no-cache"), ("format", "--check", "--no-cache")], ids=["check", "format"]
)
def test_ruff_is_content(arguments: tuple[str, ...]) -> None:
    result = tool("ruff", *arguments)
    assert result.returncode == 0, result.stdout


def tool(name: str, *arguments: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", name, *arguments]
    return subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False, timeout=300)
