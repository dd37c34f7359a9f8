"""Imports point down; the contracts stand in pyproject.toml."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[2]


def lint_imports(folder: Path) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-c", "from importlinter.cli import lint_imports_command; lint_imports_command()"]
    return subprocess.run(
        [*command, "--no-cache"], cwd=folder, capture_output=True, text=True, check=False, timeout=120
    )


def test_every_import_points_down() -> None:
    result = lint_imports(ROOT)
    assert result.returncode == 0, result.stdout


def test_an_import_that_points_up_is_found(tmp_path: Path) -> None:
    """The contracts bite: the same tree with one import from core up to the command line breaks them."""
    for package in ("dataalchemy_pipelines", "resources", "k8s"):
        for path in (ROOT / package).rglob("*.py"):
            copy = tmp_path / path.relative_to(ROOT)
            copy.parent.mkdir(parents=True, exist_ok=True)
            copy.write_bytes(path.read_bytes())
    (tmp_path / "pyproject.toml").write_bytes((ROOT / "pyproject.toml").read_bytes())
    with (tmp_path / "dataalchemy_pipelines" / "core" / "errors.py").open("a", encoding="utf-8") as file:
        file.write("from dataalchemy_pipelines.cli import setup\n")
    result = lint_imports(tmp_path)
    assert result.returncode == 1
    assert "dataalchemy_pipelines.core.errors -> dataalchemy_pipelines.cli.setup" in result.stdout
