"""Documents made to stall, kill or escape the run: each ends with one verdict in time, and the next one is read."""

from __future__ import annotations

import json
import random
import struct
import time
import zlib
from collections.abc import Callable, Iterator, Mapping

import pytest

from dataalchemy_pipelines.core.records import Document
from dataalchemy_pipelines.parsing.sandbox import Sandbox
from dataalchemy_pipelines.parsing.verdict import Input

Zipped = Callable[[Mapping[str, str | bytes]], bytes]
Case = tuple[str, Callable[[], bytes], str]

NAMES = 'xmlns:w="http://schemas.openxmlformats.org/wordprocessingml/2006/main"'
MAX_S = 30
BACK = chr(0x202E)  # right-to-left override


@pytest.fixture(scope="module")
def sandbox() -> Iterator[Sandbox]:
    """One sandbox for the whole corpus; on a busy machine the wall clock must not speak before memory does."""
    with Sandbox(wall_s=MAX_S) as shared:
        yield shared


def word(inner: str, *, head: str = "") -> str:
    return f"{head}<w:document {NAMES}><w:body><w:p><w:r><w:t>{inner}</w:t></w:r></w:p></w:body></w:document>"


def pdf(*objects: bytes) -> bytes:
    """A PDF of these objects with a right cross-reference table; the first is its root."""
    payload, offsets = b"%PDF-1.4\n", []
    for number, content in enumerate(objects, 1):
        offsets.append(len(payload))
        payload += b"%d 0 obj\n%s\nendobj\n" % (number, content)
    rows = b"".join(b"%010d 00000 n \n" % offset for offset in offsets)
    table = b"xref\n0 %d\n0000000000 65535 f \n%s" % (len(offsets) + 1, rows)
    tail = b"trailer\n<</Size %d/Root 1 0 R>>\nstartxref\n%d\n%%%%EOF" % (len(offsets) + 1, len(payload))
    return payload + table + tail


def page_of(stream: bytes) -> bytes:
    page = b"<</Type/Page/Parent 2 0 R/MediaBox[0 0 9 9]/Contents 4 0 R>>"
    content = b"<</Length %d/Filter/FlateDecode>>stream\n%s\nendstream" % (len(stream), stream)
    return pdf(b"<</Type/Catalog/Pages 2 0 R>>", b"<</Type/Pages/Kids[3 0 R]/Count 1>>", page, content)


def packed_gigabyte() -> bytes:
    """A stream that unpacks to a gigabyte: one packed block that stands by itself, a thousand times."""
    chunk = b"BT (x) Tj ET\n" * 80_000
    packer = zlib.compressobj(9)
    first, again = (packer.compress(chunk) + packer.flush(zlib.Z_FULL_FLUSH) for _ in range(2))
    return first + again * 999 + packer.flush()


def paragraphs() -> str:
    """Four million paragraphs that do not pack to a hundredth: over a gigabyte as a tree."""
    chance = random.Random(1)
    some = "".join(f'<w:p w:rsidR="{chance.getrandbits(32):08X}"/>' for _ in range(50_000))
    return f"<w:document {NAMES}><w:body>{some * 84}</w:body></w:document>"


ARCHIVES: list[tuple[str, Callable[[], Mapping[str, str | bytes]], str]] = [
    ("zip bomb", lambda: {"word/document.xml": bytes(150_000_000)}, "archive_bomb"),
    ("too many entries", lambda: {"word/document.xml": "", **{str(n): "" for n in range(10_001)}}, "archive_bomb"),
    ("zip slip", lambda: {"word/document.xml": word("x"), "../../etc/cron.d/x": "x"}, "archive_bomb"),
    ("paragraph bomb", lambda: {"word/document.xml": paragraphs()}, "memory_limit"),
    ("deep elements", lambda: {"word/document.xml": "<a>" * 100_000}, "too_deep"),
    ("nested archive", lambda: {"word/document.xml": b"PK\x03\x04" + bytes(50)}, "broken"),
    (
        "external entity",
        lambda: {"word/document.xml": word("&x;", head='<!DOCTYPE d [<!ENTITY x SYSTEM "file:///etc/passwd">]>')},
        "broken",
    ),
    (
        "billion laughs",
        lambda: {
            "word/document.xml": word(
                "&e9;",
                head='<!DOCTYPE d [<!ENTITY e0 "ha">'
                + "".join(f'<!ENTITY e{n} "{f"&e{n - 1};" * 10}">' for n in range(1, 10))
                + "]>",
            )
        },
        "too_large",
    ),
    (
        "quadratic blow-up",
        lambda: {"word/document.xml": word("&x;" * 50_000, head=f'<!DOCTYPE d [<!ENTITY x "{"y" * 50_000}">]>')},
        "too_large",
    ),
]

