"""A module of this project run as a process: JSON lines on its stdin and stdout, a log file for all it says besides."""

from __future__ import annotations

import contextlib
import json
import os
import re
import signal
import subprocess
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import IO, Any

from resources import errors
from resources.errors import DataAlchemyError, Missing
from resources.settings import Settings, child_environment

ROOT = Path(__file__).resolve().parent.parent
TUNING = {"OMP_WAIT_POLICY": "PASSIVE"}
"""Threads that wait do so asleep: as fast on idle cores, three times as fast beside other work. (Letting glibc give
large blocks back, MALLOC_MMAP_THRESHOLD_, would save 12 % of memory and cost 35 % of speed in page faults.)"""
EXCEPTION_LINE = re.compile(r"^([\w.]+(?:Error|Exception|Interrupt|Exit))\b", re.MULTILINE)


class ChildProcess:
    """One run of ``python -m module``, in a process group of its own that ends with this process."""

    def __init__(self, module: str, *arguments: str) -> None:
        self._module = module
        folder = Settings.read().cache_path / "logs"
        folder.mkdir(parents=True, exist_ok=True)
        self._log = folder / f"{module.rpartition('.')[2]}-{os.getpid()}-{id(self):x}.log"
        command = [sys.executable, "-P", "-m", module, *arguments, "--parent", str(os.getpid())]
        environment = {**child_environment(), **TUNING, "PYTHONPATH": str(ROOT), "PYTHONUNBUFFERED": "1"}
        with self._log.open("wb") as log:
            self._process = subprocess.Popen(
                command,
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=log,
                env=environment,
                start_new_session=True,
                text=True,
                encoding="utf-8",
            )

    @property
    def running(self) -> bool:
        """Whether the process has not ended."""
        return self._process.poll() is None

    @property
    def pid(self) -> int:
        """The process, which leads its group."""
        return self._process.pid

    def send(self, message: Mapping[str, Any]) -> None:
        """Write one line. Raises the reason where the process has ended."""
        try:
            _pipe(self._process.stdin).write(json.dumps(message) + "\n")
            _pipe(self._process.stdin).flush()
        except BrokenPipeError:
            raise self._failure() from None

    def messages(self) -> Iterator[dict[str, Any]]:
        """Each line as it comes, until the process ends well.

        Raises: the error that the process reports as ``{"error": ...}``; DataAlchemyError where it ends otherwise.
        """
        for line in _pipe(self._process.stdout):
            message: dict[str, Any] = json.loads(line)
            if "error" in message:
                raise rebuilt(message["error"])
            yield message
        if self._process.wait() != 0:
            raise self._failure()

    def receive(self) -> dict[str, Any]:
        """The next message. Raises as `messages` does, and where the process has ended."""
        for message in self.messages():
            return message
        raise self._failure()

    def close(self) -> None:
        """Kill the whole group, and keep the log only of a run that failed."""
        failed = self._process.poll() not in (None, 0)
        with contextlib.suppress(ProcessLookupError):
            os.killpg(self._process.pid, signal.SIGKILL)
        self._process.wait()
        for pipe in (self._process.stdin, self._process.stdout):
            with contextlib.suppress(BrokenPipeError):
                _pipe(pipe).close()
        if not failed:
            self._log.unlink(missing_ok=True)

    def _failure(self) -> DataAlchemyError:
        """Why it ended: the kind of the last exception, never its message, which may hold a document's text."""
        code = self._process.wait()
        kinds = EXCEPTION_LINE.findall(self._log.read_text(encoding="utf-8", errors="replace"))
        subject = f"{self._module}, {kinds[-1] if kinds else f'exit code {code}'}"
        if code == -signal.SIGKILL:
            return Missing(
                "A process was killed",
                subject=subject,
                fix="The machine may lack memory: close other programs, try again.",
            )
        if kinds[-1:] == ["ModuleNotFoundError"]:
            return Missing(
                "A package is missing", subject=subject, fix=f"`./alchemy setup` installs all; see {self._log}."
            )
        return DataAlchemyError("A process failed", subject=subject, fix=f"Its last words are in {self._log}.")


def _pipe(pipe: IO[str] | None) -> IO[str]:
    if pipe is None:
        raise ValueError("the process was started without pipes")
    return pipe


def rebuilt(error: Mapping[str, str]) -> DataAlchemyError:
    """The error that another process told of, as it was."""
    kind = getattr(errors, error["kind"], DataAlchemyError)
    same: DataAlchemyError = kind(error["what"], subject=error["subject"], fix=error["fix"])
    return same
