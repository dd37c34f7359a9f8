"""What an installation of the package brings: every file that the code reads beside itself."""

from __future__ import annotations

import subprocess
import tomllib
from collections.abc import Mapping
from pathlib import Path, PurePosixPath

ROOT = Path(__file__).parents[3]
PATTERNS = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["tool"]["setuptools"]["package-data"]


def data_files() -> list[str]:
    """Files of the two packages that git knows and that are no code."""
    listed = subprocess.run(
        ["git", "ls-files", "-z", "dataalchemy_pipelines", "resources"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=True,
    )
    return [name for name in listed.stdout.split("\0") if name and not name.endswith(".py")]


def carried(name: str, patterns: Mapping[str, list[str]]) -> bool:
    """Whether a wheel carries the file: a pattern of one of its packages fits its path below that package."""
    path = PurePosixPath(name)
    packages = [folder for folder in path.parents if (ROOT / folder / "__init__.py").exists()]
    return any(
        path.relative_to(package).match(pattern) and len(path.relative_to(package).parts) == pattern.count("/") + 1
        for package in packages
        for pattern in [*patterns.get(str(package).replace("/", "."), []), *patterns.get("*", [])]
    )


def test_a_wheel_carries_every_data_file_of_the_packages() -> None:
    found = data_files()
    assert "dataalchemy_pipelines/serving/general.jsonl" in found
    assert [name for name in found if not carried(name, PATTERNS)] == []


def test_every_pattern_is_for_a_file_that_is_there() -> None:
    found = data_files()
    idle = [
        (package, pattern)
        for package, patterns in PATTERNS.items()
        for pattern in patterns
        if not any(carried(name, {package: [pattern]}) for name in found)
    ]
    assert idle == []


def test_a_file_that_no_pattern_names_is_found() -> None:
    assert not carried("dataalchemy_pipelines/serving/general.jsonl", {"*": ["*.yaml"]})
    assert not carried("resources/instances/dagster.yaml", {"resources": ["*.yaml"]})
    assert carried("resources/instances/dagster.yaml", {"resources": ["instances/*.yaml"]})
