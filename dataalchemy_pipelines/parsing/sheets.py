"""Excel: every sheet as a table, with the values that the cells show when formulas are left out."""

from __future__ import annotations

import re
from collections.abc import Iterator

from dataalchemy_pipelines.parsing import markdown
from dataalchemy_pipelines.parsing.archive import Archive
from dataalchemy_pipelines.parsing.markup import Element, attribute, name_of
from dataalchemy_pipelines.parsing.office import main_part, properties, relations
from dataalchemy_pipelines.parsing.verdict import Input, Parsed

_COLUMN = re.compile(r"([A-Z]{1,3})[0-9]")
_BOOLEANS = {"1": "TRUE", "0": "FALSE"}


def parse_xlsx(payload: bytes, record: Input) -> Parsed:
    """All sheets of a workbook that hold values, hidden ones too. Raises Unparsable.

    Numbers stand as stored: a date is its serial number, since its look is only in the cell's format.
    """
    archive = Archive(payload)
    part = main_part(archive, "xl/workbook.xml")
    targets = relations(archive, part)
    strings = [
        "".join(_visible(node))
        for target in targets.values()
        if target.kind == "sharedStrings"
        for node in archive.xml(target.target)
    ]
    blocks: list[str] = []
    for sheet in archive.xml(part).iterfind("{*}sheets/{*}sheet"):
        key = next((value for name, value in sheet.attrib.items() if name.endswith("}id")), "")
        if key in targets and targets[key].kind == "worksheet":
            table = markdown.table(_rows(archive.xml(targets[key].target), strings))
            blocks += [markdown.heading(attribute(sheet, "name"), 2), table] if table else []
    about = properties(archive)
    return Parsed(
        text=markdown.join(blocks),
        title=about.title,
        authors=about.authors,
        created_at=about.created_at,
        updated_at=about.updated_at,
    )


def _rows(sheet: Element, strings: list[str]) -> Iterator[list[str]]:
    for row in sheet.iterfind("{*}sheetData/{*}row"):
        line: list[str] = []
        for cell in row.iterfind("{*}c"):
            column = _column(attribute(cell, "r"), len(line))
            line += [""] * (column - len(line)) + [_value(cell, strings)]
        yield line


def _column(reference: str, default: int) -> int:
    """The zero-based column of a cell such as ``AB12``; never before the cells already read."""
    match = _COLUMN.match(reference)
    if match is None:
        return default
    number = 0
    for letter in match[1]:
        number = number * 26 + ord(letter) - 64
    return max(default, number - 1)


def _value(cell: Element, strings: list[str]) -> str:
    kind = cell.get("t") or "n"
    if kind == "inlineStr":
        return "".join(_visible(cell))
    node = cell.find("{*}v")
    text = (node.text or "") if node is not None else ""
    if kind == "s":
        return strings[int(text)] if text.isdecimal() and int(text) < len(strings) else ""
    return _BOOLEANS.get(text, text) if kind == "b" else text


def _visible(node: Element) -> Iterator[str]:
    """The text of a string, without its phonetic guide."""
    for child in node:
        if name_of(child) == "t":
            yield child.text or ""
        elif name_of(child) in ("r", "is"):
            yield from _visible(child)
