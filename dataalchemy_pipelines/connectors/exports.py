"""Recognises exports of Jira, Confluence and GitHub by their shape, and takes them apart."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any

_LISTS = ("issues", "results", "items", "values")


@dataclass(frozen=True)
class Item:
    """One item of an export: its key there, what it is, and its own JSON; None where it was too large to read."""

    key: str
    kind: str
    payload: bytes | None


def items_of(payload: bytes) -> list[Item]:
    """The items of an export: one object, a page of them, or a bare list; [] for a file that is no export.

    A page with something else among its items is no export: it stays one file, so that nothing in it is lost.
    """
    try:
        value = json.loads(payload)
    except (ValueError, RecursionError):  # UnicodeDecodeError is a ValueError; parsing will say what is wrong
        return []
    kind, key = kind_of(value)
    if kind:
        return [Item(key, kind, payload)]
    members = _members(value)
    kinds = [kind_of(member) for member in members]
    if not all(kind for kind, _ in kinds):
        return []
    return [Item(key, kind, _dump(member)) for (kind, key), member in zip(kinds, members, strict=True)]


def kind_of(value: object) -> tuple[str, str]:
    """(kind, key) of one item, or ("", "")."""
    if not isinstance(value, dict):
        return "", ""
    if isinstance(value.get("key"), str) and isinstance(value.get("fields"), dict):
        return "jira_issue", value["key"]
    if "title" in value and isinstance(value.get("body"), dict) and isinstance(value.get("id"), str | int):
        return "confluence_page", str(value["id"])
    if isinstance(value.get("number"), int) and "title" in value and isinstance(value.get("user", ""), dict | None):
        is_pull = "pull_request" in value or ("head" in value and "base" in value)
        return "github_pull" if is_pull else "github_issue", str(value["number"])
    return "", ""


def _members(value: object) -> list[Any]:
    if isinstance(value, dict):
        value = next((value[name] for name in _LISTS if isinstance(value.get(name), list)), None)
    return value if isinstance(value, list) else []


def _dump(value: object) -> bytes:
    """The canonical bytes of one member: the same item gives the same bytes, wherever it stood."""
    return json.dumps(value, ensure_ascii=True, sort_keys=True, separators=(",", ":")).encode()
