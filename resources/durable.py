"""What makes a write to a directory survive a power cut; neither delta-rs nor obstore calls fsync by itself.

On filesystems that have it (ext4 and others), the inherited sync attribute (`chattr +S`) makes every later write
below a directory synchronous. Elsewhere new files and their folders are flushed after the write.
"""

from __future__ import annotations

import fcntl
import os
import struct
from collections.abc import Iterable
from functools import cache
from pathlib import Path

# From linux/fs.h: _IOR('f', 1, long), _IOW('f', 2, long), FS_SYNC_FL.
_GET_FLAGS, _SET_FLAGS, _SYNC = 0x80086601, 0x40086602, 0x00000008


def keep_synchronous(folder: Path) -> bool:
    """Set the sync attribute on a folder that this process may change; True where it holds.

    Files and folders made below it inherit the attribute; what was there before does not.
    """
    try:
        handle = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    except OSError:
        return False
    try:
        flags = struct.unpack("l", fcntl.ioctl(handle, _GET_FLAGS, b"\0" * 8))[0]
        if not flags & _SYNC:
            fcntl.ioctl(handle, _SET_FLAGS, struct.pack("l", flags | _SYNC))
        return True
    except OSError:  # the filesystem has no such flag, or the folder belongs to somebody else
        return False
    finally:
        os.close(handle)


@cache
def is_synchronous(folder: Path) -> bool:
    """Whether the sync attribute holds on a folder."""
    try:
        handle = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    except OSError:
        return False
    try:
        return bool(struct.unpack("l", fcntl.ioctl(handle, _GET_FLAGS, b"\0" * 8))[0] & _SYNC)
    except OSError:
        return False
    finally:
        os.close(handle)


def flush(paths: Iterable[Path]) -> None:
    """fsync files, in the order given, then each of their folders once. Raises OSError on a failing disk."""
    folders: dict[Path, None] = {}
    for path in paths:
        _fsync(path)
        folders[path.parent] = None
    for folder in folders:
        _fsync(folder)


def _fsync(path: Path) -> None:
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
