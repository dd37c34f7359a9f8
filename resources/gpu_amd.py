"""AMD cards as the kernel's compute driver (KFD) shows them in sysfs, and whether PyTorch's ROCm wheels run on them.

Source of the layout: linux/drivers/gpu/drm/amd/amdkfd/kfd_topology.c. Standard library alone.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

from resources.gpu import Accelerator, Device, Person, Problem, folders, number, on_pci, properties, read

ROCM_BACKEND = "rocm7.2"
"""The newest ROCm that uv's `--torch-backend` takes (uv 0.13.9)."""
ROCM_TARGETS = frozenset(
    {"gfx900", "gfx906", "gfx908", "gfx90a", "gfx942", "gfx950", "gfx1030"}
    | {"gfx1100", "gfx1101", "gfx1102", "gfx1150", "gfx1151", "gfx1200", "gfx1201"}
)
"""Targets in PyTorch's rocm7.2 wheels. Source: astral-sh/uv#18730, `torch.cuda.get_arch_list()`."""
ROCM_RELATIVES = {
    **dict.fromkeys(("gfx902", "gfx909", "gfx90c"), "9.0.0"),
    **dict.fromkeys(("gfx1031", "gfx1032", "gfx1033", "gfx1034", "gfx1035", "gfx1036"), "10.3.0"),
    **dict.fromkeys(("gfx1103",), "11.0.0"),
    **dict.fromkeys(("gfx1152", "gfx1153"), "11.5.0"),
}
"""Targets without a wheel, and the member of their generic family that has one. Source: LLVM, AMDGPUUsage."""
ROCM_INTEGRATED = frozenset(
    {"gfx902", "gfx909", "gfx90c", "gfx1013", "gfx1033", "gfx1035", "gfx1036"}
    | {"gfx1103", "gfx1150", "gfx1151", "gfx1152", "gfx1153"}
)
"""Targets that only processors with a built-in GPU have."""


_AMD = 0x1002
_FRAME_BUFFER = {"1", "2"}  # heap types of linux/kfd_sysfs.h: public and private memory of the card


def gfx_name(version: int) -> str:
    """The name of a KFD ``gfx_target_version``, whose minor and stepping are hex digits: 90010 is gfx90a."""
    return f"gfx{version // 10000}{version // 100 % 100:x}{version % 100:x}"


def override_name(override: str) -> str:
    """The target that a value of HSA_OVERRIDE_GFX_VERSION stands for: 10.3.0 is gfx1030. Empty where it is none."""
    found = re.fullmatch(r"(\d+)\.(\d+)\.(\d+)", override)
    return f"gfx{found[1]}{int(found[2]):x}{int(found[3]):x}" if found else ""


def runs_on_rocm(target: str, override: str = "") -> bool:
    """Whether the wheels hold the target, or one of the same generation that an override puts in its place."""
    stand_in = override_name(override)
    return target in ROCM_TARGETS or (stand_in in ROCM_TARGETS and stand_in[:-2] == target[:-2])


def look_for_amd(root: Path, person: Person, gfx_override: str) -> Accelerator:
    """The AMD GPUs that this person can train on, and what keeps the others from it."""
    found = list(_kfd_devices(root))
    problems = [] if found else _absent_amd(root)
    usable = []
    for index, (device, render) in enumerate(found):
        problem = _target_problem(device, gfx_override) or _access_problem(root, person, render)
        if problem is None:
            usable.append((index, device))
        elif problem not in problems:  # both nodes of a card, or two cards, may lack the same thing
            problems.append(problem)
    hides = len(usable) < len(found)
    return Accelerator(
        kind="rocm",
        devices=tuple(device for _, device in usable),
        driver=_amdgpu_version(root) if found else "",
        torch_backend=ROCM_BACKEND,
        problems=tuple(problems),
        visible=",".join(str(index) for index, _ in usable) if usable and hides else "",
    )


