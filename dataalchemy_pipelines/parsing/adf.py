"""Atlassian Document Format (Jira v3, Confluence v2) to Markdown. Source: the ADF schema, version 1."""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from dataalchemy_pipelines.parsing import markdown

_SPACES = re.compile("[ \xa0]+")
Node = Mapping[str, Any]
_INLINE = frozenset({
    "text", "hardBreak", "mention", "emoji", "date",
    "status", "inlineCard", "inlineExtension", "placeholder", "mediaInline",
})  # fmt: skip
_LISTS = frozenset({"bulletList", "orderedList", "taskList", "decisionList"})


def render_adf(document: Node) -> tuple[str, tuple[str, ...]]:
    """The Markdown of an ADF document and the addresses it links to. Unknown nodes give what is inside them."""
    writer = _Writer()
    return markdown.join(writer.blocks(document)), tuple(dict.fromkeys(writer.links))


class _Writer:
    def __init__(self) -> None:
        self.links: list[str] = []
        self._tables = 0

    def blocks(self, node: Node) -> list[str]:
        """The blocks inside a node; inline nodes that stand next to blocks become a paragraph."""
        found: list[str] = []
        run: list[str] = []
        for child in _children(node):
            if child.get("type") in _INLINE:
                run.append(self.inline_of(child))
            else:
                found += ["".join(run).strip(), *self.block(child)]
                run = []
        found.append("".join(run).strip())
        return [block for block in found if block]

    def block(self, node: Node) -> list[str]:
        """The blocks of one block node."""
        kind, attrs = node.get("type"), _attrs(node)
        if kind in ("paragraph", "caption"):
            return [self.inline(node).strip()]
        if kind == "heading":
            level = attrs.get("level")
            return [markdown.heading(self.inline(node), level if isinstance(level, int) else 1)]
        if kind in _LISTS:
            return [self._list(node)]
        if kind == "codeBlock":
            text = "".join(str(child.get("text", "")) for child in _children(node))
            return [markdown.fence(text, str(attrs.get("language") or ""))]
        if kind == "blockquote":
            return [markdown.quote(markdown.join(self.blocks(node)))]
        if kind == "rule":
            return ["---"]
        if kind == "table":
            return [self._table(node)]
        if kind in ("blockCard", "embedCard"):
            return [self._card(attrs)]
        if kind == "media":
            return [str(attrs.get("alt") or "")]
        return [str(attrs.get("title") or attrs.get("text") or ""), *self.blocks(node)]

    def inline(self, node: Node) -> str:
        """The inline text inside a node."""
        return _SPACES.sub(" ", "".join(self.inline_of(child) for child in _children(node)))

    def inline_of(self, node: Node) -> str:
        """The text of one inline node."""
        kind, attrs = node.get("type"), _attrs(node)
        if kind == "text":
            return self._text(node)
        if kind == "hardBreak":
            return "\n"
        if kind == "emoji":
            return str(attrs.get("text") or attrs.get("shortName") or "")
        if kind == "date":
            return _day(attrs.get("timestamp"))
        if kind in ("inlineCard", "blockCard"):
            return self._card(attrs)
        return str(attrs.get("text") or attrs.get("alt") or "") or self.inline(node)

    def _text(self, node: Node) -> str:
        text = str(node.get("text", ""))
        marks = {mark.get("type"): mark for mark in node.get("marks") or () if isinstance(mark, Mapping)}
        if "code" in marks:
            text = markdown.code(text)
        target = str(_attrs(marks.get("link", {})).get("href") or "")
        if not target or not text.strip() or target.startswith("#"):
            return text
        self.links.append(target)
        before, after = text[: len(text) - len(text.lstrip())], text[len(text.rstrip()) :]
        return before + markdown.link(text, target) + after

    def _card(self, attrs: Node) -> str:
        target = str(attrs.get("url") or "")
        if target:
            self.links.append(target)
        return markdown.link("", target)

    def _list(self, node: Node) -> str:
        first = _attrs(node).get("order")
        number = first if isinstance(first, int) else 1
        items: list[str] = []
        for child in _children(node):
            if child.get("type") in _LISTS:
                items.append("\n".join("  " + line for line in self._list(child).splitlines()))
                continue
            marker = f"{number}." if node.get("type") == "orderedList" else "-"
            state = {"DONE": "[x] ", "TODO": "[ ] "}.get(str(_attrs(child).get("state")), "")
            inner = self.blocks(child)
            if inner:
                items.append(markdown.item(marker, [state + inner[0], *inner[1:]]))
            number += 1
        return "\n".join(items)

    def _table(self, node: Node) -> str:
        self._tables += 1
        rows = [[self._cell(cell) for cell in _children(row)] for row in _children(node)]
        self._tables -= 1
        return markdown.lines(rows) if self._tables else markdown.table(markdown.spread(rows))

    def _cell(self, node: Node) -> markdown.Cell:
        columns, rows = (_attrs(node).get(name) for name in ("colspan", "rowspan"))
        text = markdown.join(self.blocks(node))
        return markdown.Cell(text, columns if isinstance(columns, int) else 1, rows if isinstance(rows, int) else 1)


def _children(node: Node) -> list[Node]:
    content = node.get("content")
    return [child for child in content if isinstance(child, Mapping)] if isinstance(content, list) else []


def _attrs(node: Node) -> Node:
    attrs = node.get("attrs")
    return attrs if isinstance(attrs, Mapping) else {}


def _day(timestamp: object) -> str:
    try:
        return datetime.fromtimestamp(int(str(timestamp)) / 1000, UTC).date().isoformat()
    except (ValueError, OverflowError, OSError):
        return ""
