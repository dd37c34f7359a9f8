"""Word documents: body, tables, text boxes, headers, footers, notes and comments, in that order."""

from __future__ import annotations

import re
from collections.abc import Iterator

from dataalchemy_pipelines.parsing import markdown
from dataalchemy_pipelines.parsing.archive import Archive
from dataalchemy_pipelines.parsing.markup import Element, attribute, name_of
from dataalchemy_pipelines.parsing.office import main_part, properties, relations
from dataalchemy_pipelines.parsing.verdict import Input, Parsed

# Text of another edition (deleted, moved away, the fallback of a drawing) and what is no text at all.
_SKIPPED = frozenset(
    {"del", "moveFrom", "Fallback", "instrText", "delText", "rPr", "pPr", "tblPr", "trPr", "tcPr", "sectPr"}
)
_CHARACTERS = {"tab": "\t", "br": "\n", "cr": "\n", "noBreakHyphen": "-", "softHyphen": "", "ptab": "\t"}
_HEADING = re.compile(r"heading ?([1-6])$", re.IGNORECASE)
_NOTES = ("footnotes", "endnotes")
_OFF = ("0", "false", "off")


def parse_docx(payload: bytes, record: Input) -> Parsed:
    """All text of a Word document, and its core properties. Raises Unparsable."""
    archive = Archive(payload)
    part = main_part(archive, "word/document.xml")
    reader = _Reader(archive, part)
    about = properties(archive)
    return Parsed(
        text=markdown.join(reader.document()),
        title=about.title or reader.title,
        authors=about.authors,
        created_at=about.created_at,
        updated_at=about.updated_at,
        links=tuple(dict.fromkeys(reader.links)),
    )