def _kfd_devices(root: Path) -> Iterator[tuple[Device, Path]]:
    """Each GPU of the KFD topology in HIP's order, with its render node. One that a container masks reads as empty."""
    nodes = root / "sys/class/kfd/kfd/topology/nodes"
    for node in folders(nodes):
        facts = properties(node / "properties")
        version = int(facts.get("gfx_target_version", "0"))
        if int(facts.get("simd_count", "0")) == 0 or version == 0:  # a CPU
            continue
        render = f"renderD{facts.get('drm_render_minor', '')}"
        target = gfx_name(version)
        device = Device(
            name=_amd_name(root, int(facts.get("device_id", "0")), render) or f"AMD GPU {target}",
            target=target,
            memory_bytes=_kfd_memory(node) or number(root / f"sys/class/drm/{render}/device/mem_info_vram_total"),
            node=node.name,
            integrated=target in ROCM_INTEGRATED,
        )
        yield device, root / "dev/dri" / render


def _kfd_memory(node: Path) -> int | None:
    banks = [properties(bank / "properties") for bank in folders(node / "mem_banks")]
    return sum(int(bank["size_in_bytes"]) for bank in banks if bank.get("heap_type") in _FRAME_BUFFER) or None


def _amd_name(root: Path, device_id: int, render: str) -> str:
    """The marketing name from libdrm's table: lines of device id, revision, name. Empty where neither says it."""
    revision = number(root / f"sys/class/drm/{render}/device/revision")
    for line in read(root / "usr/share/libdrm/amdgpu.ids").splitlines():
        columns = [column.strip() for column in line.split(",", maxsplit=2)]
        if len(columns) == 3 and (columns[0], columns[1]) == (f"{device_id:04X}", f"{revision or 0:02X}"):
            return columns[2]
    return ""


def _amdgpu_version(root: Path) -> str:
    """Version of the amdgpu package's module; the driver in the kernel itself has none but the kernel's."""
    return read(root / "sys/module/amdgpu/version") or f"in Linux {read(root / 'proc/sys/kernel/osrelease')}"


def _target_problem(device: Device, gfx_override: str) -> Problem | None:
    if runs_on_rocm(device.target, gfx_override):
        return None
    what = f"{device.name} ({device.target}) is not in PyTorch's {ROCM_BACKEND} wheels"
    near = ROCM_RELATIVES.get(device.target)
    if near is None:
        return Problem(what, "Use another card; docs/rocm.md lists those that work.")
    return Problem(
        what,
        f"Try HSA_OVERRIDE_GFX_VERSION={near} in .env: {override_name(near)} is a near relative. AMD supports neither.",
    )


def _access_problem(root: Path, person: Person, render: Path) -> Problem | None:
    for device in (root / "dev/kfd", render):
        name = f"/{device.relative_to(root)}"
        if not device.exists():
            return Problem(
                f"{name} is not there",
                "In a container, pass --device=/dev/kfd --device=/dev/dri; else: sudo modprobe amdgpu.",
            )
        if not person.can_open(device):
            return Problem(f"{person.name} may not open {name}", _access_fix(root, person))
    return None


def _access_fix(root: Path, person: Person) -> str:
    """What grants access: Ubuntu gives /dev/kfd and the render nodes to ``render``, older releases to ``video``."""
    rows = (line.split(":") for line in read(root / "etc/group").splitlines())
    groups = {
        row[0]: (int(row[2]), row[3].split(",")) for row in rows if len(row) == 4 and row[0] in {"render", "video"}
    }
    lacking = {name: members for name, (gid, members) in groups.items() if gid not in person.groups}
    if not lacking:
        return "In a container, add --group-add with the number that `stat -c %g /dev/kfd` prints on the host."
    if all(person.name in members for members in lacking.values()):
        return "The groups are right but this login is older than they are: log out and in again."
    return f"sudo usermod -aG {','.join(sorted(lacking))} {person.name}, then log out and in again."


def _absent_amd(root: Path) -> list[Problem]:
    if (root / "dev/dxg").exists():
        return [
            Problem(
                "this is WSL, where an AMD card shows as /dev/dxg only",
                "Install AMD's driver for Windows and ROCm for WSL, see docs/rocm.md, or run on the CPU.",
            )
        ]
    if on_pci(root, _AMD):
        return [
            Problem(
                "an AMD GPU is there and the amdgpu driver did not offer it for compute",
                "sudo modprobe amdgpu, see docs/rocm.md.",
            )
        ]
    return []
