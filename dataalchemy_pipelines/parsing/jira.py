"""Jira issues as REST v2 (wiki markup) and v3 (ADF) give them; everything stands under ``fields``."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from dataalchemy_pipelines.parsing import markdown
from dataalchemy_pipelines.parsing.adf import render_adf
from dataalchemy_pipelines.parsing.json_text import load_object
from dataalchemy_pipelines.parsing.moment import moment
from dataalchemy_pipelines.parsing.verdict import Input, Parsed, Unparsable
from dataalchemy_pipelines.parsing.wiki_markup import render_wiki

Fields = Mapping[str, Any]
_NAMED = (
    ("Project", "project"),
    ("Type", "issuetype"),
    ("Status", "status"),
    ("Resolution", "resolution"),
    ("Priority", "priority"),
    ("Components", "components"),
    ("Affects versions", "versions"),
    ("Fix versions", "fixVersions"),
    ("Labels", "labels"),
)


def parse_jira(payload: bytes, record: Input) -> Parsed:
    """One issue: summary as title, key fields, description, comments in order. Raises Unparsable(broken).

    A description that is null or absent is fine: the fields are text. Comments that the export left out are counted.
    """
    issue = load_object(payload)
    fields = issue.get("fields")
    if not isinstance(fields, dict):
        raise Unparsable("broken")
    links: list[str] = []
    comments = _comments(fields)
    blocks = [_facts(str(issue.get("key") or ""), fields)]
    for title, value in _rich_fields(issue, fields):
        text = _rich(value, links)
        blocks += [markdown.heading(title, 2), text] if text else []
    blocks += ["## Comments"] if comments else []
    for comment in comments:
        by = ", ".join(filter(None, [_name(comment.get("author")), str(comment.get("created") or "")[:10]]))
        blocks += [markdown.heading(by, 3), _rich(comment.get("body"), links)]
    blocks.append(_missing(fields, len(comments)))
    people = [fields.get("reporter"), fields.get("creator"), *(comment.get("author") for comment in comments)]
    return Parsed(
        text=markdown.join(blocks),
        title=" ".join(str(fields.get("summary") or "").split()),
        authors=tuple(dict.fromkeys(filter(None, map(_name, people)))),
        created_at=moment(fields.get("created")),
        updated_at=moment(fields.get("updated")),
        links=tuple(dict.fromkeys(links)),
    )


def _facts(key: str, fields: Fields) -> str:
    """The short fields as a list, the ones that are set."""
    facts = [("Key", key), *((label, _names(fields.get(name))) for label, name in _NAMED)]
    facts.append(("Parent", _issue(fields.get("parent"))))
    for link in _objects(fields.get("issuelinks")):
        kind = link.get("type") or {}
        for side, word in (("outwardIssue", "outward"), ("inwardIssue", "inward")):
            facts.append((str(kind.get(word) or "relates to").capitalize(), _issue(link.get(side))))
    facts.append(
        ("Attachments", ", ".join(str(file.get("filename") or "") for file in _objects(fields.get("attachment"))))
    )
    return "\n".join(f"- {label}: {value}" for label, value in facts if value)


def _rich_fields(issue: Fields, fields: Fields) -> list[tuple[str, object]]:
    """(title, value) of the long texts: description, environment, and custom fields that hold sentences."""
    names = issue.get("names")
    titles = names if isinstance(names, dict) else {}
    custom = [
        (str(titles.get(key) or key), value)
        for key, value in fields.items()
        if key.startswith("customfield_") and (_is_adf(value) or (isinstance(value, str) and " " in value.strip()))
    ]
    return [("Description", fields.get("description")), ("Environment", fields.get("environment")), *custom]


def _rich(value: object, links: list[str]) -> str:
    """Wiki markup or ADF as Markdown."""
    if isinstance(value, dict):
        text, found = render_adf(value)
    elif isinstance(value, str):
        text, found = render_wiki(value)
    else:
        return ""
    links += found
    return text


def _is_adf(value: object) -> bool:
    return isinstance(value, dict) and value.get("type") == "doc"


def _comments(fields: Fields) -> list[Fields]:
    """The comments in the order in which they were written."""
    holder = fields.get("comment")
    found = _objects(holder.get("comments") if isinstance(holder, dict) else holder)
    return sorted(found, key=lambda comment: str(comment.get("created") or ""))


def _missing(fields: Fields, given: int) -> str:
    holder = fields.get("comment")
    total = holder.get("total") if isinstance(holder, dict) else None
    return f"{given} of {total} comments are in the export." if isinstance(total, int) and total > given else ""


def _issue(value: object) -> str:
    if not isinstance(value, dict) or not value.get("key"):
        return ""
    inner = value.get("fields")
    summary = inner.get("summary") if isinstance(inner, dict) else ""
    return f"{value['key']}: {summary}" if summary else str(value["key"])


def _names(value: object) -> str:
    if isinstance(value, list):
        return ", ".join(filter(None, map(_names, value)))
    if isinstance(value, dict):
        return str(value.get("name") or value.get("value") or "")
    return value if isinstance(value, str) else ""


def _name(person: object) -> str:
    return str(person.get("displayName") or person.get("name") or "") if isinstance(person, dict) else ""


def _objects(value: object) -> Sequence[Fields]:
    return [item for item in value if isinstance(item, dict)] if isinstance(value, list) else []
