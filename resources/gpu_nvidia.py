"""NVIDIA cards as the driver shows them in procfs, and the CUDA that the driver runs. Standard library alone."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

from resources.gpu import Accelerator, Device, Person, Problem, on_pci, read

_CAPABILITIES = (
    (r"\b(B100|B200|GB200)\b", "10.0"),
    (r"\b(B300|GB300)\b", "10.3"),
    (r"\bRTX 50\d\d\b|\bBlackwell\b", "12.0"),
    (r"\b(H100|H200|H800|H20|GH200)\b", "9.0"),
    (r"\bRTX 40\d\d\b|\b(L4|L40S?)\b|\bAda\b", "8.9"),
    (r"\b(A100|A30|A800)\b", "8.0"),
    (r"\bRTX 30\d\d\b|\bRTX A\d{3,4}\b|\b(A2|A10G?|A16|A40)\b", "8.6"),
    (r"\bRTX 20\d\d\b|\bGTX 16\d\d\b|\b(T4|T\d{3,4}|TITAN RTX)\b|\bQuadro RTX\b", "7.5"),
    (r"\b(V100|TITAN V|GV100)\b", "7.0"),
    (r"\bGTX 10\d\d\b|\b(P40|P4|TITAN X|TITAN Xp)\b|\bQuadro P\d+\b", "6.1"),
    (r"\bP100\b", "6.0"),
    (r"\bGTX 9\d\d\b|\b(M40|M60)\b|\bQuadro M\d+\b", "5.2"),
)
"""Source: NVIDIA, CUDA GPU Compute Capability. Data-centre names come with a bus (``A100-SXM4-80GB``)."""

_NVML = tuple(
    f"{folder}/libnvidia-ml.so.1"
    for folder in ("usr/lib/x86_64-linux-gnu", "usr/lib/aarch64-linux-gnu", "usr/lib64", "usr/lib", "usr/lib/wsl/lib")
)
_NVIDIA = 0x10DE


def cuda_capability(name: str) -> str:
    """The compute capability of a card by its marketing name, which is all that procfs tells; empty if unknown."""
    return next((capability for pattern, capability in _CAPABILITIES if re.search(pattern, name)), "")


def cuda_backend(driver: str, capability: str) -> str:
    """The torch backend for a card and a driver version, or empty where the driver is too old for the card.

    A driver of 580 runs CUDA 13.x, one of 525 CUDA 12.x (NVIDIA, CUDA Compatibility, table 1). CUDA 13 starts at
    capability 7.5, PyTorch's 12.6 wheels end at 9.0 (pytorch/pytorch#190355); cu132 is torch 2.15's own default.
    """
    major, generation = int(driver.split(".")[0]), float(capability or 7.5)
    if major >= 580 and generation >= 7.5:
        return "cu132"
    return "cu126" if major >= 525 and generation < 10 else ""


def look_for_nvidia(root: Path, person: Person) -> Accelerator:
    """The NVIDIA GPUs that this person can train on, and what keeps the others from it."""
    if _wsl_cuda(root):  # procfs says nothing there; uv asks nvidia-smi for the driver's version
        device = Device("NVIDIA GPU through WSL", "", None, "dxg")
        return Accelerator("cuda", (device,), torch_backend="auto")
    version = re.search(r"\b(\d{3,}\.\d+(?:\.\d+)?)\b", read(root / "proc/driver/nvidia/version"))
    if version is None:
        absent = Problem("an NVIDIA GPU is there without its driver", "sudo ubuntu-drivers install, then restart.")
        return Accelerator("cuda", problems=(absent,) if on_pci(root, _NVIDIA) else ())
    if not any((root / library).exists() for library in _NVML):
        missing = Problem(
            "the driver's libnvidia-ml.so.1 is not there",
            "In a container: docker run --gpus all; else: sudo ubuntu-drivers install.",
        )
        return Accelerator("cuda", driver=version[1], problems=(missing,))
    devices, problems = [], []
    for device in _nvidia_devices(root):
        problem = _cuda_problem(root, person, device)
        devices += [device] if problem is None else []
        problems += [problem] if problem is not None else []
    backend = min((cuda_backend(version[1], device.target) for device in devices), default="cpu")
    if backend:
        return Accelerator("cuda", tuple(devices), version[1], backend, tuple(problems))
    old = Problem(
        f"the NVIDIA driver {version[1]} is too old for this card",
        "sudo ubuntu-drivers install: 580 or later, then restart.",
    )
    return Accelerator("cuda", driver=version[1], problems=(*problems, old))


def _nvidia_devices(root: Path) -> Iterator[Device]:
    for folder in sorted((root / "proc/driver/nvidia/gpus").glob("*")):
        facts = dict(line.split(":", maxsplit=1) for line in read(folder / "information").splitlines() if ":" in line)
        name = facts.get("Model", "").strip()
        yield Device(
            name or "NVIDIA GPU", cuda_capability(name), None, f"nvidia{facts.get('Device Minor', '').strip()}"
        )


def _cuda_problem(root: Path, person: Person, device: Device) -> Problem | None:
    node = root / "dev" / device.node
    if not node.exists():
        return Problem(
            f"{device.name}: /dev/{device.node} is not there",
            "In a container: docker run --gpus all; else: sudo nvidia-modprobe.",
        )
    if not person.can_open(node):
        return Problem(
            f"{person.name} may not open /dev/{device.node}", "sudo usermod -aG video, then log out and in again."
        )
    return None


def _wsl_cuda(root: Path) -> bool:
    return (root / "dev/dxg").exists() and (root / "usr/lib/wsl/lib/libcuda.so.1").exists()
