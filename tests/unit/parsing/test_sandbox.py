"""The child process and its limits."""

from __future__ import annotations

import os
import signal
import sys
import time
from pathlib import Path

import pytest

from dataalchemy_pipelines.core.records import Document, Rejected
from dataalchemy_pipelines.parsing.sandbox import DOCUMENTS_A_CHILD, MAX_PAYLOAD_BYTES, Sandbox
from dataalchemy_pipelines.parsing.verdict import Input
from resources.errors import Missing

TEXT = Input("a.txt")


def child_of(sandbox: Sandbox) -> int:
    """The process id of the child that will serve the next document."""
    return sandbox._running()._process.pid


def test_a_document_comes_back_whole(sandbox: Sandbox) -> None:
    payload = b'<title>T</title><meta name=author content=Ann><meta name=date content="2020-12-03"><a href="https://a.example">x</a>'
    document = sandbox.parse(payload, Input("a.html"))
    assert isinstance(document, Document)
    assert (document.title, document.authors, document.media_type, document.kind) == (
        "T",
        ("Ann",),
        "text/html",
        "file",
    )
    assert (document.text, document.links) == ("[x](https://a.example)", ("https://a.example",))
    assert document.created_at is not None and document.created_at.year == 2020


def test_a_verdict_comes_back_with_its_outcome(sandbox: Sandbox) -> None:
    assert sandbox.parse(b"", TEXT) == Rejected("rejected", "empty")
    assert sandbox.parse(b"{", Input("a.json")) == Rejected("quarantined", "broken")


def test_a_large_document_passes_both_ways(sandbox: Sandbox) -> None:
    payload = b"0123456789abcde\n" * 2**20
    document = sandbox.parse(payload, TEXT)
    assert isinstance(document, Document) and len(document.text) == len(payload) - 1
    assert sandbox.parse(bytes(MAX_PAYLOAD_BYTES + 1), TEXT) == Rejected("quarantined", "too_large")


def test_the_child_has_limits_its_own_session_no_environment_and_no_network(
    sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "canary")
    sandbox.close()
    sandbox.parse(b"x", TEXT)
    child = Path("/proc") / str(child_of(sandbox))
    limits = (child / "limits").read_text()
    assert f"{2**30}" in next(line for line in limits.splitlines() if line.startswith("Max address space"))
    assert next(line for line in limits.splitlines() if line.startswith("Max core file")).split()[4] == "0"
    assert next(line for line in limits.splitlines() if line.startswith("Max file size")).split()[3] == "0"
    assert 10 <= int(next(line for line in limits.splitlines() if line.startswith("Max cpu time")).split()[3]) <= 15
    assert b"canary" not in (child / "environ").read_bytes()
    assert os.getsid(child_of(sandbox)) == child_of(sandbox)
    apart = (child / "ns/net").readlink() != Path("/proc/self/ns/net").readlink()
    assert sandbox.network_cut == apart


def test_a_large_parent_is_not_taken_for_a_starved_child(sandbox: Sandbox) -> None:
    large = b"x" * (600 * 2**20)  # a new process begins with the high-water mark of the one that forked it
    sandbox.close()
    child = sandbox._running()
    del large
    os.kill(child._process.pid, signal.SIGSEGV)
    os.waitid(os.P_PID, child._process.pid, os.WEXITED | os.WNOWAIT)
    assert sandbox.parse(b"x", TEXT) == Rejected("quarantined", "broken")


@pytest.mark.parametrize(
    ("signal_number", "reason"),
    [(signal.SIGKILL, "memory_limit"), (signal.SIGXCPU, "time_limit"), (signal.SIGSEGV, "broken")],
)
def test_a_child_that_dies_is_one_verdict_and_the_next_document_gets_another(
    sandbox: Sandbox, signal_number: signal.Signals, reason: str
) -> None:
    child = sandbox._running()
    os.kill(child._process.pid, signal_number)
    os.waitid(os.P_PID, child._process.pid, os.WEXITED | os.WNOWAIT)
    assert sandbox.parse(b"x", TEXT) == Rejected("quarantined", reason)
    assert isinstance(sandbox.parse(b"fine", TEXT), Document)


def test_a_child_that_does_not_answer_is_ended() -> None:
    with Sandbox(wall_s=0.3) as impatient:
        os.kill(child_of(impatient), signal.SIGSTOP)
        start = time.monotonic()
        assert impatient.parse(b"x", TEXT) == Rejected("quarantined", "time_limit")
        assert time.monotonic() - start < 5
        assert isinstance(impatient.parse(b"fine", TEXT), Document)


def test_a_child_serves_many_documents_and_then_makes_room_for_another(sandbox: Sandbox) -> None:
    sandbox.close()
    first = child_of(sandbox)
    for _ in range(DOCUMENTS_A_CHILD - 1):
        sandbox.parse(b"x", TEXT)
    assert child_of(sandbox) == first
    sandbox.parse(b"x", TEXT)
    assert child_of(sandbox) != first


def test_nothing_is_left_running() -> None:
    with Sandbox() as short:
        pid = child_of(short)
    with pytest.raises(ProcessLookupError):
        os.kill(pid, 0)


def test_a_child_that_cannot_start_is_an_error_that_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "executable", "/bin/false")
    with pytest.raises(Missing, match="does not start"), Sandbox() as lame:
        lame.parse(b"x", TEXT)
