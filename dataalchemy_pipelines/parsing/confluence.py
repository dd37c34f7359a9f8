"""Confluence pages as REST v1 and v2 give them: storage XHTML with macros, ADF, or rendered HTML."""

from __future__ import annotations

import re
from collections.abc import Mapping
from html.entities import html5
from typing import Any

from dataalchemy_pipelines.parsing import markdown
from dataalchemy_pipelines.parsing.adf import render_adf
from dataalchemy_pipelines.parsing.html import render_html
from dataalchemy_pipelines.parsing.json_text import load_json, load_object
from dataalchemy_pipelines.parsing.markup import Element, attribute, name_of, parse_xml
from dataalchemy_pipelines.parsing.moment import moment
from dataalchemy_pipelines.parsing.tree import Renderer
from dataalchemy_pipelines.parsing.verdict import Input, Parsed, Unparsable

_XML_OWN = frozenset({"amp", "lt", "gt", "quot", "apos"})
_ENTITY = re.compile(r"<!\[CDATA\[.*?\]\]>|&([A-Za-z][A-Za-z0-9]{1,31};)", re.DOTALL)
_ROOT = '<page xmlns:ac="urn:ac" xmlns:ri="urn:ri" xmlns:at="urn:at">{}</page>'
_RENDERED = ("export_view", "view", "styled_view", "editor")
_OWN = frozenset({"task-list", "layout", "layout-section", "layout-cell", "rich-text-body", "adf-extension", "image"})
_BODIES = ("rich-text-body", "plain-text-body")
_SILENT = frozenset({"parameter", "placeholder", "task-id", "adf-mark", "adf-node", "adf-fragment-mark"})


def parse_confluence(payload: bytes, record: Input) -> Parsed:
    """One page of REST v1 or v2. Raises Unparsable: broken where the body is not well-formed, too_deep."""
    page = load_object(payload)
    text, links = _body(page.get("body"))
    version, history = _object(page.get("version")), _object(page.get("history"))
    people = (_object(history.get("createdBy")), _object(version.get("by")))
    return Parsed(
        text=text,
        title=" ".join(str(page.get("title") or "").split()),
        authors=tuple(dict.fromkeys(str(one["displayName"]) for one in people if one.get("displayName"))),
        created_at=moment(history.get("createdDate") or page.get("createdAt")),
        updated_at=moment(version.get("when") or version.get("createdAt")),
        links=links,
    )


def render_storage(storage: str) -> tuple[str, tuple[str, ...]]:
    """The Markdown of a page in storage format, and its links. Raises Unparsable."""
    root = parse_xml(_ROOT.format(_ENTITY.sub(_character, storage)).encode("utf-8", "replace"))
    renderer = _StorageRenderer()
    return renderer.document(root), tuple(dict.fromkeys(renderer.links))


def _body(body: object) -> tuple[str, tuple[str, ...]]:
    """The page's text from the richest of its representations."""
    values = {name: _object(part).get("value") for name, part in _object(body).items()}
    if isinstance(values.get("storage"), str):
        return render_storage(str(values["storage"]))
    if isinstance(values.get("atlas_doc_format"), str):
        document = load_json(str(values["atlas_doc_format"]).encode("utf-8", "replace"))
        return render_adf(_object(document))
    rendered = next((str(values[name]) for name in _RENDERED if isinstance(values.get(name), str)), None)
    if rendered is not None:
        return render_html(rendered)
    if isinstance(body, str):
        return render_storage(body)
    raise Unparsable("no_text")


class _StorageRenderer(Renderer):
    """HTML's elements, and those of the ``ac`` and ``ri`` namespaces."""

    def is_own(self, node: Element) -> bool:
        """Macros with a body, layouts, task lists and images are blocks; macros without one are words."""
        name = name_of(node)
        if name in ("structured-macro", "macro"):
            return any(name_of(child) in _BODIES for child in node)
        return name in _OWN

    def own_block(self, node: Element) -> list[str]:
        """The blocks of a macro, a layout, a task list or an image."""
        name = name_of(node)
        if name in ("structured-macro", "macro"):
            return self._macro(node)
        if name == "task-list":
            return ["\n".join(filter(None, map(self._task, node)))]
        if name == "adf-extension":
            return [block for part in node if name_of(part) == "adf-fallback" for block in self.blocks(part)]
        if name == "image":
            captions = [block for part in node if name_of(part) == "caption" for block in self.blocks(part)]
            return list(filter(None, [attribute(node, "alt"), *captions]))
        return self.blocks(node)

    def inline_of(self, node: Element) -> str:
        """The words of one element inside a paragraph."""
        name = name_of(node)
        if name in _SILENT:
            return ""
        if name in ("structured-macro", "macro"):
            return _words(node)
        if name == "link":
            return self._page_link(node)
        if name == "emoticon":
            return attribute(node, "emoji-fallback") or f":{attribute(node, 'name')}:"
        if name == "time":
            return node.get("datetime") or self.inline(node)
        return super().inline_of(node)

    def _macro(self, node: Element) -> list[str]:
        title = _parameter(node, "title")
        for part in node:
            if name_of(part) == "plain-text-body":
                code = "".join(part.itertext()).strip("\n")
                return [title, markdown.fence(code, _parameter(node, "language"))] if code.strip() else [title]
            if name_of(part) == "rich-text-body":
                return [title, *self.blocks(part)]
        return [title]

    def _task(self, node: Element) -> str:
        status = "".join(node.itertext("{*}task-status")).strip()
        inner = [block for part in node if name_of(part) == "task-body" for block in self.blocks(part)]
        mark = "[x]" if status == "complete" else "[ ]"
        return markdown.item("-", [f"{mark} {inner[0]}", *inner[1:]]) if inner else ""

    def _page_link(self, node: Element) -> str:
        """A link to a page, a file or a person: its own words, else the name of what it points to."""
        for part in node:
            if name_of(part) == "link-body":
                return self.inline(part)
            if name_of(part) == "plain-text-link-body":
                return "".join(part.itertext())
        target = next(
            (part for part in node if name_of(part) in ("page", "attachment", "user", "blog-post", "space")), None
        )
        if target is None:
            return ""
        if name_of(target) == "user":
            return "@" + (
                attribute(target, "username") or attribute(target, "account-id") or attribute(target, "userkey")
            )
        return attribute(target, "content-title") or attribute(target, "filename") or attribute(target, "space-key")


def _words(macro: Element) -> str:
    """What a macro without a body shows: a status, an issue's key, the title of an included page."""
    name = attribute(macro, "name")
    if name == "status":
        return _parameter(macro, "title")
    if name == "jira":
        return _parameter(macro, "key") or _parameter(macro, "jqlQuery")
    if name in ("include", "excerpt-include"):
        return next((f"[{attribute(page, 'content-title')}]" for page in macro.iter("{*}page")), "")
    return ""


def _parameter(macro: Element, name: str) -> str:
    for child in macro:
        if name_of(child) == "parameter" and attribute(child, "name") == name:
            return " ".join("".join(child.itertext()).split())
    return ""


def _character(match: re.Match[str]) -> str:
    """HTML's named characters, which XML does not know; those in CDATA are text as they stand."""
    name = match[1]
    return match[0] if name is None or name[:-1] in _XML_OWN else html5.get(name, match[0])


def _object(value: object) -> Mapping[str, Any]:
    return value if isinstance(value, dict) else {}