FILES: list[Case] = [
    ("deep.html", lambda: b"<div>" * 100_000 + b"x" + b"</div>" * 100_000 + b"<p>after</p>", "too_deep"),
    ("deep.json", lambda: b"[" * 200_000 + b"]" * 200_000, "too_deep"),
    ("deep.eml", lambda: b"Content-Type: message/rfc822\n\n" * 3000 + b"x", "too_deep"),
    ("header.eml", lambda: b"Subject: " + b"=?utf-8?q?a?= " * 1_000_000 + b"\n\nx", "kept"),
    ("loop.pdf", lambda: pdf(b"<</Type/Catalog/Pages 2 0 R>>", b"<</Type/Pages/Kids[2 0 R]/Count 1>>"), "broken"),
    ("itself.pdf", lambda: pdf(b"1 0 R"), "broken"),
    ("cut.pdf", lambda: pdf(b"<</Type/Catalog/Pages 2 0 R>>")[:40], "broken"),
    ("gigabyte.pdf", lambda: page_of(packed_gigabyte()), "memory_limit"),
    ("noise.pdf", lambda: b"%PDF-1.7\n" + bytes(range(256)) * 100, "broken"),
    ("huge.png", lambda: b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR" + struct.pack(">II", 60_000, 60_000), "unsupported_type"),
    ("line.html", lambda: b"<p>" + b"a b " * 12_500_000, "too_large"),
    ("ticks.log", lambda: b"`" * 50_000_000, "too_large"),
    ("groups.rtf", lambda: b"{\\rtf1" + b"{" * 1_000_000, "broken"),
    ("wrong.txt", lambda: b"\x89PNG\r\n\x1a\n" + bytes(50), "type_mismatch"),
    ("nul.txt", lambda: b"a\0b\0c\0\0\0" * 100, "type_mismatch"),
    ("nothing.docx", lambda: b"", "empty"),
    ("line.txt", lambda: b"a b " * 12_500_000, "kept"),
    ("alias.yaml", lambda: b"a: &a [x]\n" + b"".join(b"b%d: &b [*a,*a,*a]\n" % n for n in range(20)), "kept"),
    ("bidi.txt", lambda: f"invoice {BACK}fdp.exe".encode(), "kept"),
    ("scattered.md", lambda: b"word " * 100 + b"\0", "kept"),
    ("tables.html", lambda: b"<table>" * 80 + b"x", "kept"),
    ("spans.html", lambda: b"<span>" * 200 + b"<b>x</b>" * 100_000, "kept"),
]


def check(sandbox: Sandbox, payload: bytes, record: Input, expected: str) -> None:
    start = time.monotonic()
    verdict = sandbox.parse(payload, record)
    took_s = time.monotonic() - start
    assert ("kept" if isinstance(verdict, Document) else verdict.reason) == expected
    assert took_s < MAX_S
    sibling = sandbox.parse(b"a sibling", Input("sibling.txt"))
    assert isinstance(sibling, Document) and sibling.text == "a sibling"


@pytest.mark.parametrize(("name", "entries", "expected"), ARCHIVES, ids=[case[0] for case in ARCHIVES])
def test_a_hostile_word_file_ends_with_one_verdict(
    sandbox: Sandbox, zipped: Zipped, name: str, entries: Callable[[], Mapping[str, str | bytes]], expected: str
) -> None:
    check(sandbox, zipped(entries()), Input(f"{name}.docx"), expected)


@pytest.mark.parametrize(("name", "payload", "expected"), FILES, ids=[case[0] for case in FILES])
def test_a_hostile_file_ends_with_one_verdict(
    sandbox: Sandbox, name: str, payload: Callable[[], bytes], expected: str
) -> None:
    check(sandbox, payload(), Input(name), expected)


def test_a_hostile_ticket_ends_with_one_verdict(sandbox: Sandbox) -> None:
    markup = "{code}" * 50_000 + "*a " * 200_000 + "[a|" * 100_000 + "{{" * 100_000
    payload = json.dumps({"key": "A-1", "fields": {"description": markup}}).encode()
    check(sandbox, payload, Input("x#A-1", "jira_issue"), "kept")
