"""Documents in pieces for retrieval: cut where the text itself pauses, so that what answers a question stays together.

A chunk is a slice of its document, so that it can be found there again. Cuts are sought in this order: headings;
between paragraphs, lists, tables and fences; between list items; between sentences. Only what is longer than the
maximum in itself is cut at lines, then at blanks.
"""

from __future__ import annotations

import hashlib
import re
from bisect import bisect_right
from collections.abc import Iterator
from typing import NamedTuple, Self

import polars as pl
from pydantic import BaseModel, Field, model_validator

from dataalchemy_pipelines.core.records import CHUNKS

VERSION = "1"

_CARRIED = ["doc_id", "source", "native_id", "version", "title", "language", "access", "content_sha256"]
_LISTS = {"heading_path", "access"}
_NUMBERS = {"version", "position"}
_COLUMNS = [name for name in CHUNKS.schema.names if name not in {"recipe_version", "input_sha256", "row_sha256"}]
_SCHEMA = {
    name: pl.List(pl.String) if name in _LISTS else pl.Int32() if name in _NUMBERS else pl.String() for name in _COLUMNS
}


class ChunkSettings(BaseModel, frozen=True, extra="forbid"):
    """How a document is cut; lengths in characters, since tokenisers differ between models."""

    max_chars: int = Field(1000, ge=200, le=8000, description="Longest chunk; 1000 is about 170 English words.")
    target_chars: int = Field(
        600, ge=100, le=8000, description="Length that a cut aims at where a section is too long."
    )

    @model_validator(mode="after")
    def _target_fits(self) -> Self:
        if self.target_chars > self.max_chars:
            raise ValueError(f"target_chars {self.target_chars} must not be above max_chars {self.max_chars}")
        return self


class Piece(NamedTuple):
    """A chunk of one text: the headings above it, outermost first, and its words as they stand there."""

    headings: tuple[str, ...]
    text: str


class _Cut(NamedTuple):
    """A place where a text may be cut, and how well: 0 between blocks, 1 between items, 2 between sentences or rows."""

    at: int
    rank: int


class _Section(NamedTuple):
    headings: tuple[str, ...]
    start: int
    end: int
    cuts: list[_Cut]


_HEADING = re.compile(r"(#{1,6})[ \t]+(?=\S)|[ ]?(=(?: ?=){0,5}) (?=\S)")
_FENCE = re.compile(r"[ ]{0,3}(```+|~~~+)")
_LINE = re.compile(r"[^\n]*\n|[^\n]+")
_NEWLINE = re.compile(r"\n")
_ITEM = re.compile(r"^[ \t]*(?:[-*+•]|[0-9]{1,3}[.)])[ \t]", re.MULTILINE)
_SENTENCE_END = re.compile(r"[.!?…][\"'”’)\]*_]{0,3}[ \t\n]+(?=[^a-z\s])|[。！？][”’」』）]{0,3}")
_ABBREVIATION = re.compile(
    r"(?:^|[\s(\[])(?:[A-Z]|Mr|Mrs|Ms|Dr|Prof|St|Sr|Jr|No|Nr|Fig|Sec|Vol|vs|etc|e\.g|i\.e|cf|ca|approx|Inc|Ltd|Co|bzw|z\.B|d\.h|p\.ex|[A-Z]\.[A-Z])\.$"
)


def split(text: str, settings: ChunkSettings) -> Iterator[Piece]:
    """The chunks of one text, in order; nothing but blanks is left out. Cost: linear."""
    for section in _sections(text, settings):
        start = section.start
        while start < section.end:
            end = _next_cut(text, section, start, settings)
            body = text[start:end].strip("\n").rstrip()
            if body.strip():
                yield Piece(section.headings, body)
            start = end


