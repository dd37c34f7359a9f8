"""GitHub issues and pull requests as the REST API gives them; their bodies are Markdown already."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from dataalchemy_pipelines.parsing import markdown
from dataalchemy_pipelines.parsing.charset import tidy
from dataalchemy_pipelines.parsing.json_text import load_object
from dataalchemy_pipelines.parsing.moment import moment
from dataalchemy_pipelines.parsing.verdict import Input, Parsed, Unparsable


def parse_github(payload: bytes, record: Input) -> Parsed:
    """One issue or pull request: key fields, body, and the comments where the object carries them as a list."""
    item = load_object(payload)
    if "number" not in item:
        raise Unparsable("broken")
    comments = item.get("comments")
    comments = [one for one in comments if isinstance(one, dict)] if isinstance(comments, list) else []
    blocks = [_facts(item), tidy(str(item.get("body") or ""))]
    blocks += ["## Comments"] if comments else []
    for comment in comments:
        by = ", ".join(filter(None, [_login(comment), str(comment.get("created_at") or "")[:10]]))
        blocks += [markdown.heading(by, 3), tidy(str(comment.get("body") or ""))]
    return Parsed(
        text=markdown.join(blocks),
        title=" ".join(str(item.get("title") or "").split()),
        authors=tuple(dict.fromkeys(filter(None, map(_login, [item, *comments])))),
        created_at=moment(item.get("created_at")),
        updated_at=moment(item.get("updated_at")),
    )


def _facts(item: Mapping[str, Any]) -> str:
    labels = item.get("labels")
    milestone = item.get("milestone")
    facts = (
        ("Number", str(item["number"])),
        ("State", "merged" if item.get("merged_at") else str(item.get("state") or "")),
        ("Labels", ", ".join(_named(label) for label in labels) if isinstance(labels, list) else ""),
        ("Milestone", str(milestone.get("title") or "") if isinstance(milestone, dict) else ""),
        ("From", _branch(item.get("head"))),
        ("Into", _branch(item.get("base"))),
    )
    return "\n".join(f"- {label}: {value}" for label, value in facts if value)


def _named(label: object) -> str:
    return str(label.get("name") or "") if isinstance(label, dict) else str(label)


def _branch(value: object) -> str:
    return str(value.get("ref") or "") if isinstance(value, dict) else ""


def _login(item: Mapping[str, Any]) -> str:
    user = item.get("user")
    return str(user.get("login") or "") if isinstance(user, dict) else ""
