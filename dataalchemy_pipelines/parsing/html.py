"""HTML to Markdown: headings, lists, tables, code and links stay; scripts, navigation and hidden text go."""

from __future__ import annotations

import re

from dataalchemy_pipelines.parsing.charset import decode, tidy
from dataalchemy_pipelines.parsing.markup import Element, name_of, parse_html
from dataalchemy_pipelines.parsing.moment import moment
from dataalchemy_pipelines.parsing.tree import DROPPED, Renderer
from dataalchemy_pipelines.parsing.verdict import Input, Parsed

_META_CHARSET = re.compile(rb"<meta[^>]{0,200}charset\s*=\s*[\"']?\s*([A-Za-z0-9_:.-]{1,40})", re.IGNORECASE)
_XML_CHARSET = re.compile(rb"^\s*<\?xml[^>]{0,100}encoding=[\"']([A-Za-z0-9_:.-]{1,40})")
_MARKED_BYTES = 4096
_WEB_NAMES = {"iso-8859-1": "cp1252", "latin1": "cp1252", "latin-1": "cp1252", "us-ascii": "cp1252", "ascii": "cp1252"}
_AUTHOR_META = ("author", "article:author", "dc.creator")
_CREATED_META = ("article:published_time", "dcterms.created", "date", "dc.date")
_UPDATED_META = ("article:modified_time", "dcterms.modified", "last-modified")


def parse_page(payload: bytes, record: Input) -> Parsed:
    """A web page, from its main part where it names one; title, author and dates from its head."""
    root = parse_html(tidy(_page_text(payload)))
    if root is None:
        return Parsed(text="")
    meta = _meta(root)
    renderer = Renderer()
    text = renderer.document(_content(root))
    title = next(root.iter("title"), None)
    heading = next(root.iter("h1"), None)
    return Parsed(
        text=text,
        title=_line(title) or meta.get("og:title", "") or _line(heading),
        authors=tuple(filter(None, [next((meta[name] for name in _AUTHOR_META if meta.get(name)), "")])),
        created_at=moment(next((meta[name] for name in _CREATED_META if name in meta), None)),
        updated_at=moment(next((meta[name] for name in _UPDATED_META if name in meta), None)),
        links=tuple(dict.fromkeys(renderer.links)),
    )


def render_html(text: str) -> tuple[str, tuple[str, ...]]:
    """A piece of HTML as (Markdown, links)."""
    root = parse_html(tidy(text)) if text.strip() else None
    if root is None:
        return "", ()
    renderer = Renderer()
    return renderer.document(root), tuple(dict.fromkeys(renderer.links))


def _page_text(payload: bytes) -> str:
    """The page's text by its own charset; pages that say Latin-1 mean Windows-1252 (WHATWG Encoding, 4.2)."""
    head = payload[:_MARKED_BYTES]
    found = _META_CHARSET.search(head) or _XML_CHARSET.search(head)
    name = found[1].decode("ascii").lower() if found else ""
    return decode(payload, "" if name.startswith(("utf-16", "utf-32")) else _WEB_NAMES.get(name, name))


def _content(root: Element) -> Element:
    """The one ``main`` or ``article`` where it holds over half of the page's letters; else the whole page."""
    for name in ("main", "article"):
        parts = list(root.iter(name))
        if len(parts) == 1 and 2 * _letters(parts[0]) > _letters(root):
            return parts[0]
    return root


def _letters(node: Element) -> int:
    shown = (below for below in node.iter() if name_of(below) not in DROPPED)
    return sum(len((below.text or "").strip()) + len((below.tail or "").strip()) for below in shown)


def _meta(root: Element) -> dict[str, str]:
    found: dict[str, str] = {}
    for node in root.iter("meta"):
        name = (node.get("name") or node.get("property") or "").lower()
        if name and node.get("content"):
            found.setdefault(name, " ".join(node.get("content").split()))
    return found


def _line(node: Element | None) -> str:
    if node is None or name_of(node) == "":
        return ""
    return " ".join("".join(node.itertext()).split())
