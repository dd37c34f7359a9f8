"""The table of formats and the way through it."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from dataalchemy_pipelines.parsing.formats import FORMATS, UNSUPPORTED, parse
from dataalchemy_pipelines.parsing.verdict import OUTCOMES, Input, Unparsable

PNG = b"\x89PNG\r\n\x1a\n" + bytes(30)


def verdict(payload: bytes, name: str) -> str:
    with pytest.raises(Unparsable) as error:
        parse(payload, Input(name))
    return error.value.reason


@pytest.mark.parametrize("payload", [b"", b" \r\n\t", b"\xef\xbb\xbf", b"\xff\xfe \0", "\xa0\u200b".encode()])
@pytest.mark.parametrize("name", ["a.txt", "a.docx", "a.json", "a", "a.png"])
def test_nothing_or_white_space_is_empty_whatever_it_is_called(payload: bytes, name: str) -> None:
    assert verdict(payload, name) == "empty"


@pytest.mark.parametrize(
    ("payload", "name", "reason"),
    [
        (b"hello", "a.pdf", "type_mismatch"),
        (b"hello", "a.docx", "type_mismatch"),
        (b"hello", "a.png", "type_mismatch"),
        (b"%PDF-1.4", "a.txt", "type_mismatch"),
        (PNG, "a.html", "type_mismatch"),
        (PNG, "a.png", "unsupported_type"),
        (PNG, "a.unheard", "unsupported_type"),
        (bytes(range(256)), "a.bin", "unsupported_type"),
        (b"<script>x</script>", "a.html", "no_text"),
        (b"[" * 100_000, "a.json", "too_deep"),
    ],
)
def test_declared_and_real_type_must_agree(payload: bytes, name: str, reason: str) -> None:
    assert verdict(payload, name) == reason


def test_a_name_without_a_known_extension_is_read_as_what_it_is(docx: Callable[..., bytes]) -> None:
    body = "<w:p><w:r><w:t>word</w:t></w:r></w:p>"
    assert parse(docx(body), Input("letter"))[0].text == "word"
    assert parse(b"<!DOCTYPE html><p>page", Input("index"))[0].text == "page"
    assert parse(b"plain", Input("a.unheard"))[0].text == "plain"
    assert parse(b"FROM scratch", Input("app/Dockerfile"))[0].text == "```\nFROM scratch\n```"


@pytest.mark.parametrize("name", ["a.txt", "a.md", "a.csv", "a"])
@pytest.mark.parametrize("head", ["<html><title>Old</title>", "\ufeff\n<!DOCTYPE HTML>\n<title>Old</title>"])
def test_a_web_page_under_a_name_that_any_text_may_bear_is_read_as_a_page(name: str, head: str) -> None:
    parsed, media_type = parse(f"{head}<body><p>kept &amp; plain".encode(), Input(name))
    assert (parsed.title, parsed.text, media_type) == ("Old", "kept & plain", "text/html")


def test_code_and_text_that_only_mention_a_page_stay_as_they_are() -> None:
    assert parse(b"see <html> tags", Input("a.txt"))[0].text == "see <html> tags"
    assert parse(b"<html></html>", Input("a.xml"))[0].text == "```xml\n<html></html>\n```"


def test_an_item_of_an_export_is_read_by_its_kind() -> None:
    parsed, media_type = parse(b'{"key":"A-1","fields":{}}', Input("dump.txt#A-1", "jira_issue"))
    assert (parsed.text, media_type) == ("- Key: A-1", "application/json")


def test_a_line_of_an_export_that_is_not_json_is_broken() -> None:
    assert verdict(b'{"key": "A-1", "fie', "dump.jsonl#line-17") == "broken"


def test_a_file_without_a_title_is_called_by_its_name() -> None:
    assert parse(b"x", Input("folder/Travel rules.v2.txt"))[0].title == "Travel rules.v2"


def test_text_leaves_with_one_kind_of_line_end_and_without_nul() -> None:
    assert parse(b"\xef\xbb\xbfa\r\nb\rc" + b" word" * 50 + b"\0", Input("a.txt"))[0].text.startswith("a\nb\nc word")


def test_no_extension_is_claimed_twice() -> None:
    claimed = [extension for one in FORMATS for extension in one.extensions.split()] + list(UNSUPPORTED)
    assert len(claimed) == len(set(claimed))


def test_every_reason_has_an_outcome_and_only_two_are_rejections() -> None:
    assert {reason for reason, outcome in OUTCOMES.items() if outcome == "rejected"} == {"empty", "unsupported_type"}
    assert set(OUTCOMES.values()) == {"rejected", "quarantined"}
