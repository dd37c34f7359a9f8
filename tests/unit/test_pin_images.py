"""`scripts/pin-images` writes digests into `.env` and touches nothing else; the registry is a `docker` that answers."""

from __future__ import annotations

import os
import stat
import subprocess
from pathlib import Path

import pytest

from resources.settings import CHECKOUT

DIGEST = "sha256:" + "a" * 64
PINNED = {
    "DATAALCHEMY_CACHE_IMAGE",
    "DATAALCHEMY_POSTGRES_IMAGE",
    "DATAALCHEMY_PYTHON_IMAGE",
    "DATAALCHEMY_GO_IMAGE",
    "DATAALCHEMY_DEBIAN_IMAGE",
}


@pytest.fixture
def registry(tmp_path: Path) -> dict[str, str]:
    """An environment whose `docker` pulls anything but `away/…`, and gives all the same digest."""
    program = tmp_path / "docker"
    program.write_text(
        "#!/bin/sh\nfor image; do :; done\n"
        'case "$1 $image" in "pull away/"*) exit 1 ;; "image "*) echo "other/name@sha256:b"; '
        f'echo "${{image%:*}}@{DIGEST}" ;; esac\n',
        encoding="utf-8",
    )
    program.chmod(0o755)
    return {**os.environ, "PATH": f"{tmp_path}:{os.environ['PATH']}"}


def pin(path: Path, environment: dict[str, str]) -> subprocess.CompletedProcess[str]:
    script = CHECKOUT / "scripts" / "pin-images"
    return subprocess.run([script, path], env=environment, capture_output=True, text=True, timeout=60, check=False)


def values(path: Path) -> dict[str, str]:
    lines = path.read_text(encoding="utf-8").splitlines()
    return dict(line.split("=", 1) for line in lines if "=" in line)


def test_every_image_of_a_registry_is_pinned_and_nothing_else_is_touched(
    tmp_path: Path, registry: dict[str, str]
) -> None:
    path = tmp_path / "a b" / ".env"
    path.parent.mkdir()
    path.write_text("# mine\nDATAALCHEMY_POSTGRES_IMAGE=mirror:5000/postgres:16\nAWS_ACCESS_KEY_ID=kept", "utf-8")
    assert pin(path, registry).returncode == 0
    found = values(path)
    assert set(found) == PINNED | {"AWS_ACCESS_KEY_ID"}
    assert found["DATAALCHEMY_POSTGRES_IMAGE"] == f"mirror:5000/postgres:16@{DIGEST}"
    assert all(found[name].endswith(f"@{DIGEST}") for name in PINNED)
    assert found["AWS_ACCESS_KEY_ID"] == "kept"
    assert path.read_text("utf-8").startswith("# mine\n")
    assert stat.S_IMODE(path.stat().st_mode) == 0o600


def test_a_second_time_pins_anew_and_leaves_one_line_each(tmp_path: Path, registry: dict[str, str]) -> None:
    path = tmp_path / ".env"
    pin(path, registry)
    first = sorted(path.read_text("utf-8").splitlines())
    pin(path, registry)
    assert sorted(path.read_text("utf-8").splitlines()) == first


def test_an_image_that_cannot_be_had_ends_it_with_its_name(tmp_path: Path, registry: dict[str, str]) -> None:
    path = tmp_path / ".env"
    path.write_text("DATAALCHEMY_CACHE_IMAGE=away/cache:1\n", "utf-8")
    done = pin(path, registry)
    assert done.returncode == 3
    assert "away/cache:1" in done.stderr
    assert values(path) == {"DATAALCHEMY_CACHE_IMAGE": "away/cache:1"}
