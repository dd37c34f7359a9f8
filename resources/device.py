"""The device that the settings choose, and what the libraries of torch must find in the environment before that."""

from __future__ import annotations

from resources.accelerator import Accelerator, detect
from resources.settings import Settings, child_environment, export


def accelerator_of(settings: Settings) -> Accelerator:
    """What of this machine the settings choose. Raises: Misconfigured, Missing, as `detect` does."""
    return detect(wanted=settings.device, gfx_override=settings.gfx_override)


def torch_device(settings: Settings) -> str:
    """`cpu`, or `cuda`, which is torch's word for AMD's cards too. To be called before torch is imported.

    ROCm reads the target of a near relative and the GPUs that it may see from the environment: what `.env` says of the
    first is put there, and a GPU that can't be used is hidden where nobody has chosen GPUs.
    Raises: Misconfigured, and Missing where a device was asked for that cannot be used.
    """
    found = accelerator_of(settings)
    if found.kind == "rocm" and settings.gfx_override:
        export(HSA_OVERRIDE_GFX_VERSION=settings.gfx_override)
    if found.visible and not child_environment().get("HIP_VISIBLE_DEVICES"):
        export(HIP_VISIBLE_DEVICES=found.visible)
    return "cpu" if found.kind == "cpu" else "cuda"