class _Reader:
    """Walks the parts of one document; knows its styles and its bullet lists."""

    def __init__(self, archive: Archive, part: str) -> None:
        self._archive, self._part = archive, part
        self._relations = relations(archive, part)
        self._levels, self._list_styles = self._read_styles()
        self._bullets = self._read_bullets()
        self.links: list[str] = []
        self.title = ""

    def document(self) -> list[str]:
        """Every block of the document: headers, body, footers, notes, comments."""
        root = self._archive.xml(self._part)
        body = self.blocks(root)
        for node in root.iter("{*}hyperlink"):
            relation = self._relations.get(attribute(node, "id"))
            if relation is not None and relation.target.lower().startswith(("http:", "https:", "mailto:", "ftp:")):
                self.links.append(relation.target)
        notes = [block for kind in _NOTES for block in self._notes(kind)]
        return [*self._parts("header"), *body, *self._parts("footer"), *notes, *self._comments()]

    def blocks(self, node: Element) -> list[str]:
        """Paragraphs and tables under ``node`` in reading order; neighbouring list items stand together."""
        found: list[str] = []
        in_list = False
        for child in node:
            name = name_of(child)
            if name == "p":
                text, is_item = self._paragraph(child)
                if is_item and in_list and text:
                    found[-1] += "\n" + text
                elif text:
                    found.append(text)
                in_list = is_item if text else in_list
                boxes = self._boxes(child)
                found += boxes
                in_list = in_list and not boxes
            elif name and name not in _SKIPPED:
                inner = self._table(child) if name == "tbl" else self.blocks(child)
                found += inner
                in_list = in_list and not inner
        return found

    def _paragraph(self, node: Element) -> tuple[str, bool]:
        text = "".join(_runs(node)).strip()
        settings = node.find("{*}pPr")
        if not text or settings is None:
            return text, False
        style = _value(settings, "pStyle")
        level = self._levels.get(style)
        if level is not None:
            self.title = self.title or (" ".join(text.split()) if level == 1 else "")
            return markdown.heading(text, level), False
        numbered = settings.find("{*}numPr")
        number = _value(numbered, "numId") if numbered is not None else ""
        number = number or self._list_styles.get(style, "")
        if number in ("", "0"):
            return text, False
        depth = _value(numbered, "ilvl") if numbered is not None else ""
        depth = depth if depth.isdecimal() and len(depth) == 1 else "0"
        marker = "-" if (number, depth) in self._bullets else "1."
        indent = "   " * int(depth)
        return indent + markdown.item(marker, [text]).replace("\n", "\n" + indent), True

    def _boxes(self, paragraph: Element) -> list[str]:
        """Text boxes anchored in a paragraph; each is there twice, and the fallback is left out."""
        boxes = (box for box in paragraph.iter("{*}txbxContent") if not _is_skipped(box, paragraph))
        return [block for box in boxes for block in self.blocks(box)]

    def _table(self, node: Element) -> list[str]:
        rows = []
        for row in _inside(node, "tr"):
            cells = ["\n".join(self.blocks(cell)) for cell in _inside(row, "tc")]
            rows.append(cells)
        if max(map(len, rows), default=0) < 2:
            return [cell for row in rows for cell in row if cell]
        return [block for block in [markdown.table(rows)] if block]

    def _parts(self, kind: str) -> list[str]:
        """Blocks of all headers or footers; the same one on many sections is said once."""
        targets = [relation.target for relation in self._relations.values() if relation.kind == kind]
        texts = [markdown.join(self.blocks(self._archive.xml(target))) for target in dict.fromkeys(targets)]
        return list(dict.fromkeys(filter(None, texts)))

    def _notes(self, kind: str) -> Iterator[str]:
        for relation in self._relations.values():
            if relation.kind == kind:
                for note in self._archive.xml(relation.target):
                    text = "\n".join(self.blocks(note))
                    if text:
                        yield f"[{kind.removesuffix('s')} {attribute(note, 'id')}] {text}"

    def _comments(self) -> Iterator[str]:
        for relation in self._relations.values():
            if relation.kind == "comments":
                for note in self._archive.xml(relation.target):
                    text = "\n".join(self.blocks(note))
                    author = attribute(note, "author")
                    if text:
                        yield f"Comment by {author}: {text}" if author else f"Comment: {text}"

    def _read_styles(self) -> tuple[dict[str, int], dict[str, str]]:
        """(heading level of each heading style, list number of each list style), both by style id."""
        levels: dict[str, int] = {}
        lists: dict[str, str] = {}
        for style in self._related("styles"):
            identity = attribute(style, "styleId")
            name = _value(style, "name")
            match = _HEADING.match(name)
            if match is not None or name.lower() == "title":
                levels[identity] = int(match[1]) if match is not None else 1
            number = style.find("{*}pPr/{*}numPr/{*}numId")
            if number is not None:
                lists[identity] = attribute(number, "val")
        return levels, lists

    def _read_bullets(self) -> frozenset[tuple[str, str]]:
        """(list number, level) of the levels that have bullets."""
        parts = self._related("numbering")
        kinds = {
            (attribute(abstract, "abstractNumId"), attribute(level, "ilvl"))
            for abstract in parts
            for level in abstract.iterchildren("{*}lvl")
            if _value(level, "numFmt") == "bullet"
        }
        return frozenset(
            (attribute(number, "numId"), level)
            for number in parts
            if name_of(number) == "num"
            for abstract, level in kinds
            if abstract == _value(number, "abstractNumId")
        )

    def _related(self, kind: str) -> list[Element]:
        targets = (relation.target for relation in self._relations.values() if relation.kind == kind)
        return [child for target in targets if target in self._archive.names for child in self._archive.xml(target)]


def _runs(node: Element) -> Iterator[str]:
    """The visible text of a paragraph, without that of the text boxes in it."""
    for child in node:
        name = name_of(child)
        if name == "t":
            yield child.text or ""
        elif name in _CHARACTERS:
            yield _CHARACTERS[name]
        elif name == "sym":
            code = attribute(child, "char")
            yield chr(int(code, 16)) if re.fullmatch("[0-9A-Fa-f]{4}", code) else ""
        elif name and name != "txbxContent" and name not in _SKIPPED and not (name == "r" and _vanishes(child)):
            yield from _runs(child)


def _vanishes(run: Element) -> bool:
    vanish = run.find("{*}rPr/{*}vanish")
    return vanish is not None and attribute(vanish, "val") not in _OFF


def _inside(node: Element, name: str) -> Iterator[Element]:
    """The rows of a table or the cells of a row, also those inside content controls and insertions."""
    for child in node:
        if name_of(child) == name:
            yield child
        elif name_of(child) in ("sdt", "sdtContent", "ins", "customXml", "moveTo"):
            yield from _inside(child, name)


def _value(node: Element, name: str) -> str:
    child = node.find(f"{{*}}{name}")
    return attribute(child, "val") if child is not None else ""


def _is_skipped(node: Element, top: Element) -> bool:
    for above in node.iterancestors():
        if above is top:
            return False
        if name_of(above) in _SKIPPED or name_of(above) == "txbxContent":
            return True  # a fallback, or a box in a box, which its own paragraph writes
    return False
