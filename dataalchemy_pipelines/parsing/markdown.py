"""The pieces of Markdown that every parser writes: tables, fences, list items, paragraphs."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

_RUNS = re.compile(r"`+")
_MAX_SPAN = 50
_BREAKS = re.compile(r"[ \t]*\n\s*")


def join(blocks: Iterable[str]) -> str:
    """Blocks with one blank line between them; blank ones are left out."""
    return "\n\n".join(block.strip("\n") for block in blocks if block.strip())


def heading(text: str, level: int) -> str:
    """A heading of level 1 to 6, on one line."""
    text = " ".join(text.split())
    return f"{'#' * min(max(level, 1), 6)} {text}" if text else ""


def fence(code: str, language: str = "") -> str:
    """A code block whose fence is longer than any run of backticks within."""
    longest = max((len(run) for run in _RUNS.findall(code)), default=0)
    mark = "`" * max(3, longest + 1)
    return f"{mark}{language}\n{code.rstrip()}\n{mark}"


def code(text: str) -> str:
    """Inline code; one that holds a backtick gets two around it."""
    if not text.strip():
        return text
    return f"`` {text} ``" if "`" in text else f"`{text}`"


def item(marker: str, blocks: Sequence[str]) -> str:
    """One list item; what follows its first line is indented under it."""
    body = "\n".join(block for block in blocks if block.strip())
    return f"{marker} " + body.replace("\n", "\n" + " " * (len(marker) + 1))


def quote(text: str) -> str:
    """A block quote."""
    return "\n".join(f"> {line}".rstrip() for line in text.splitlines())


def link(text: str, target: str) -> str:
    """A link; a bare address where the text says nothing else, for mail without its ``mailto:``.

    Script and data addresses leave only the text.
    """
    text, target = text.strip(), target.strip()
    if not target or target.lower().startswith(("javascript:", "data:", "vbscript:")):
        return text
    if not text or text == target:
        return f"<{target}>" if ":" in target and " " not in target else text or target
    if target.lower() == f"mailto:{text.lower()}":
        return f"<{text}>"
    return f"[{text}]({target.replace(' ', '%20').replace(')', '%29')})"


def table(rows: Iterable[Sequence[str]]) -> str:
    """A pipe table whose first row is its header. Short rows are filled up; line breaks in a cell become ``<br>``."""
    kept = [[_cell(cell) for cell in row] for row in rows]
    kept = [row for row in kept if any(row)]
    if not kept:
        return ""
    width = max(map(len, kept))
    lines = ["| " + " | ".join(row + [""] * (width - len(row))) + " |" for row in kept]
    return "\n".join([lines[0], "|" + " --- |" * width, *lines[1:]])


@dataclass(frozen=True)
class Cell:
    """A table's cell, and over how many columns and rows it reaches."""

    text: str
    columns: int = 1
    rows: int = 1


def spread(rows: Iterable[Sequence[Cell]]) -> list[list[str]]:
    """Cells in their columns: one that reaches further is followed by empty ones to its right, and below it."""
    below: dict[int, int] = {}
    spread: list[list[str]] = []
    for cells in rows:
        taken = {column for column, left in below.items() if left > 0}
        below = {column: left - 1 for column, left in below.items() if left > 0}
        line: list[str] = []
        for cell in cells:
            while len(line) in taken:
                line.append("")
            for offset in range(min(cell.columns, _MAX_SPAN)):
                below[len(line)] = min(cell.rows, _MAX_SPAN) - 1
                line.append("" if offset else cell.text)
        spread.append(line)
    return spread


def lines(rows: Iterable[Sequence[Cell]]) -> str:
    """A table where no pipe table can stand, in another one's cell: a line a row."""
    return "\n".join("; ".join(cell.text for cell in row if cell.text) for row in rows)


def _cell(text: str) -> str:
    return _BREAKS.sub("<br>", text.strip()).replace("|", "\\|")
