"""GitHub issues and pull requests."""

from __future__ import annotations

import json
from typing import Any

import pytest

from dataalchemy_pipelines.parsing.github import parse_github
from dataalchemy_pipelines.parsing.verdict import Input, Parsed, Unparsable


def item(**fields: Any) -> Parsed:
    payload = {"number": 7, "title": "Fix it", "user": {"login": "ann"}, **fields}
    return parse_github(json.dumps(payload).encode(), Input("x#7", "github_pull"))


def test_the_body_is_kept_as_the_markdown_it_is() -> None:
    parsed = item(
        body="a\r\n\r\n- *b*",
        state="closed",
        merged_at="2020-01-01T00:00:00Z",
        labels=[{"name": "bug"}],
        head={"ref": "f"},
    )
    assert parsed.text == "- Number: 7\n- State: merged\n- Labels: bug\n- From: f\n\na\n\n- *b*"
    assert (parsed.title, parsed.authors) == ("Fix it", ("ann",))


def test_a_body_that_is_null_is_fine_and_a_number_of_comments_is_no_comment() -> None:
    assert item(body=None, comments=42, user=None).text == "- Number: 7"


def test_comments_that_come_along_are_read() -> None:
    comments = [{"user": {"login": "bob"}, "created_at": "2020-01-01T00:00:00Z", "body": "why?"}]
    parsed = item(comments=comments)
    assert parsed.text.endswith("## Comments\n\n### bob, 2020-01-01\n\nwhy?")
    assert parsed.authors == ("ann", "bob")


def test_what_is_no_issue_is_broken() -> None:
    with pytest.raises(Unparsable, match="broken"):
        parse_github(b'{"title": "x"}', Input("x#7", "github_issue"))
