"""One walk over an HTML-like tree that writes Markdown; web pages, mail, books and wiki pages share it.

Emphasis is not written: a passage stays one that can be found word for word.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from dataalchemy_pipelines.parsing import markdown
from dataalchemy_pipelines.parsing.markup import Element, name_of

DROPPED = frozenset({
    "script", "style", "template", "noscript", "iframe", "svg", "head", "nav", "button", "select", "object",
    "embed", "canvas", "audio", "video", "map",
})  # fmt: skip
CONTAINERS = frozenset({
    "html", "body", "div", "p", "section", "article", "main", "header", "footer", "aside", "address", "figure",
    "figcaption", "form", "fieldset", "legend", "details", "summary", "center", "hgroup", "dialog", "noframes",
    "search", "td", "th", "tr", "tbody", "thead", "tfoot", "caption", "colgroup", "col", "li", "dt", "dd",
})  # fmt: skip
HEADINGS = frozenset({"h1", "h2", "h3", "h4", "h5", "h6"})
BLOCKS = CONTAINERS | HEADINGS | frozenset({"ul", "ol", "menu", "dir", "dl", "table", "pre", "blockquote", "hr"})
_CODE = frozenset({"code", "kbd", "samp", "tt"})
_HIDDEN_ROLES = frozenset({"navigation", "search", "menubar", "toolbar"})
_HIDDEN_STYLE = re.compile(
    r"(?:^|;)(?:display:none|visibility:hidden|font-size:0(?:px|pt|em|rem|%)?(?:;|!|$)|opacity:0(?:\.0*)?(?:;|!|$))"
)
_WHITE = re.compile(r"(?:^|;)color:(?:white|#fff(?:fff)?|rgb\(255,255,255\))(?:;|!|$)")
_SPACES = re.compile(r"[ \t\r\n\f\xa0]+")
_AROUND_BREAK = re.compile(r" *\n *")
_LANGUAGE = re.compile(r"(?:language|lang|brush)[-:]\s?([A-Za-z0-9+#_-]{1,20})")
_TABLE_PARTS = frozenset({"thead", "tbody", "tfoot", "tr"})
_TABLE_CELLS = frozenset({"td", "th", "caption", "colgroup", "col"})


class Renderer:
    """Writes the Markdown of a tree and collects the addresses that it links to.

    A subclass adds elements of its own: those for which ``is_own`` holds go to ``own_block``, others to ``inline_of``.
    """

    def __init__(self) -> None:
        self.links: list[str] = []
        self._tables = 0

    def document(self, root: Element) -> str:
        """The Markdown of everything under ``root``."""
        return markdown.join(self.blocks(root))

    def is_own(self, node: Element) -> bool:
        """Whether the subclass writes this element as blocks."""
        return False

    def own_block(self, node: Element) -> list[str]:
        """The blocks of an element that is the subclass's own."""
        return self.blocks(node)

    def inline_of(self, node: Element) -> str:
        """The inline text of one element, without what follows it."""
        name = name_of(node)
        if name == "br":
            return "\n"
        if name == "img":
            return _SPACES.sub(" ", node.get("alt") or "")
        if name == "input" or hidden(node):
            return ""
        if name in _CODE:
            return markdown.code("".join(node.itertext()))
        inner = self.inline(node)
        if name == "a":
            return self._link(inner, node.get("href") or "")
        return f'"{inner}"' if name == "q" else inner

    def inline(self, node: Element) -> str:
        """The text inside ``node`` with white space as HTML shows it; ``\\n`` only for a line break."""
        pieces = [_SPACES.sub(" ", node.text or "")]
        for child in node:
            pieces.append(child.text or "" if name_of(child) == "" else self.inline_of(child))
            pieces.append(_SPACES.sub(" ", child.tail or ""))
        return "".join(pieces)

    def blocks(self, node: Element) -> list[str]:
        """The blocks inside ``node``; text between them becomes paragraphs."""
        found: list[str] = []
        run = [_SPACES.sub(" ", node.text or "")]
        for child in node:
            if self._is_block(child):
                found += [_paragraph(run), *self.block(child)]
                run = []
            else:
                run.append(child.text or "" if name_of(child) == "" else self.inline_of(child))
            run.append(_SPACES.sub(" ", child.tail or ""))
        found.append(_paragraph(run))
        return [block for block in found if block]

    def block(self, node: Element) -> list[str]:
        """The blocks of one block element."""
        name = name_of(node)
        if hidden(node):
            return []
        if self.is_own(node):
            return self.own_block(node)
        if name in HEADINGS:
            return [markdown.heading(self.inline(node), int(name[1]))]
        if name in ("ul", "ol", "menu", "dir"):
            return [self._list(node)]
        if name == "table":
            return self._table(node)
        if name == "pre":
            return [markdown.fence(_preformatted(node).strip("\n"), _language(node))]
        if name == "blockquote":
            return [markdown.quote(markdown.join(self.blocks(node)))]
        return ["---"] if name == "hr" else self.blocks(node)

    def _is_block(self, node: Element) -> bool:
        name = name_of(node)
        if name == "" or name in _CODE:
            return False
        return any(name_of(below) in BLOCKS or self.is_own(below) for below in node.iter())

    def _link(self, inner: str, target: str) -> str:
        if target.startswith("#") or not target:
            return inner
        if target.lower().startswith(("http:", "https:", "mailto:", "ftp:")):
            self.links.append(target.strip())
        before, after = inner[: len(inner) - len(inner.lstrip())], inner[len(inner.rstrip()) :]
        text = inner.strip()
        return f"{before}{markdown.link(text, target)}{after}" if text else ""

    def _list(self, node: Element) -> str:
        items: list[str] = []
        start = node.get("start") or "1"
        number = int(start) if start.isdecimal() and len(start) < 9 else 1
        for child, inner in self._members(node):
            if items and (child is None or name_of(child) != "li"):  # between items: belongs to the one before
                items[-1] = "\n".join([items[-1], *(_indent(block) for block in inner)])
            elif inner:
                items.append(markdown.item(f"{number}." if name_of(node) == "ol" else "-", inner))
                number += 1
        return "\n".join(items)

    def _members(self, node: Element) -> Iterator[tuple[Element | None, list[str]]]:
        """The children of a list with their blocks; None stands for text between them."""
        yield None, self._text(node.text)
        for child in node:
            if name_of(child) and not hidden(child):
                yield child, self.blocks(child) if name_of(child) == "li" else self._stray(child)
            yield None, self._text(child.tail)

    def _text(self, text: str | None) -> list[str]:
        return list(filter(None, [_paragraph([_SPACES.sub(" ", text or "")])]))

    def _stray(self, node: Element) -> list[str]:
        return self.block(node) if self._is_block(node) else [_paragraph([self.inline_of(node)])]

    def _astray(self, node: Element) -> list[str]:
        """What stands in a table outside its cells; browsers show it before the table."""
        found = self._text(node.text)
        for child in node:
            if name_of(child) in _TABLE_PARTS:
                found += self._astray(child)
            elif name_of(child) not in _TABLE_CELLS:
                found += self._stray(child) if name_of(child) else self._text(child.text)
            found += self._text(child.tail)
        return [block for block in found if block]

    def _table(self, node: Element) -> list[str]:
        """A pipe table; one that only lays out a page (other tables in it and no header, or one column) as blocks."""
        captions = [self.inline(child).strip() for child in node if name_of(child) == "caption"] + self._astray(node)
        rows = [_cells(row) for row in _rows(node)]
        plain = all(name_of(cell) != "th" for row in rows for cell in row)
        if max(map(len, rows), default=0) < 2 or (plain and any(True for _ in node.iterdescendants("table"))):
            return captions + [block for row in rows for cell in row for block in self.blocks(cell)]
        self._tables += 1
        written = [[self._cell(cell) for cell in row] for row in rows]
        self._tables -= 1
        if self._tables:  # inside a cell, where no second pipe table can stand
            return [*captions, markdown.lines(written)]
        return [*captions, markdown.table(markdown.spread(written))]

    def _cell(self, cell: Element) -> markdown.Cell:
        return markdown.Cell(markdown.join(self.blocks(cell)), _span(cell, "colspan"), _span(cell, "rowspan"))


