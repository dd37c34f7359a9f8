"""A proxy in front of a server that breaks the network on command: cut, slow, reset, replies lost after the write."""

from __future__ import annotations

import random
import socket
import struct
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from types import TracebackType
from typing import Self

DROPPED, RESET, UNAVAILABLE = "dropped", "reset", "503"
_RST_ON_CLOSE = struct.pack("ii", 1, 0)
_BUSY = b"HTTP/1.1 503 Service Unavailable\r\nContent-Length: 0\r\n\r\n"


class Proxy:
    """Forwards TCP from a loopback port to another, unless a fault is on; ``hits`` counts what the faults touched."""

    def __init__(self, port: int) -> None:
        self.target = port
        self.hits = 0
        self.delay_s = 0.0
        self.reset_share = 0.0
        self.draw = random.Random(0)
        self._cut = False
        self._pairs: set[socket.socket] = set()
        self._lock = threading.Lock()
        self._server = socket.create_server(("127.0.0.1", 0), backlog=128)
        self.port = int(self._server.getsockname()[1])

    @property
    def endpoint(self) -> str:
        """Address for HTTP clients."""
        return f"http://127.0.0.1:{self.port}"

    def cut(self) -> None:
        """End every connection with a reset and refuse new ones until ``mend``."""
        self._cut = True
        with self._lock:
            ended = list(self._pairs)
        self.hits += len(ended)
        for one in ended:
            _reset(one)

    def mend(self) -> None:
        """The network is whole again."""
        self._cut, self.delay_s, self.reset_share = False, 0.0, 0.0

    def __enter__(self) -> Self:
        threading.Thread(target=self._accept, daemon=True).start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        with suppress(OSError):
            self._server.shutdown(socket.SHUT_RDWR)  # wakes the thread that accepts
        self._server.close()
        with self._lock:
            for one in self._pairs:
                _reset(one)

    def _accept(self) -> None:
        while True:
            try:
                client, _ = self._server.accept()
            except OSError:
                return
            if self._cut:
                self.hits += 1
                _reset(client)
                continue
            threading.Thread(target=self._connect, args=(client,), daemon=True).start()

    def _connect(self, client: socket.socket) -> None:
        try:
            store = socket.create_connection(("127.0.0.1", self.target))
        except OSError:
            _reset(client)
            return
        with self._lock:
            self._pairs |= {client, store}
        try:
            self.carry(client, store)
        except OSError:
            pass
        finally:
            with self._lock:
                self._pairs -= {client, store}
            _close(client)
            _close(store)

    def carry(self, client: socket.socket, store: socket.socket) -> None:
        """Hand bytes on in both directions until one side ends."""
        back = threading.Thread(target=self._pump, args=(store, client), daemon=True)
        back.start()
        self._pump(client, store)
        back.join()

    def _pump(self, source: socket.socket, sink: socket.socket) -> None:
        with suppress(OSError):
            while data := source.recv(65536):
                if self.delay_s:
                    self.hits += 1
                    time.sleep(self.delay_s / 2)  # both ways together are one round trip
                if self.draw.random() < self.reset_share:
                    self.hits += 1
                    _reset(source)
                    _reset(sink)
                    return
                sink.sendall(data)
        with suppress(OSError):
            sink.shutdown(socket.SHUT_WR)


class ReplyLoser(Proxy):
    """Hands each request on, lets the store do it, and loses the first reply to a chosen PUT in a chosen way.

    ``lose(line)`` gives the way for a request line whose write was done and whose reply is not lost yet, or None.
    """

    def __init__(self, port: int, *, lose: Callable[[bytes], str | None]) -> None:
        super().__init__(port)
        self._lose = lose
        self.lost: dict[bytes, str] = {}

    def carry(self, client: socket.socket, store: socket.socket) -> None:
        """One request and one reply after the other."""
        while request := _message(client):
            store.sendall(request)
            reply = _message(store, bodiless=request.startswith(b"HEAD"))
            line = request.split(b"\r\n", 1)[0]
            done = line.startswith(b"PUT") and reply.startswith(b"HTTP/1.1 200") and line not in self.lost
            way = self._lose(line) if done else None
            if way is None:
                client.sendall(reply)
                continue
            self.lost[line] = way
            self.hits += 1
            if way == UNAVAILABLE:
                client.sendall(_BUSY)
                continue
            if way == RESET:
                _reset(client)
            return


def _message(source: socket.socket, *, bodiless: bool = False) -> bytes:
    """One HTTP message with a Content-Length, or b"" at the end of the connection; an answer to HEAD has no body."""
    data = b""
    while b"\r\n\r\n" not in data:
        part = source.recv(65536)
        if not part:
            return b""
        data += part
    head, _, body = data.partition(b"\r\n\r\n")
    fields = [line.split(b":", 1) for line in head.lower().split(b"\r\n")[1:]]
    length = 0 if bodiless else next((int(value) for name, value in fields if name == b"content-length"), 0)
    while len(body) < length:
        part = source.recv(65536)
        if not part:
            return b""
        body += part
    return head + b"\r\n\r\n" + body


def _reset(one: socket.socket) -> None:
    """Close so that the other side sees a reset instead of an end."""
    with suppress(OSError):
        one.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _RST_ON_CLOSE)
    with suppress(OSError):
        one.shutdown(socket.SHUT_RD)  # wakes a thread that reads from it
    _close(one)


def _close(one: socket.socket) -> None:
    with suppress(OSError):
        one.close()
