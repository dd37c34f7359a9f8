"""JSON that is nobody's export."""

from __future__ import annotations

import pytest

from dataalchemy_pipelines.parsing.json_text import load_object, parse_json, parse_json_lines
from dataalchemy_pipelines.parsing.verdict import Input, Unparsable


def test_json_is_readable_text_with_letters_instead_of_escapes() -> None:
    assert parse_json('{"a":"\\u00e9"}'.encode("utf-16"), Input("a.json")).text == '```json\n{\n  "a": "é"\n}\n```'
    assert parse_json_lines(b'{"a":1}\n\n[2]\n', Input("a.jsonl")).text == '```json\n{\n  "a": 1\n}\n[\n  2\n]\n```'


@pytest.mark.parametrize("payload", [b"{}", b"[]", b"null", b'""'])
def test_an_empty_value_has_no_text(payload: bytes) -> None:
    assert parse_json(payload, Input("a.json")).text == ""


def test_what_is_not_json_is_broken_and_what_is_too_deep_is_too_deep() -> None:
    with pytest.raises(Unparsable, match="broken"):
        parse_json_lines(b'{"a":1}\n{"a":', Input("a.jsonl"))
    with pytest.raises(Unparsable, match="too_deep"):
        parse_json(b"[" * 100_000 + b"]" * 100_000, Input("a.json"))
    with pytest.raises(Unparsable, match="broken"):
        load_object(b"[]")
