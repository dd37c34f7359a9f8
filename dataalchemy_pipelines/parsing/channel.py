"""Length-prefixed messages between the sandbox and its child: a JSON header and a body of bytes."""

from __future__ import annotations

import json
import socket
import struct
import time
from typing import Any

_LENGTHS = struct.Struct("!II")
_MAX_BYTES = 2**31


class Channel:
    """One end of a socket pair. Every call may be given a deadline on the monotonic clock.

    Raises: TimeoutError past the deadline; EOFError or OSError when the other side is gone.
    """

    def __init__(self, end: socket.socket) -> None:
        self._end = end

    def send(self, header: dict[str, Any], body: bytes = b"", *, deadline_s: float | None = None) -> None:
        """Send one message."""
        head = json.dumps(header).encode()
        self._wait(deadline_s)
        self._end.sendall(_LENGTHS.pack(len(head), len(body)) + head + body)

    def receive(self, *, deadline_s: float | None = None) -> tuple[dict[str, Any], bytes]:
        """Wait for one message."""
        head, body = _LENGTHS.unpack(self._exactly(_LENGTHS.size, deadline_s))
        if head > _MAX_BYTES or body > _MAX_BYTES:
            raise EOFError
        return json.loads(self._exactly(head, deadline_s)), self._exactly(body, deadline_s)

    def close(self) -> None:
        """Close this end; the other one reads an end of file."""
        self._end.close()

    def _exactly(self, size: int, deadline_s: float | None) -> bytes:
        parts = bytearray()
        while len(parts) < size:
            self._wait(deadline_s)
            part = self._end.recv(min(size - len(parts), 2**20))
            if not part:
                raise EOFError
            parts += part
        return bytes(parts)

    def _wait(self, deadline_s: float | None) -> None:
        if deadline_s is None:
            return
        left = deadline_s - time.monotonic()
        if left <= 0:
            raise TimeoutError
        self._end.settimeout(left)
