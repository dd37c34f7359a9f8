"""Which accelerator this machine offers: ROCm, CUDA or the CPU. Standard library alone: it runs before torch is there.

Everything is read from files under ``root`` (sysfs, procfs, ``/dev``), so a test can hand in the tree of any card.
What was found and cannot be used is a Problem with the command that mends it; nothing here starts a process.
"""

from __future__ import annotations

from pathlib import Path

from resources.errors import Misconfigured, Missing
from resources.gpu import Accelerator, Device, Person, Problem
from resources.gpu_amd import look_for_amd
from resources.gpu_nvidia import look_for_nvidia

__all__ = ["Accelerator", "Device", "Person", "Problem", "detect"]


def detect(
    root: Path = Path("/"), wanted: str = "auto", *, person: Person | None = None, gfx_override: str = ""
) -> Accelerator:
    """The accelerator to use: a discrete AMD card, else an NVIDIA card, else an integrated AMD GPU, else the CPU.

    Args:
        root: where sysfs, procfs and /dev stand.
        wanted: ``auto``, ``rocm``, ``cuda`` or ``cpu``.
        person: whose access counts; the one who runs this process by default.
        gfx_override: value of HSA_OVERRIDE_GFX_VERSION, such as ``10.3.0``, where the user has set it.
    Raises: Misconfigured on another ``wanted``; Missing when ``rocm`` or ``cuda`` is wanted and cannot be used.
    """
    person = person or Person.of_this_process()
    match wanted:
        case "cpu":
            return Accelerator("cpu", note="The CPU was asked for.")
        case "rocm":
            return _required(look_for_amd(root, person, gfx_override))
        case "cuda":
            return _required(look_for_nvidia(root, person))
        case "auto":
            return _best(look_for_amd(root, person, gfx_override), look_for_nvidia(root, person))
    raise Misconfigured("No such device", subject=wanted, fix="Set DATAALCHEMY_DEVICE to auto, rocm, cuda or cpu.")


def _required(found: Accelerator) -> Accelerator:
    if found.devices:
        return found
    absent = Problem("no such card was found", "Set DATAALCHEMY_DEVICE=auto to run on the CPU.")
    problem = next(iter(found.problems), absent)
    raise Missing(f"{found.kind} was asked for and cannot be used", subject=problem.what, fix=problem.fix)


def _best(amd: Accelerator, nvidia: Accelerator) -> Accelerator:
    integrated = all(device.integrated for device in amd.devices)
    for found in (nvidia, amd) if integrated else (amd, nvidia):
        if found.devices:
            return found
    problems = (*amd.problems, *nvidia.problems)
    what = "A GPU was found and cannot be used" if problems else "No GPU was found"
    return Accelerator("cpu", problems=problems, note=f"{what}: everything runs on the CPU.")