def hidden(node: Element) -> bool:
    """Whether a reader would not see this element: dropped by kind, by attribute, or by its own style.

    Invisible text is where instructions to a model hide; white text counts unless it sets a background.
    """
    if name_of(node) in DROPPED or node.get("hidden") is not None or node.get("role") in _HIDDEN_ROLES:
        return True
    style = _SPACES.sub("", node.get("style") or "").lower()
    if not style:
        return False
    if _HIDDEN_STYLE.search(style):
        return True
    return bool(_WHITE.search(style)) and not any(
        "background" in (above.get("style") or "") for above in (node, *node.iterancestors())
    )


def _paragraph(run: list[str]) -> str:
    return _AROUND_BREAK.sub("\n", re.sub(" +", " ", "".join(run))).strip()


def _indent(block: str) -> str:
    return "\n".join("  " + line for line in block.splitlines())


def _preformatted(node: Element) -> str:
    pieces = [node.text or ""]
    for child in node.iterchildren():
        pieces += ["\n" if name_of(child) == "br" else _preformatted(child), child.tail or ""]
    return "".join(pieces)


def _language(node: Element) -> str:
    classes = " ".join([node.get("class") or "", *(child.get("class") or "" for child in node.iter("code"))])
    match = _LANGUAGE.search(classes)
    return match[1] if match else ""


def _rows(table: Element) -> Iterator[Element]:
    for child in table:
        if name_of(child) == "tr":
            yield child
        elif name_of(child) in _TABLE_PARTS:
            yield from (row for row in child if name_of(row) == "tr")


def _cells(row: Element) -> list[Element]:
    return [cell for cell in row if name_of(cell) in ("td", "th") and not hidden(cell)]


def _span(cell: Element, name: str) -> int:
    value = cell.get(name) or "1"
    return int(value) if value.isdecimal() and len(value) < 6 else 1
