"""Real documents with labels: how much of their text comes out. Skipped where the data is not there."""

from __future__ import annotations

import json
import re
from collections import Counter
from pathlib import Path

import lxml.html
import pytest

from dataalchemy_pipelines.connectors.documents import Folder
from dataalchemy_pipelines.core.records import Document
from dataalchemy_pipelines.parsing.confluence import parse_confluence
from dataalchemy_pipelines.parsing.formats import parse
from dataalchemy_pipelines.parsing.html import parse_page
from dataalchemy_pipelines.parsing.jira import parse_jira
from dataalchemy_pipelines.parsing.sandbox import Sandbox
from dataalchemy_pipelines.parsing.verdict import Input, Unparsable

WORD = re.compile(r"\w+")
MARKUP = {"code", "noformat", "quote", "color", "panel", "title", "thumbnail", "h1", "h2", "h3", "h4", "h5", "h6", "bq"}


def words(text: str) -> Counter[str]:
    return Counter(WORD.findall(text))


def recall(expected: Counter[str], found: Counter[str]) -> float:
    return (expected & found).total() / max(expected.total(), 1)


def squeezed(text: str) -> str:
    return "".join(text.replace("<br>", "").split())


@pytest.mark.parametrize(
    ("name", "suffix"), [("docs_python_docx", ".docx"), ("docs_unstructured", (".docx", ".pptx", ".xlsx"))]
)
def test_every_paragraph_of_an_office_file_is_found(real_data: Path, name: str, suffix: str) -> None:
    found = total = 0
    for line in (real_data / name / "index.jsonl").read_text().splitlines():
        row = json.loads(line)
        if not row.get("gold") or not row["file"].endswith(suffix):
            continue
        text = squeezed(parse((real_data / name / "files" / row["file"]).read_bytes(), Input(row["file"]))[0].text)
        hits = [squeezed(gold["text"]).replace("|", "\\|") in text for gold in row["gold"]]
        found, total = found + sum(hits), total + len(hits)
    assert total > 200
    assert found / total >= 0.99


def test_every_page_of_text_is_read_and_only_pictures_and_passwords_are_not(real_data: Path) -> None:
    verdicts: Counter[str] = Counter()
    for row in map(json.loads, (real_data / "docs_pypdf" / "index.jsonl").read_text().splitlines()):
        try:
            parse((real_data / "docs_pypdf" / "files" / row["file"]).read_bytes(), Input(row["file"]))
            verdicts["kept"] += 1
        except Unparsable as verdict:
            verdicts[verdict.reason] += 1
    assert set(verdicts) == {"kept", "encrypted", "no_text"}
    assert verdicts["encrypted"] == 1


def test_every_trap_ends_with_one_verdict(real_data: Path) -> None:
    reasons = {}
    with Sandbox() as sandbox:
        for record in Folder(real_data / "docs_unstructured" / "files", ()).records():
            verdict = sandbox.parse(record.payload or b"", Input(record.native_id, record.kind, record.media_type))
            reasons[record.native_id] = "kept" if isinstance(verdict, Document) else verdict.reason
    assert Counter(reasons.values())["kept"] >= 75
    assert reasons["empty.txt"] == reasons["fake-text-all-whitespace.txt"] == "empty"
    assert reasons["password_protected.xlsx"] == reasons["eml-fake-encrypted.eml"] == "encrypted"
    assert reasons["language-docs-eng_spa_mult.doc"] == "type_mismatch"
    assert reasons["fake.doc"] == reasons["fake-email-attachment.msg"] == "unsupported_type"


def test_tickets_lose_no_words(real_data: Path) -> None:
    expected: Counter[str] = Counter()
    found: Counter[str] = Counter()
    records = list(Folder(real_data / "jira_real_v2" / "issues.jsonl", ()).records())
    for record in records[::5]:
        fields = json.loads(record.payload or b"")["fields"]
        comments = [comment.get("body") or "" for comment in fields["comment"]["comments"]]
        given = words(" ".join([fields.get("description") or "", *comments]))
        given = Counter({word: count for word, count in given.items() if word not in MARKUP})
        parsed = parse_jira(record.payload or b"", Input(record.native_id, record.kind))
        expected, found = expected + given, found + (given & words(parsed.text))
        assert parsed.title == " ".join(fields["summary"].split())
    assert len(records) == 1527
    assert recall(expected, found) >= 0.995


def test_pages_of_both_interfaces_hold_the_reviewed_words(real_data: Path) -> None:
    expected: Counter[str] = Counter()
    found: Counter[str] = Counter()
    for folder in (real_data / "confluence").iterdir():
        first, second = (
            parse_confluence((folder / f"page.{version}.json").read_bytes(), Input("p", "confluence_page"))
            for version in ("v1", "v2")
        )
        given = words(lxml.html.fromstring((folder / "expected.html").read_text()).text_content())
        expected, found = expected + given, found + (given & words(first.text))
        assert first.title == second.title
        if not second.links:  # v1 names a linked page by its title, v2 by its address
            assert first.text == second.text
    assert recall(expected, found) >= 0.98


def test_articles_come_out_of_their_pages(real_data: Path) -> None:
    expected: Counter[str] = Counter()
    found: Counter[str] = Counter()
    for folder in (real_data / "boilerplate_readability").iterdir():
        given = words(lxml.html.fromstring((folder / "expected.html").read_text()).text_content())
        parsed = parse_page((folder / "source.html").read_bytes(), Input("a.html"))
        expected, found = expected + given, found + (given & words(parsed.text))
    assert recall(expected, found) >= 0.995
