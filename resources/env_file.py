"""`.env` as Docker Compose reads it: quotes, `export`, comments, CRLF, and `${NAME}` replaced but in single quotes."""

from __future__ import annotations

import re
from io import StringIO
from pathlib import Path

from dotenv import dotenv_values
from dotenv.parser import Binding, parse_stream

from resources.errors import Misconfigured

_SINGLE_QUOTED = re.compile(r"^\s*(export\s+)?[^=]+=\s*'")


def read_env_file(path: Path) -> dict[str, str]:
    """Key -> value of those that have one; {} where there is no file. Raises Misconfigured."""
    text = _text(path)
    found = {name: value for name, value in dotenv_values(stream=StringIO(text)).items() if value}
    return {**found, **_literal(_bindings(text))}


def unread(path: Path, names: tuple[str, ...]) -> list[str]:
    """Those of ``names`` that stand in a line that is no setting, such as one whose quote never ends."""
    broken = " ".join(binding.original.string for binding in _bindings(_text(path)) if binding.error)
    return [name for name in names if re.search(rf"\b{name}\b", broken)]


def _text(path: Path) -> str:
    if not path.is_file():
        return ""
    try:
        return path.read_text(encoding="utf-8-sig")
    except (OSError, UnicodeDecodeError):
        raise Misconfigured(
            "The settings file cannot be read", subject=str(path), fix="Make it readable UTF-8 text."
        ) from None


def _bindings(text: str) -> list[Binding]:
    return list(parse_stream(StringIO(text)))


def _literal(bindings: list[Binding]) -> dict[str, str]:
    """The values in single quotes, which are meant as they stand; a later line of the same key counts instead."""
    found: dict[str, str] = {}
    for binding in bindings:
        if binding.key is None:
            continue
        found.pop(binding.key, None)
        if binding.value and _SINGLE_QUOTED.match(binding.original.string):
            found[binding.key] = binding.value
    return found
