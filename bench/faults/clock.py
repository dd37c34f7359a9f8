"""A clock that can be moved under running processes, by a small C library between them and the system's."""

from __future__ import annotations

import shutil
import struct
import subprocess
from pathlib import Path

from resources.errors import Missing

_SOURCE = Path(__file__).with_suffix(".c")
_FORM = struct.Struct("qq")


class Clock:
    """The clock of the processes that are started with ``environment``; that of all others stays true."""

    def __init__(self, folder: Path) -> None:
        compiler = shutil.which("cc")
        if compiler is None:
            raise Missing("The clock cannot be moved here", subject="cc", fix="Install a C compiler: apt install gcc.")
        library, self._file = folder / "clock.so", folder / "clock"
        subprocess.run([compiler, "-shared", "-fPIC", "-O1", str(_SOURCE), "-o", str(library)], check=True)
        self.environment = {"LD_PRELOAD": str(library), "CLOCK_FILE": str(self._file)}
        self.move(0)

    def move(self, seconds: int) -> None:
        """Set the clock ahead of the true time, or behind it; nobody has read it yet."""
        mode = "r+b" if self._file.exists() else "w+b"  # the file that others have mapped stays
        with self._file.open(mode) as file:
            file.write(_FORM.pack(seconds, 0))

    @property
    def reads(self) -> int:
        """How often it was read since it was moved."""
        return int(_FORM.unpack(self._file.read_bytes())[1])
