"""What torch's libraries find in the environment, by what is on the machine and in `.env`."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from resources import device
from resources.accelerator import Accelerator, Device
from resources.settings import Settings

CARD = Device("Radeon 780M", "gfx1103", None, "1", integrated=True)


@pytest.fixture
def settings(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Settings:
    """Those of a `.env` that names a near relative."""
    (tmp_path / ".env").write_text("HSA_OVERRIDE_GFX_VERSION=11.0.0\n", "utf-8")
    monkeypatch.setenv("PROJECT_ROOT", str(tmp_path))
    for name in ("HSA_OVERRIDE_GFX_VERSION", "HIP_VISIBLE_DEVICES"):
        monkeypatch.delenv(name, raising=False)
    return Settings.read()


def found(monkeypatch: pytest.MonkeyPatch, accelerator: Accelerator) -> tuple[dict[str, Any], dict[str, str]]:
    """What the machine is asked, and what is put into the environment; stands in for cards that aren't here."""
    asked: dict[str, Any] = {}
    told: dict[str, str] = {}
    monkeypatch.setattr(device, "detect", lambda **how: asked.update(how) or accelerator)
    monkeypatch.setattr(device, "export", lambda **variables: told.update(variables))
    return asked, told


def test_a_near_relative_of_env_is_asked_for_and_reaches_rocm(
    settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked, told = found(monkeypatch, Accelerator("rocm", (CARD,)))
    assert device.torch_device(settings) == "cuda"
    assert asked["gfx_override"] == "11.0.0"
    assert told == {"HSA_OVERRIDE_GFX_VERSION": "11.0.0"}


def test_a_gpu_that_cannot_be_used_is_hidden_unless_somebody_chose(
    settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    _, told = found(monkeypatch, Accelerator("rocm", (CARD,), visible="1"))
    device.torch_device(settings)
    assert told["HIP_VISIBLE_DEVICES"] == "1"
    told.clear()
    monkeypatch.setenv("HIP_VISIBLE_DEVICES", "0")
    device.torch_device(settings)
    assert "HIP_VISIBLE_DEVICES" not in told


def test_without_a_gpu_nothing_is_told(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    _, told = found(monkeypatch, Accelerator("cpu"))
    assert device.torch_device(settings) == "cpu"
    assert told == {}