def _next_cut(text: str, section: _Section, start: int, settings: ChunkSettings) -> int:
    """The best cut after ``start``: by rank, then nearest to the target; a short piece only where nothing else fits."""
    limit = start + settings.max_chars
    if section.end <= limit:
        return section.end
    first = bisect_right(section.cuts, start, key=lambda cut: cut.at)
    last = bisect_right(section.cuts, limit, key=lambda cut: cut.at)
    fitting = section.cuts[first:last]
    if fitting:
        target = start + min(settings.target_chars, (section.end - start) // 2)
        shortest = start + settings.target_chars // 2
        return min(fitting, key=lambda cut: (cut.at < shortest, cut.rank, abs(cut.at - target))).at
    for blank in ("\n", " "):
        found = text.rfind(blank, start + settings.max_chars // 2, limit)
        if found > start:
            return found + 1
    return limit


def _sections(text: str, settings: ChunkSettings) -> Iterator[_Section]:
    """From heading to heading; headings that follow each other directly begin one section together."""
    path: list[tuple[int, str]] = []
    start, cuts, has_body = 0, [], False
    for block_start, block_end, kind in _blocks(text):
        if kind != "heading":
            if has_body:
                cuts.append(_Cut(block_start, 0))
            cuts.extend(_inner_cuts(text, block_start, block_end, kind, settings))
            has_body = True
            continue
        if has_body:
            yield _Section(tuple(title for _, title in path), start, block_start, cuts)
            start, cuts, has_body = block_start, [], False
        level, title = _heading(text[block_start:block_end].rstrip()) or (1, "")
        path = [(each, name) for each, name in path if each < level] + [(level, title)]
    yield _Section(tuple(title for _, title in path), start, len(text), cuts)


def _heading(line: str) -> tuple[int, str] | None:
    """Level and title of ``## Title`` and of ``== Title ==``, or None."""
    match = _HEADING.match(line)
    if match is None:
        return None
    title = line[match.end() :].strip()
    if match[1]:
        return len(match[1]), title.rstrip("#").rstrip() or title
    closed = title.removesuffix(f" {match[2]}")
    return (match[2].count("="), closed.strip()) if closed != title else None


def _blocks(text: str) -> Iterator[tuple[int, int, str]]:
    """(start, end, kind) of each block, end to end; blank lines belong to the block before them."""
    start = at = 0
    kind = fence = ""
    blank = False
    for line in _LINE.findall(text):
        empty = not line.strip()
        found = kind if fence or empty else _kind(line, kind, after_blank=blank)
        begins = found != kind or found in {"heading", "fence"} or (blank and found == "paragraph")
        if begins and not fence and not empty:
            if at > start:
                yield start, at, kind
            start, kind = at, found
        if kind == "fence" and not empty:
            mark = line.strip()[:3]
            fence = mark if not fence else "" if mark == fence else fence
        blank = empty
        at += len(line)
    if at > start:
        yield start, at, kind or "paragraph"


def _kind(line: str, before: str, *, after_blank: bool) -> str:
    """What kind of block a line with words belongs to; an indented line goes on with its list."""
    if _heading(line.rstrip()):
        return "heading"
    if _FENCE.match(line):
        return "fence"
    if line.lstrip().startswith("|") or (before == "table" and not after_blank and "|" in line):
        return "table"
    if _ITEM.match(line) or (before == "list" and (not after_blank or line[0] in " \t")):
        return "list"
    return "paragraph"


def _inner_cuts(text: str, start: int, end: int, kind: str, settings: ChunkSettings) -> Iterator[_Cut]:
    """Cuts within a block; a table or a fence that fits into a chunk has none."""
    if kind in {"table", "fence"}:
        if end - start > settings.max_chars:
            yield from (_Cut(match.end(), 2) for match in _NEWLINE.finditer(text, start, end - 1))
        return
    if kind == "list":
        yield from (_Cut(match.start(), 1) for match in _ITEM.finditer(text, start + 1, end))
    for match in _SENTENCE_END.finditer(text, start, end):
        if not _ABBREVIATION.search(text, max(start, match.start() - 8), match.start() + 1):
            yield _Cut(match.end(), 2)


def chunk(frame: pl.DataFrame, settings: ChunkSettings) -> pl.DataFrame:
    """Rows of ``clean_documents`` that are unique in, rows of ``chunks`` out; the engine adds its three columns.

    A document without words gives one row, ``rejected`` as ``no_text``, so that every document is accounted for.
    ``content_sha256`` is that of the whole document.
    """
    rows: list[dict[str, object]] = []
    for document in frame.select([*_CARRIED, "text"]).iter_rows(named=True):
        pieces = list(split(document.pop("text") or "", settings))
        for position, piece in enumerate(pieces):
            identity = f"{document['doc_id']}\0{position}\0{piece.text}"
            chunk_id = hashlib.sha256(identity.encode()).hexdigest()[:32]
            made = {
                "chunk_id": chunk_id,
                "position": position,
                "heading_path": list(piece.headings),
                "text": piece.text,
            }
            rows.append({**document, **made, "outcome": "kept", "reason": ""})
        if not pieces:
            rows.append({**document, "outcome": "rejected", "reason": "no_text"})
    return pl.DataFrame(rows, schema=_SCHEMA)
