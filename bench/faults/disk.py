"""A disk in a file: an ext4 image behind a loop device. Needs root on Linux."""

from __future__ import annotations

import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from resources.errors import Missing


def make_disk(image: Path, size_bytes: int) -> None:
    """An empty ext4 in a sparse file."""
    with image.open("wb") as file:
        file.truncate(size_bytes)
    as_root("mkfs.ext4", "-q", "-F", "-m", "0", str(image))


@contextmanager
def mounted(image: Path, place: Path) -> Iterator[None]:
    """The disk at ``place`` until the end of the block."""
    as_root("mount", "-o", "loop", str(image), str(place))
    try:
        yield
    finally:
        as_root("umount", str(place))


def as_root(*command: str) -> None:
    """Run a command that needs root. Raises Missing where it is refused."""
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        said = done.stderr.strip().splitlines()[-1:] or [f"exit {done.returncode}"]
        raise Missing("A disk cannot be made here", subject=f"{command[0]}: {said[0]}", fix="It needs root on Linux.")
