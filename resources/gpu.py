"""What is said of a GPU, and how sysfs, procfs and /dev are read. Standard library alone; finding cards is not here."""

from __future__ import annotations

import os
import pwd
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class Problem:
    """Something that was found and keeps a device from being used, and the way to mend it."""

    what: str
    fix: str


@dataclass(frozen=True)
class Device:
    """One GPU. ``target`` is a gfx name or a compute capability; ``memory_bytes`` is None where no file says it."""

    name: str
    target: str
    memory_bytes: int | None
    node: str
    integrated: bool = False


@dataclass(frozen=True)
class Accelerator:
    """What to compute on. ``torch_backend`` is the value for `uv pip install --torch-backend`.

    ``visible`` is the value for HIP_VISIBLE_DEVICES where a GPU that cannot be used must be hidden, else empty.
    """

    kind: str
    devices: tuple[Device, ...] = ()
    driver: str = ""
    torch_backend: str = "cpu"
    problems: tuple[Problem, ...] = ()
    note: str = ""
    visible: str = ""

    def describe(self) -> str:
        """One line for people: the cards with their memory and driver, or why there are none."""
        if not self.devices:
            return self.note
        cards = (
            f"{device.name} ({device.target or 'unknown'}"
            + (f", {device.memory_bytes / 2**30:.0f} GiB)" if device.memory_bytes else ")")
            for device in self.devices
        )
        return f"{self.kind}: {', '.join(cards)}, driver {self.driver or 'of Windows'}, torch {self.torch_backend}"


@dataclass(frozen=True)
class Person:
    """Who asks: a login name, the group ids of this process, and whether it may read and write a device."""

    name: str
    groups: frozenset[int]
    can_open: Callable[[Path], bool]

    @classmethod
    def of_this_process(cls) -> Person:
        """The one who runs this process. A container's user may have no name; its number stands for it then."""
        try:
            name = pwd.getpwuid(os.getuid()).pw_name
        except KeyError:
            name = str(os.getuid())
        return cls(name, frozenset({*os.getgroups(), os.getgid()}), lambda path: os.access(path, os.R_OK | os.W_OK))


def on_pci(root: Path, vendor: int) -> bool:
    """Whether a display (class 03) or compute (class 12) device of the vendor is plugged in."""
    devices = (root / "sys/bus/pci/devices").glob("*")
    return any(
        number(device / "vendor") == vendor and (number(device / "class") or 0) >> 16 in {0x03, 0x12}
        for device in devices
    )


def folders(parent: Path) -> list[Path]:
    """The numbered folders of sysfs, in the order of their numbers."""
    return sorted((path for path in parent.glob("*") if path.name.isdigit()), key=lambda path: int(path.name))


def number(path: Path) -> int | None:
    """The number in a small file, decimal or after 0x; None where there is none."""
    text = read(path)
    return int(text, 0) if text else None


def read(path: Path) -> str:
    """A small text file without its line end; empty where it is missing or closed to us, as masked nodes are."""
    try:
        return path.read_text(encoding="utf-8", errors="replace").strip()
    except OSError:
        return ""


def properties(path: Path) -> dict[str, str]:
    """A sysfs file of lines of a name and a value."""
    return dict(line.split(maxsplit=1) for line in read(path).splitlines() if " " in line)
