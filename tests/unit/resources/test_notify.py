"""Alerts in a real file, and at a real HTTP server on a loopback port."""

from __future__ import annotations

import json
import logging
import multiprocessing
import socket
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

import resources.notify
from resources.contracts import Alert
from resources.errors import Unavailable
from resources.notify import FileNotify, WebhookNotify

ALERT = Alert("A run failed", "clean_documents: disk full", "dataalchemy maintain", "http://127.0.0.1:3000/runs/1")
VARIABLE = "TEST_ALERT_WEBHOOK"


class Hook(ThreadingHTTPServer):
    """Takes every POST, keeps what came, and answers with ``status``."""

    status = 200

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Answer)
        self.got: list[tuple[str, str, dict[str, str]]] = []

    @property
    def address(self) -> str:
        return f"http://127.0.0.1:{self.server_port}/services/canary-9f3a"


class Answer(BaseHTTPRequestHandler):
    server: Hook

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"]))
        self.server.got.append((self.command, self.headers["Content-Type"], json.loads(body)))
        self.send_response(self.server.status)
        self.send_header("Location", "/elsewhere")
        self.end_headers()

    def do_GET(self) -> None:
        self.server.got.append((self.command, "", {}))
        self.send_response(200)
        self.end_headers()

    def log_message(self, format: str, *args: Any) -> None:
        """Tests are quiet."""


@pytest.fixture
def hook(monkeypatch: pytest.MonkeyPatch) -> Iterator[Hook]:
    with Hook() as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        monkeypatch.setenv(VARIABLE, server.address)
        yield server
        server.shutdown()
        thread.join()


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "kept" / "alerts.jsonl"


def lines(file: Path) -> list[dict[str, str]]:
    return [json.loads(line) for line in file.read_text().splitlines()]


def test_alerts_are_lines_of_json_in_the_order_they_came(file: Path) -> None:
    notify = FileNotify(path=str(file))
    notify.send(ALERT)
    notify.send(Alert("second", "", ""))
    first, second = lines(file)
    assert {name: first[name] for name in ("title", "detail", "fix", "link")} == vars(ALERT)
    assert first["time"].endswith("+00:00")
    assert second["title"] == "second"
    assert file.stat().st_mode & 0o777 == 0o600


def test_a_line_end_or_an_escape_sequence_stays_inside_its_line(file: Path) -> None:
    FileNotify(path=str(file)).send(Alert('one\ntwo\x1b[31m{"title": "forged"}', "ä", ""))
    assert file.read_bytes().count(b"\n") == 1
    assert b"\x1b" not in file.read_bytes()
    assert lines(file)[0]["title"].startswith("one\ntwo")


def test_the_file_and_its_one_predecessor_stay_within_their_size(file: Path) -> None:
    notify = FileNotify(path=str(file))
    for number in range(1300):
        notify.send(Alert(str(number), "x" * 2500, ""))
    assert sorted(path.name for path in file.parent.iterdir()) == ["alerts.jsonl", "alerts.jsonl.1"]
    assert all(path.stat().st_size <= resources.notify.MAX_FILE_BYTES for path in file.parent.iterdir())
    kept = [int(line["title"]) for path in (Path(f"{file}.1"), file) for line in lines(path)]
    assert kept == list(range(kept[0], 1300))
    assert len(kept) > 500


def test_no_line_of_four_writers_is_lost_or_torn_while_the_file_is_replaced(
    file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(resources.notify, "MAX_FILE_BYTES", 20_000)  # 200 lines of 120 bytes: one replacement
    fork = multiprocessing.get_context("fork")

    def write(writer: int) -> None:
        for number in range(50):
            FileNotify(path=str(file)).send(Alert(f"{writer}-{number}", "x" * 20, ""))

    processes = [fork.Process(target=write, args=(writer,)) for writer in range(4)]
    for process in processes:
        process.start()
    for process in processes:
        process.join(30)
    titles = [line["title"] for path in (Path(f"{file}.1"), file) for line in lines(path)]
    assert sorted(titles) == sorted(f"{writer}-{number}" for writer in range(4) for number in range(50))


def test_a_file_that_cannot_be_written_is_unavailable(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(Unavailable, match="DATAALCHEMY_ALERT_FILE"):
        FileNotify(path=str(tmp_path / "file" / "alerts.jsonl")).send(ALERT)


def test_a_webhook_gets_the_alert_as_json_and_the_file_stays_empty(hook: Hook, file: Path) -> None:
    WebhookNotify(url_variable=VARIABLE, path=str(file)).send(ALERT)
    ((method, media_type, body),) = hook.got
    assert (method, media_type) == ("POST", "application/json")
    text = "A run failed\nclean_documents: disk full\ndataalchemy maintain\nhttp://127.0.0.1:3000/runs/1"
    assert body == {"text": text, **vars(ALERT)}
    assert not file.exists()


@pytest.mark.parametrize("status", [302, 307, 404, 500])
def test_what_the_webhook_does_not_take_is_written_down_with_the_reason(
    hook: Hook, file: Path, caplog: pytest.LogCaptureFixture, status: int
) -> None:
    hook.status = status
    with caplog.at_level(logging.WARNING):
        WebhookNotify(url_variable=VARIABLE, path=str(file)).send(ALERT)
    (line,) = lines(file)
    assert line["title"] == "A run failed"
    assert line["undelivered"] == f"webhook in {VARIABLE}: answered {status}"
    assert str(file) in caplog.text
    assert [method for method, _, _ in hook.got] == ["POST"]
    assert "canary" not in caplog.text + file.read_text()


@pytest.mark.parametrize(
    ("address", "reason"),
    [
        ("", "not set"),
        ("file:///etc/passwd", "not an http address"),
        ("http://127.0.0.1:1/canary", "URLError"),
        ("http://[canary", "ValueError"),
        ("http://127.0.0.1:1/canary with spaces", "InvalidURL"),
    ],
)
def test_a_webhook_that_cannot_be_called_falls_back_to_the_file(
    file: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture, address: str, reason: str
) -> None:
    monkeypatch.setenv(VARIABLE, address)
    WebhookNotify(url_variable=VARIABLE, path=str(file)).send(ALERT)
    assert lines(file)[0]["undelivered"] == f"webhook in {VARIABLE}: {reason}"
    assert "canary" not in caplog.text + file.read_text()


def test_a_webhook_that_never_answers_is_given_up_after_the_time_out(
    file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert resources.notify.TIMEOUT_S <= 5
    monkeypatch.setattr(resources.notify, "TIMEOUT_S", 0.1)
    with socket.create_server(("127.0.0.1", 0)) as silent:
        monkeypatch.setenv(VARIABLE, f"http://127.0.0.1:{silent.getsockname()[1]}/")
        WebhookNotify(url_variable=VARIABLE, path=str(file)).send(ALERT)
    assert lines(file)[0]["undelivered"] == f"webhook in {VARIABLE}: TimeoutError"


def test_an_alert_that_nothing_takes_is_an_error_in_the_log_and_not_in_the_run(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    (tmp_path / "file").write_text("")
    WebhookNotify(url_variable=VARIABLE, path=str(tmp_path / "file" / "alerts.jsonl")).send(ALERT)
    assert "An alert is lost" in caplog.text


def test_the_address_shows_in_no_repr(hook: Hook, file: Path) -> None:
    notify = WebhookNotify(url_variable=VARIABLE, path=str(file))
    notify.send(ALERT)
    assert "canary" not in f"{notify!r} {notify} {notify.describe()} {notify.model_dump()}"
