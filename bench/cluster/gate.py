"""A proxy before the cluster's API that counts every request, and delays, loses or refuses them on command."""

from __future__ import annotations

import threading
import time
from collections import Counter
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from types import TracebackType
from typing import Any, Self
from urllib.parse import parse_qs, urlsplit

from urllib3 import PoolManager, Timeout
from urllib3.exceptions import HTTPError

from bench.cluster.api import Api

WRITES = ("POST", "PUT", "PATCH", "DELETE")
_OWN = {"connection", "host", "transfer-encoding", "content-length", "accept-encoding"}


@dataclass(frozen=True)
class Call:
    """One request: when it came, what it asked for, and what was answered."""

    at: float
    method: str
    path: str
    status: int
    words: str = ""
    """What a refusal said."""

    @property
    def what(self) -> str:
        """Method and the address without names, as one counts them."""
        return f"{self.method} {self.path}"


class Gate:
    """Listens on a loopback port in plain HTTP and hands on to the API; the caller's credentials go through."""

    def __init__(self, api: Api) -> None:
        self.server = api.server
        limits = Timeout(connect=10, read=600)
        self.pool = PoolManager(ssl_context=api.info.as_ssl_context(), retries=False, maxsize=64, timeout=limits)
        self.calls: list[Call] = []
        self.slow: Callable[[str, str], float] = lambda method, path: 0.0
        """Seconds by which a request is held up; a watch never is."""
        self.written: Callable[[Call], None] = lambda call: None
        """Called after the API did a write and before its answer goes back."""
        self._http = _Server(("127.0.0.1", 0), _Handler)
        self._http.gate = self

    @property
    def endpoint(self) -> str:
        """Address for a kubeconfig."""
        return f"http://127.0.0.1:{self._http.server_address[1]}"

    def since(self, moment: float) -> list[Call]:
        """Requests that came after ``moment``, of time.monotonic()."""
        return [call for call in list(self.calls) if call.at >= moment]

    def denied(self) -> list[Call]:
        """Requests for which the caller lacked a right."""
        return [call for call in list(self.calls) if call.status == 401 or " cannot " in call.words]

    def counted(self, moment: float) -> Counter[str]:
        """How often each address was asked since."""
        return Counter(call.what for call in self.since(moment))

    def __enter__(self) -> Self:
        threading.Thread(target=self._http.serve_forever, args=(0.1,), daemon=True).start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._http.shutdown()
        self._http.server_close()


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    request_queue_size = 128
    gate: Gate

    def handle_error(self, request: Any, client_address: Any) -> None:
        """A caller that was killed in mid-answer is what this is for."""


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server: _Server

    def log_message(self, format: str, *args: Any) -> None:
        """The calls are kept, not printed."""

    def _hand_on(self) -> None:
        gate, began = self.server.gate, time.monotonic()
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        headers = {name: value for name, value in self.headers.items() if name.lower() not in _OWN}
        watched = "watch" in parse_qs(urlsplit(self.path).query)
        if not watched and (wait_s := gate.slow(self.command, self.path)):
            time.sleep(wait_s)
        try:
            answer = gate.pool.request(
                self.command, f"{gate.server}{self.path}", body=body or None, headers=headers, preload_content=False
            )
        except HTTPError:
            self.close_connection = True
            return
        words = answer.read().decode(errors="replace") if answer.status >= 400 else ""
        place = urlsplit(self.path).path + ("?watch" if watched else "")
        call = Call(began, self.command, place, answer.status, words)
        gate.calls.append(call)
        if self.command in WRITES and answer.status < 400:
            gate.written(call)
        try:
            self._answer(answer, words)
        finally:
            answer.close() if watched else answer.release_conn()

    def _answer(self, answer: Any, words: str) -> None:
        self.send_response(answer.status)
        for name, value in answer.headers.items():
            if name.lower() not in _OWN:
                self.send_header(name, value)
        self.send_header("Transfer-Encoding", "chunked")
        self.end_headers()
        with suppress(HTTPError):
            while part := words.encode() or answer.read1():
                self.wfile.write(b"%x\r\n%s\r\n" % (len(part), part))
                self.wfile.flush()
                words = ""
        self.wfile.write(b"0\r\n\r\n")

    do_GET = do_POST = do_PUT = do_PATCH = do_DELETE = _hand_on


def steady(gate: Gate, seconds: float) -> list[Call]:
    """Requests of so many seconds from now on, watches left out: they are one long request each."""
    began = time.monotonic()
    time.sleep(seconds)
    return [call for call in gate.since(began) if not call.path.endswith("?watch")]
