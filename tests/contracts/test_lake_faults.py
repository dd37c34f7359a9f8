"""A lake keeps what it acknowledged: kill -9, a lost reply, a full disk. Each test proves that its fault hit."""

from __future__ import annotations

import random
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pyarrow as pa
import pytest

from resources.contracts import Change, TableSpec
from resources.errors import DataAlchemyError, Unavailable
from resources.lake import LocalLake, ObjectLake, S3Lake, open_lake
from resources.settings import CHECKOUT, child_environment

SPEC = TableSpec("killed", pa.schema([("doc_id", pa.string()), ("text", pa.string())]))
WRITER = Path(__file__).parent / "writer.py"
KILLS = 20


def test_twenty_kills_of_a_writer_lose_nothing_and_double_nothing(lake: ObjectLake) -> None:
    draw = random.Random(7)
    acknowledged, hits, unacknowledged = 0, 0, 0
    for _ in range(KILLS):
        said, hit = _killed_writer(lake, draw.uniform(0.0, 0.25))
        before, acknowledged = acknowledged, max([acknowledged, *said])
        assert said == list(range(acknowledged - len(said) + 1, acknowledged + 1)), "one line for each commit"
        hits += hit and acknowledged > before
        snapshot = open_lake(lake.address()).snapshot(SPEC)
        ids = snapshot.read(["doc_id"])["doc_id"].to_pylist()
        committed = snapshot.cursor("source:kill")
        assert sorted(ids) == sorted(f"row-{number}" for number in range(1, committed + 1))
        assert committed >= acknowledged
        unacknowledged += committed > acknowledged
        lake.read_log(SPEC)
    assert hits > 0, "no kill hit a writer at its work"
    print(f"{hits} kills, {acknowledged} acknowledged, {unacknowledged} times committed but not acknowledged, lost 0")


def _killed_writer(lake: ObjectLake, after_s: float) -> tuple[list[int], bool]:
    """Start a writer, let it commit at least once, kill it some time later.

    Returns the numbers it acknowledged, and whether the kill ended it while it went on writing.
    """
    environment = {**child_environment(), "PYTHONPATH": str(CHECKOUT)}
    process = subprocess.Popen(
        [sys.executable, str(WRITER), lake.address()], env=environment, stdout=subprocess.PIPE, text=True
    )
    assert process.stdout is not None
    said: list[int] = []
    stop = threading.Timer(30, process.kill)
    stop.start()
    for line in process.stdout:
        word, _, number = line.strip().partition(" ")
        if word == "ack":
            said.append(int(number))
            if len(said) == 1:
                threading.Timer(after_s, process.kill).start()
    code = process.wait()
    stop.cancel()
    return said, bool(said) and code == -signal.SIGKILL


@pytest.mark.services
def test_a_reply_that_the_store_lost_is_neither_a_failure_nor_a_double(s3_lake: S3Lake) -> None:
    with _losing(s3_lake.endpoint or "", b"_delta_log/0") as (endpoint, lost):
        lake = S3Lake(root=s3_lake.root, endpoint=endpoint)
        for number in range(1, 6):
            rows = pa.table({"doc_id": [f"row-{number}"], "text": ["x"]}, schema=SPEC.schema)
            lake.commit(lake.snapshot(SPEC), Change(rows=rows), cursors={"source:s": number})
    ids = s3_lake.snapshot(SPEC).read(["doc_id"])["doc_id"].to_pylist()
    assert lost, "no reply was lost, so nothing was tested"
    assert sorted(ids) == [f"row-{number}" for number in range(1, 6)]


@pytest.mark.services
def test_a_create_whose_reply_was_lost_is_won(s3_lake: S3Lake) -> None:
    with _losing(s3_lake.endpoint or "", b"pointers/") as (endpoint, lost):
        lake = S3Lake(root=s3_lake.root, endpoint=endpoint)
        assert lake.create("pointers/p/1", b"ours, with a nonce") is True
    assert lost, "no reply was lost, so nothing was tested"
    assert s3_lake.create("pointers/p/1", b"another's") is False


@contextmanager
def _losing(endpoint: str, path: bytes) -> Iterator[tuple[str, list[bytes]]]:
    """A proxy that hands a PUT on, lets the store do it, and drops the first reply for each key below ``path``."""
    host, _, port = endpoint.removeprefix("http://").partition(":")
    lost: list[bytes] = []
    server = socket.create_server(("127.0.0.1", 0))

    def serve(client: socket.socket) -> None:
        with client, socket.create_connection((host, int(port))) as store:
            while head := _request(client, store):
                line = head.split(b"\r\n", 1)[0]
                reply = _reply(store)
                if line.startswith(b"PUT") and path in line and line not in lost:
                    lost.append(line)
                    return
                client.sendall(reply)

    def accept() -> None:
        while True:
            try:
                client, _ = server.accept()
            except OSError:
                return
            threading.Thread(target=serve, args=(client,), daemon=True).start()

    threading.Thread(target=accept, daemon=True).start()
    try:
        yield f"http://127.0.0.1:{server.getsockname()[1]}", lost
    finally:
        server.close()


def _message(source: socket.socket) -> bytes:
    """One HTTP message with a Content-Length, or b"" at the end of the connection."""
    data = b""
    while b"\r\n\r\n" not in data:
        part = source.recv(65536)
        if not part:
            return b""
        data += part
    head, _, body = data.partition(b"\r\n\r\n")
    fields = [line.split(b":", 1) for line in head.lower().split(b"\r\n")[1:]]
    length = next((int(value) for name, value in fields if name == b"content-length"), 0)
    while len(body) < length:
        body += source.recv(65536)
    return head + b"\r\n\r\n" + body


def _request(client: socket.socket, store: socket.socket) -> bytes:
    message = _message(client)
    store.sendall(message)
    return message


def _reply(store: socket.socket) -> bytes:
    return _message(store)


def test_a_full_disk_stops_with_the_mend_and_the_table_still_opens(tmp_path: Path) -> None:
    mount = tmp_path / "small"
    mount.mkdir()
    mounted = subprocess.run(["mount", "-t", "tmpfs", "-o", "size=600k", "tmpfs", str(mount)], capture_output=True)
    if mounted.returncode:
        pytest.skip("a small filesystem needs root")
    try:
        lake = LocalLake(root=(mount / "lake").as_uri())
        kept = 0
        with pytest.raises(Unavailable, match="Make room"):
            for number in range(200):
                body = random.Random(number).randbytes(20_000).hex()
                rows = pa.table({"doc_id": [f"row-{number}"], "text": [body]}, schema=SPEC.schema)
                lake.commit(lake.snapshot(SPEC), Change(rows=rows))
                kept = number + 1
        assert kept > 0
        assert lake.snapshot(SPEC).count() == kept
    finally:
        subprocess.run(["umount", str(mount)], check=True)


def test_a_store_that_is_away_is_said_within_ten_seconds_with_its_name(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "someone")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "CANARY-SECRET-VALUE")
    with socket.create_server(("127.0.0.1", 0)) as closed:
        port = closed.getsockname()[1]
    lake = S3Lake(root="s3://bucket/lake", endpoint=f"http://127.0.0.1:{port}")
    started = time.monotonic()
    with pytest.raises(DataAlchemyError) as caught:
        lake.check()
    assert time.monotonic() - started < 10
    assert f"127.0.0.1:{port}" in str(caught.value) and "CANARY" not in str(caught.value)
