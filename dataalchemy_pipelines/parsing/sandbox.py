"""Runs the parsers in a child process with limits, so that no document stalls, kills or escapes the run."""

from __future__ import annotations

import os
import resource
import signal
import socket
import subprocess
import sys
import time
from contextlib import suppress
from dataclasses import asdict
from datetime import datetime
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from dataalchemy_pipelines.core.records import Document, Rejected
from dataalchemy_pipelines.parsing.channel import Channel
from dataalchemy_pipelines.parsing.confine import MEMORY_BYTES
from dataalchemy_pipelines.parsing.verdict import OUTCOMES, Input, Reason
from resources.errors import Missing

WALL_S = 20.0
MAX_PAYLOAD_BYTES = 64 * 2**20
DOCUMENTS_A_CHILD = 100
_START_S = 30.0
_CODE = Path(__file__).parents[2]


class Sandbox:
    """Parses documents one by one in a child that is started when needed and replaced after 100 documents.

    One child at a time and no locks: give every thread or process a sandbox of its own. Close it, or use ``with``.
    """

    def __init__(self, *, wall_s: float = WALL_S) -> None:
        self._wall_s = wall_s
        self._child: _Child | None = None

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    @property
    def network_cut(self) -> bool:
        """Whether the child could be given a network of its own, in which there is nobody."""
        return self._running().network_cut

    def parse(self, payload: bytes, record: Input) -> Document | Rejected:
        """The document in these bytes, or the verdict; a child that dies is the document's verdict too.

        Raises Missing when the child does not start at all, which is no document's fault.
        Cost: a start of about 0.2 s every 100 documents, and 0.2 ms a document beyond parsing.
        """
        if len(payload) > MAX_PAYLOAD_BYTES:
            return _rejected("too_large")
        child = self._running()
        try:
            reply, text = child.ask(record, payload, deadline_s=time.monotonic() + self._wall_s)
        except TimeoutError:
            self.close()
            return _rejected("time_limit")
        except (EOFError, OSError):
            reason = child.cause_of_death()
            self._child = None
            return _rejected(reason)
        if reply["retire"] or child.served >= DOCUMENTS_A_CHILD:
            self.close()
        return _rejected(reply["reason"]) if "reason" in reply else _document(reply["document"], text, record)

    def close(self) -> None:
        """End the child, if there is one."""
        if self._child is not None:
            self._child.end()
            self._child = None

    def _running(self) -> _Child:
        if self._child is None:
            self._child = _Child()
        return self._child


class _Child:
    """One child process: its own session, no environment, nothing open but the socket."""

    def __init__(self) -> None:
        ours, theirs = socket.socketpair()
        with theirs:
            self._process = subprocess.Popen(
                [sys.executable, "-m", "dataalchemy_pipelines.parsing"],
                stdin=theirs.fileno(),
                stdout=subprocess.DEVNULL,
                stderr=subprocess.DEVNULL,  # a library's complaint may quote the document
                env={},
                cwd=_CODE,
                start_new_session=True,
            )
        self._channel = Channel(ours)
        self.served = 0
        # A process begins with the high-water mark of the one that forked it, which then says nothing of the child.
        self._inherited_kb = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
        try:
            hello, _ = self._channel.receive(deadline_s=time.monotonic() + _START_S)
        except (EOFError, OSError) as error:
            self.end()
            raise Missing(
                "The parsing process does not start",
                subject=f"exit status {self._process.returncode}",
                fix="Run `python -m dataalchemy_pipelines.parsing < /dev/null` to see why.",
            ) from error
        self.network_cut = bool(hello["network_cut"])

    def ask(self, record: Input, payload: bytes, *, deadline_s: float) -> tuple[dict[str, Any], bytes]:
        """Send one document and wait for the answer. Raises TimeoutError, EOFError, OSError."""
        self.served += 1
        self._channel.send(asdict(record), payload, deadline_s=deadline_s)
        return self._channel.receive(deadline_s=deadline_s)

    def cause_of_death(self) -> Reason:
        """Reap a child that ended by itself and name the limit that it hit."""
        status, usage = self.end()
        killer = os.WTERMSIG(status) if os.WIFSIGNALED(status) else 0
        if killer == signal.SIGXCPU:
            return "time_limit"
        half = MEMORY_BYTES // 2
        # Where the mark of memory is the parent's, the pages that the child itself touched tell.
        held = usage.ru_maxrss * 1024 if self._inherited_kb * 1024 < half else usage.ru_minflt * resource.getpagesize()
        starved = held > half
        return "memory_limit" if starved or killer == signal.SIGKILL else "broken"

    def end(self) -> tuple[int, resource.struct_rusage]:
        """Kill the whole session; what ended before keeps its own exit status."""
        self._channel.close()
        with suppress(ProcessLookupError):
            os.killpg(self._process.pid, signal.SIGKILL)
        _, status, usage = os.wait4(self._process.pid, 0)
        self._process.returncode = os.waitstatus_to_exitcode(status)
        return status, usage


def _rejected(reason: Reason) -> Rejected:
    return Rejected(outcome=OUTCOMES[reason], reason=reason)


def _document(fields: dict[str, Any], text: bytes, record: Input) -> Document:
    return Document(
        text=text.decode(),
        title=fields["title"],
        media_type=fields["media_type"],
        kind=record.kind,
        authors=tuple(fields["authors"]),
        created_at=_read(fields["created_at"]),
        updated_at=_read(fields["updated_at"]),
        links=tuple(fields["links"]),
    )


def _read(time: str | None) -> datetime | None:
    return datetime.fromisoformat(time) if time is not None else None
