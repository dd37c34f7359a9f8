"""JSON that is nobody's export: one block of readable text. Other parsers load their objects from here."""

from __future__ import annotations

import json
from typing import Any

from dataalchemy_pipelines.parsing.charset import decode, tidy
from dataalchemy_pipelines.parsing.markdown import fence
from dataalchemy_pipelines.parsing.verdict import Input, Parsed, Unparsable


def load_json(payload: bytes) -> Any:
    """The value that the bytes hold. Raises Unparsable: broken, too_deep."""
    return _load(tidy(decode(payload)))


def load_object(payload: bytes) -> dict[str, Any]:
    """The object that the bytes hold. Raises Unparsable: broken where it is another value."""
    value = load_json(payload)
    if not isinstance(value, dict):
        raise Unparsable("broken")
    return value


def parse_json(payload: bytes, record: Input) -> Parsed:
    """One JSON value, indented, with letters instead of escapes; nothing in it is guessed to be a document."""
    value = load_json(payload)
    blank = value in ({}, [], "", None)
    return Parsed(text="" if blank else fence(_readable(value), "json"))


def parse_json_lines(payload: bytes, record: Input) -> Parsed:
    """One JSON value a line, each indented; one line that is not JSON breaks the file."""
    values = [_load(line) for line in tidy(decode(payload)).split("\n") if line.strip()]
    return Parsed(text=fence("\n".join(map(_readable, values)), "json") if values else "")


def _load(text: str) -> Any:
    try:
        return json.loads(text)
    except RecursionError as error:
        raise Unparsable("too_deep") from error
    except ValueError as error:
        raise Unparsable("broken") from error


def _readable(value: object) -> str:
    return json.dumps(value, ensure_ascii=False, indent=2)
