"""Sentences of a Markdown chunk, each a verbatim stretch of it up to white space."""

from __future__ import annotations

import re
from collections.abc import Iterator

_MARKER = re.compile(r"^\s{0,8}(?:[-*+•]|\d{1,3}[.)])\s+(?:\[[ xX]\]\s+)?|^\s{0,3}>\s?")
_NOT_PROSE = re.compile(r"^\s{0,3}(?:#|\||[-=*_]{3,}\s*$)|^\s*\|.*\|\s*$")
_FENCE = re.compile(r"^\s{0,3}(?:```|~~~)")
_END = re.compile(r"(?<=[.!?])[\"'”’)\]*_]{0,3}\s+(?=[\"'“‘(\[*_]{0,3}[A-Z0-9À-ÞА-Я])|(?<=[。！？])\s*(?=\S)")
_ABBREVIATION = re.compile(
    r"(?:\b(?:e\.g|i\.e|etc|vs|cf|approx|no|nos|mr|mrs|ms|dr|prof|st|sec|fig|inc|ltd|bzw|z\.b|d\.h|nr|ca)|\b[A-Z])\.$",
    re.IGNORECASE,
)


def sentences(text: str) -> list[str]:
    """Sentences of paragraphs and list items, in order; headings, tables and code are left out.

    Cost: linear. A sentence that was broken over lines is joined with single blanks.
    """
    return [sentence for block in _blocks(text) for sentence in _split(block)]


def _blocks(text: str) -> Iterator[str]:
    """Paragraphs and list items, white space folded."""
    block: list[str] = []
    fenced = False
    for line in [*text.splitlines(), ""]:
        fence = _FENCE.match(line) is not None
        marker = _MARKER.match(line)
        if block and (fence or marker or not line.strip() or _NOT_PROSE.match(line)):
            yield " ".join(" ".join(block).split())
            block = []
        if not (fence or fenced or _NOT_PROSE.match(line)) and line.strip():
            block.append(line[marker.end() :] if marker else line)
        fenced ^= fence


def _split(block: str) -> Iterator[str]:
    """Cut after an end mark before a capital, but not after an abbreviation or an initial."""
    start = 0
    for end in _END.finditer(block):
        tail = block[max(start, end.start() - 12) : end.start()].rstrip("\"'”’)]*_")
        if _ABBREVIATION.search(tail):
            continue
        yield block[start : end.end()].strip()
        start = end.end()
    if block[start:].strip():
        yield block[start:].strip()
