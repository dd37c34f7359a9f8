"""What more than one folder of unit tests uses."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.stand_ins import StandIns


@pytest.fixture
def world(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> StandIns:
    """kubectl, k3d, Docker, minikube and ctr as stand-ins on PATH, and a project without settings."""
    stand_ins, project = StandIns(tmp_path / "world"), tmp_path / "a project"
    project.mkdir()
    monkeypatch.setenv("PATH", str(stand_ins.bin))
    monkeypatch.setenv("PROJECT_ROOT", str(project))
    return stand_ins
