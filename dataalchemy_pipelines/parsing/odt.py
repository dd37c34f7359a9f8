"""OpenDocument text: headers and footers, body, lists, tables, notes and comments."""

from __future__ import annotations

from dataalchemy_pipelines.parsing import markdown
from dataalchemy_pipelines.parsing.archive import Archive
from dataalchemy_pipelines.parsing.markup import Element, attribute, name_of
from dataalchemy_pipelines.parsing.moment import moment
from dataalchemy_pipelines.parsing.verdict import Input, Parsed, Unparsable

_SKIPPED = frozenset(
    {"tracked-changes", "sequence-decls", "variable-decls", "user-field-decls", "forms", "creator", "date"}
)
_BLOCKS = frozenset({"p", "h", "list", "table", "section", "text-box", "frame", "index-body"})
_REGIONS = ("header", "footer", "header-first", "footer-first", "header-left", "footer-left")
_MAX_SPACES = 100


def parse_odt(payload: bytes, record: Input) -> Parsed:
    """All text of an OpenDocument text. Raises Unparsable: encrypted where its manifest says so."""
    archive = Archive(payload)
    manifest = archive.xml_or_none("META-INF/manifest.xml")
    if manifest is not None and any(True for _ in manifest.iter("{*}encryption-data")):
        raise Unparsable("encrypted")
    links: list[str] = []
    body = archive.xml("content.xml").find("{*}body")
    styles = archive.xml_or_none("styles.xml")
    edges = [] if styles is None else list(styles.iter(*(f"{{*}}{name}" for name in _REGIONS)))
    margins = list(dict.fromkeys(block for part in edges for block in _blocks(part, links)))
    meta = archive.xml_or_none("meta.xml")
    about = {} if meta is None else {name_of(node): (node.text or "").strip() for node in meta.iter()}
    return Parsed(
        text=markdown.join([*([] if body is None else _blocks(body, links)), *margins]),
        title=about.get("title", ""),
        authors=tuple(filter(None, [about.get("initial-creator") or about.get("creator", "")])),
        created_at=moment(about.get("creation-date")),
        updated_at=moment((about.get("date") or "")[:26]),
        links=tuple(dict.fromkeys(links)),
    )


def _blocks(node: Element, links: list[str]) -> list[str]:
    found: list[str] = []
    for child in node:
        name = name_of(child)
        if name in _SKIPPED or not name:
            continue
        if name in ("p", "h"):
            text = "".join(_words(child, links)).strip()
            level = attribute(child, "outline-level")
            depth = int(level) if level.isdecimal() and len(level) < 3 else 1
            found.append(markdown.heading(text, depth) if name == "h" else text)
            found += _anchored(child, links)
        elif name == "list":
            found.append(_list(child, links))
        elif name == "table":
            found += _table(child, links)
        else:
            found += _blocks(child, links)
    return [block for block in found if block]


def _list(node: Element, links: list[str]) -> str:
    items = (_blocks(child, links) for child in node if name_of(child) in ("list-item", "list-header"))
    return "\n".join(markdown.item("-", blocks) for blocks in items if blocks)


def _table(node: Element, links: list[str]) -> list[str]:
    rows = [["\n".join(_blocks(cell, links)) for cell in row if name_of(cell) == "table-cell"] for row in _rows(node)]
    if max(map(len, rows), default=0) < 2:
        return [cell for row in rows for cell in row]
    return [markdown.table(rows)]


def _rows(node: Element) -> list[Element]:
    rows: list[Element] = []
    for child in node:
        if name_of(child) == "table-row":
            rows.append(child)
        elif name_of(child) in ("table-header-rows", "table-rows", "table-row-group"):
            rows += _rows(child)
    return rows


def _words(node: Element, links: list[str]) -> list[str]:
    """The words of a paragraph; what is anchored in it is left to ``_anchored``."""
    pieces = [node.text or ""]
    for child in node:
        name = name_of(child)
        if name == "s":
            count = attribute(child, "c")
            pieces.append(" " * min(int(count) if count.isdecimal() and len(count) < 5 else 1, _MAX_SPACES))
        elif name in ("tab", "line-break"):
            pieces.append("\t" if name == "tab" else "\n")
        elif name and name not in _BLOCKS and name not in ("note", "annotation", "custom-shape"):
            if name == "a" and attribute(child, "href").startswith(("http:", "https:", "mailto:")):
                links.append(attribute(child, "href"))
            pieces += _words(child, links)
        pieces.append(child.tail or "")
    return pieces


def _anchored(paragraph: Element, links: list[str]) -> list[str]:
    """Text boxes, notes and comments that hang on a paragraph."""
    found: list[str] = []
    for child in paragraph:
        name = name_of(child)
        if name in ("frame", "custom-shape"):
            found += _blocks(child, links)
        elif name in ("note", "annotation"):
            body = "\n".join(_blocks(child, links))
            found.append(f"[{'note' if name == 'note' else 'comment'}] {body}" if body else "")
        elif name:
            found += _anchored(child, links)
    return found
