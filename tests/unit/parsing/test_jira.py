"""Jira issues."""

from __future__ import annotations

import json
from typing import Any

import pytest

from dataalchemy_pipelines.parsing.jira import parse_jira
from dataalchemy_pipelines.parsing.verdict import Input, Parsed, Unparsable


def issue(**fields: Any) -> Parsed:
    payload = {"key": "A-1", "fields": {"summary": " It \n breaks ", **fields}}
    return parse_jira(json.dumps(payload).encode(), Input("x#A-1", "jira_issue"))


def comment(body: Any, created: str, name: str = "Bob") -> dict[str, Any]:
    return {"body": body, "created": created, "author": {"displayName": name}}


def test_the_summary_is_the_title_and_key_fields_are_a_list() -> None:
    parsed = issue(
        status={"name": "Open"},
        labels=["a", "b"],
        components=[{"name": "UI"}],
        reporter={"displayName": "Ann"},
        created="2020-12-03T14:05:20.974+0100",
        issuelinks=[{"type": {"outward": "blocks"}, "outwardIssue": {"key": "A-2", "fields": {"summary": "Other"}}}],
    )
    assert (parsed.title, parsed.authors) == ("It breaks", ("Ann",))
    assert parsed.text == "- Key: A-1\n- Status: Open\n- Components: UI\n- Labels: a, b\n- Blocks: A-2: Other"
    assert parsed.created_at is not None and parsed.created_at.hour == 13


@pytest.mark.parametrize(
    "fields", [{}, {"description": None}, {"description": ""}, {"comment": None, "issuelinks": None}]
)
def test_a_description_that_is_null_or_absent_is_fine(fields: dict[str, Any]) -> None:
    assert issue(**fields).text == "- Key: A-1"


def test_wiki_markup_and_adf_are_both_read() -> None:
    adf = {
        "type": "doc",
        "content": [{"type": "heading", "attrs": {"level": 3}, "content": [{"type": "text", "text": "Do"}]}],
    }
    assert issue(description="h3. Do").text == issue(description=adf).text == "- Key: A-1\n\n## Description\n\n### Do"


def test_comments_stand_in_the_order_of_writing_and_missing_ones_are_counted() -> None:
    later = comment("second", "2020-02-01T00:00:00.000+0000")
    sooner = comment("first", "2020-01-01T00:00:00.000+0000", "Ann")
    text = issue(comment={"comments": [later, sooner], "total": 5}).text
    assert text.endswith(
        "## Comments\n\n### Ann, 2020-01-01\n\nfirst\n\n### Bob, 2020-02-01\n\nsecond"
        "\n\n2 of 5 comments are in the export."
    )


def test_custom_fields_that_hold_sentences_are_text() -> None:
    text = issue(customfield_1="Must not break", customfield_2="10_*:0|i", customfield_3=7).text
    assert "## customfield_1\n\nMust not break" in text
    assert "customfield_2" not in text and "customfield_3" not in text


@pytest.mark.parametrize("payload", [b"[]", b"{}", b"{", b'{"fields": []}'])
def test_what_is_no_issue_is_broken(payload: bytes) -> None:
    with pytest.raises(Unparsable, match="broken"):
        parse_jira(payload, Input("x#A-1", "jira_issue"))
