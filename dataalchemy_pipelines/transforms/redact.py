"""Personal values and secrets out, placeholders in; the leak check uses the same patterns. See docs/privacy.md."""

from __future__ import annotations

import sys
import unicodedata
from collections import Counter
from collections.abc import Iterator
from functools import cache
from typing import NamedTuple

import polars as pl

from dataalchemy_pipelines.transforms.detectors import (
    ANNOUNCED_PHONE,
    CARD,
    EMAIL,
    ENCODED_EMAIL,
    IBAN,
    IP,
    PHONE,
    Detector,
)
from dataalchemy_pipelines.transforms.keys import (
    ASSIGNMENT,
    COMPARISON,
    HEADER_SECRET,
    LOGIN_OPTION,
    NAMED_VALUE,
    PASSWORD_COLUMN,
    PRIVATE_KEY,
    RANDOM_VALUE,
    TOKENS,
    URL_SECRET,
)

VERSION = "4"

DETECTORS: tuple[Detector, ...] = (
    PRIVATE_KEY, *TOKENS, URL_SECRET, HEADER_SECRET, LOGIN_OPTION, ASSIGNMENT, NAMED_VALUE, PASSWORD_COLUMN,
    COMPARISON, RANDOM_VALUE, EMAIL, ENCODED_EMAIL, IBAN, CARD, IP, PHONE, ANNOUNCED_PHONE,
)  # fmt: skip
"""In order of precedence: where two values overlap, both are masked as the kind that comes first here."""
KINDS: tuple[str, ...] = tuple(dict.fromkeys(detector.kind for detector in DETECTORS))
MAX_ROUNDS = 4
_MARK = "\x00"


class Span(NamedTuple):
    """A value found: its place in characters, end exclusive, and its kind, one of KINDS."""

    start: int
    end: int
    kind: str


class Redacted(NamedTuple):
    """Texts without the values, and what was masked.

    ``counts`` has how many values of each kind, a text each. ``stable`` is False for a text in which values still
    showed after MAX_ROUNDS, and which must not be kept.
    """

    texts: pl.Series
    counts: list[Counter[str]]
    stable: pl.Series


def find(text: str) -> list[Span]:
    """The values in one text, in order and apart from each other."""
    return _find(pl.Series([text])).get(0, [])


def count(texts: pl.Series) -> Counter[str]:
    """How many values of each kind the texts hold. Cost: about 20 times less than finding them text by text."""
    return Counter(span.kind for spans in _find(texts).values() for span in spans)


def redact(texts: pl.Series) -> Redacted:
    """Each value replaced by ``[KIND]``; null stays null. Texts must be normalised: invisible characters hide values.

    A text is read again until nothing is found, since what a placeholder replaced may have hidden its neighbour; so
    redacting twice is the same as once. Cost: linear, however hostile the text.
    """
    counts: dict[int, Counter[str]] = {}
    rows = list(range(len(texts)))
    for _ in range(MAX_ROUNDS):
        found = _find(texts.gather(rows))
        rows = [rows[row] for row in found]
        if not rows:
            break
        masked = [_mask(text, spans) for text, spans in zip(texts.gather(rows), found.values(), strict=True)]
        texts = texts.scatter(rows, pl.Series(masked, dtype=pl.String))
        for row, spans in zip(rows, found.values(), strict=True):
            counts.setdefault(row, Counter()).update(span.kind for span in spans)
    unstable = {rows[row] for row in _find(texts.gather(rows))}
    stable = pl.Series([row not in unstable for row in range(len(texts))], dtype=pl.Boolean)
    return Redacted(texts, [counts.get(row, Counter()) for row in range(len(texts))], stable)


def _mask(text: str, spans: list[Span]) -> str:
    parts: list[str] = []
    done = 0
    for span in spans:
        parts += (text[done : span.start], f"[{span.kind}]")
        done = span.end
    return "".join((*parts, text[done:]))


def _find(texts: pl.Series) -> dict[int, list[Span]]:
    """Spans by row, for the rows that have any, in order."""
    plain = _plain(texts)
    found: dict[int, list[tuple[int, int, int]]] = {}
    for rank, detector in enumerate(DETECTORS):
        rows = plain.str.contains(detector.anchor).fill_null(False).arg_true()
        hot = plain.gather(rows)
        marked = hot.str.replace_all(detector.anchor, f"{_MARK}${{0}}{_MARK}").str.split(_MARK)
        for row, text, pieces in zip(rows.to_list(), hot.to_list(), marked.to_list(), strict=True):
            for start, end in _exact(detector, text, pieces):
                found.setdefault(row, []).append((start, end, rank))
    return {row: list(_apart(found[row])) for row in sorted(found)}


def _plain(texts: pl.Series) -> pl.Series:
    """The texts, character for character, with foreign digits, full-width forms and dashes as their ASCII likes."""
    rows = texts.str.contains(r"[\x00\u2010-\u2015\u2212\uff01-\uff5e]|[\p{Nd}&&[^0-9]]").fill_null(False).arg_true()
    return texts.scatter(rows, texts.gather(rows).str.replace_many(_lookalikes())) if len(rows) else texts


@cache
def _lookalikes() -> dict[str, str]:
    digits = {c: str(unicodedata.decimal(c)) for c in map(chr, range(128, sys.maxunicode + 1)) if c.isdecimal()}
    wide = {chr(code): chr(code - 0xFEE0) for code in range(0xFF01, 0xFF5F)}
    return digits | wide | dict.fromkeys("\u2010\u2011\u2012\u2013\u2014\u2015\u2212", "-") | {_MARK: " "}


def _exact(detector: Detector, text: str, pieces: list[str]) -> Iterator[tuple[int, int]]:
    """Pieces alternate between outside and inside of an anchor, and add up to the text."""
    end = done = 0
    for index, piece in enumerate(pieces):
        start, end = end, end + len(piece)
        if index % 2 == 0 or end <= done:
            continue
        for match in detector.matches(text, max(start, done), end):
            done = match.end()
            yield match.span(match.lastgroup or 0) if detector.narrow else match.span()


def _apart(spans: list[tuple[int, int, int]]) -> Iterator[Span]:
    """Overlapping spans as one, under the kind of the first detector."""
    spans.sort()
    start, end, rank = spans[0]
    for next_start, next_end, next_rank in spans[1:]:
        if next_start < end:
            end, rank = max(end, next_end), min(rank, next_rank)
        else:
            yield Span(start, end, DETECTORS[rank].kind)
            start, end, rank = next_start, next_end, next_rank
    yield Span(start, end, DETECTORS[rank].kind)
