"""Exports by their shape."""

from __future__ import annotations

import json
from typing import Any

import pytest

from dataalchemy_pipelines.connectors.exports import Item, items_of, kind_of

ISSUE = {"key": "A-1", "fields": {"summary": "s"}}
PAGE = {"id": "7", "title": "t", "body": {"storage": {"value": "x"}}}
PULL = {"number": 3, "title": "t", "user": {"login": "a"}, "head": {}, "base": {}}


@pytest.mark.parametrize(
    ("value", "kind", "key"),
    [
        (ISSUE, "jira_issue", "A-1"),
        (PAGE, "confluence_page", "7"),
        ({**PAGE, "id": 7}, "confluence_page", "7"),
        (PULL, "github_pull", "3"),
        ({"number": 4, "title": "t", "user": None}, "github_issue", "4"),
        ({"number": 5, "title": "t", "user": {}, "pull_request": {"url": "u"}}, "github_pull", "5"),
        ({"key": "A-1"}, "", ""),
        ({"id": "7", "title": "t"}, "", ""),
        ({"number": 4, "title": "t"}, "", ""),
        ([ISSUE], "", ""),
        (None, "", ""),
    ],
)
def test_an_item_is_known_by_its_fields(value: Any, kind: str, key: str) -> None:
    assert kind_of(value) == (kind, key)


def test_one_object_keeps_its_own_bytes() -> None:
    payload = json.dumps(ISSUE, indent=3).encode()
    assert items_of(payload) == [Item("A-1", "jira_issue", payload)]


@pytest.mark.parametrize("wrapped", [{"issues": [ISSUE], "isLast": True}, {"results": [ISSUE]}, [ISSUE]])
def test_a_page_gives_the_canonical_bytes_of_each_item(wrapped: Any) -> None:
    expected = [Item("A-1", "jira_issue", b'{"fields":{"summary":"s"},"key":"A-1"}')]
    assert items_of(json.dumps(wrapped, indent=1).encode()) == expected


def test_the_same_item_has_the_same_bytes_wherever_its_fields_stand() -> None:
    turned = dict(reversed(list(ISSUE.items())))
    assert items_of(json.dumps([turned]).encode()) == items_of(json.dumps([ISSUE]).encode())


@pytest.mark.parametrize(
    "payload", [b"", b"{", b"[]", b"3", b'"x"', b"\xff\xfe", json.dumps([ISSUE, {"other": 1}]).encode()]
)
def test_what_is_no_export_or_only_half_of_one_stays_a_file(payload: bytes) -> None:
    assert items_of(payload) == []
