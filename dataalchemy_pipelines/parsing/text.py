"""Plain text, Markdown with front matter, tables of values, logs and code."""

from __future__ import annotations

import csv
import io
import re
import sys
from collections import Counter
from collections.abc import Callable
from datetime import datetime

from dataalchemy_pipelines.parsing.charset import decode, tidy
from dataalchemy_pipelines.parsing.markdown import fence, join, table
from dataalchemy_pipelines.parsing.moment import moment
from dataalchemy_pipelines.parsing.verdict import Input, Parsed, Unparsable

_FRONT_MATTER = re.compile(r"\A---[ \t]*\n(.*?)^(?:---|\.\.\.)[ \t]*(?:\n|\Z)", re.DOTALL | re.MULTILINE)
_FIELD = re.compile(r"^([A-Za-z_-]+):[ \t]+(\S.*)$", re.MULTILINE)
_HEADING = re.compile(r"^#[ \t]+(\S.*?)[ \t#]*$", re.MULTILINE)
_DELIMITERS = ",;\t|"
_SAMPLE_CHARS = 65536


def parse_text(payload: bytes, record: Input) -> Parsed:
    """Text as it is; a plain file has no title of its own."""
    return Parsed(text=decode(payload))


def parse_markdown(payload: bytes, record: Input) -> Parsed:
    """Markdown; front matter gives title, author and dates and stays as a block, for its other fields are text."""
    text = tidy(decode(payload))
    matter = _FRONT_MATTER.match(text)
    body = text[matter.end() :] if matter else text
    fields = {} if matter is None else {name.lower(): _plain(value) for name, value in _FIELD.findall(matter[1])}
    first = _HEADING.search(body)
    return Parsed(
        text=join([fence(matter[1], "yaml") if matter else "", body]),
        title=fields.get("title") or (first[1] if first else ""),
        authors=tuple(filter(None, [fields.get("author", "")])),
        created_at=_first_date(fields, "created", "date"),
        updated_at=_first_date(fields, "updated", "last_modified_at", "lastmod"),
    )


def parse_csv(payload: bytes, record: Input) -> Parsed:
    """A table of values as a pipe table; the delimiter is the one that cuts the first lines most evenly."""
    text = tidy(decode(payload))
    csv.field_size_limit(sys.maxsize)
    try:
        rows = list(csv.reader(io.StringIO(text), delimiter=_delimiter(text)))
    except csv.Error as error:
        raise Unparsable("broken") from error
    return Parsed(text=table(rows))


def fenced(language: str) -> Callable[[bytes, Input], Parsed]:
    """A parser that keeps code or a log as one block, so that nothing in it is taken for Markdown."""

    def parse_code(payload: bytes, record: Input) -> Parsed:
        text = tidy(decode(payload))
        return Parsed(text=fence(text, language) if text.strip() else "")

    return parse_code


def _plain(value: str) -> str:
    value = value.strip()
    return value[1:-1] if len(value) > 1 and value[0] == value[-1] and value[0] in "'\"" else value


def _first_date(fields: dict[str, str], *names: str) -> datetime | None:
    return next((found for name in names if (found := moment(fields.get(name))) is not None), None)


def _delimiter(text: str) -> str:
    """The delimiter that gives the most of the first rows the same width of two or more; else one that cuts nothing."""
    sample = text[:_SAMPLE_CHARS]
    sample = sample.rpartition("\n")[0] or sample

    def evenness(delimiter: str) -> float:
        widths = Counter(len(row) for row in csv.reader(io.StringIO(sample), delimiter=delimiter) if row)
        width, rows = widths.most_common(1)[0] if widths else (0, 0)
        return rows / widths.total() if width > 1 else 0

    best = max(_DELIMITERS, key=evenness)
    return best if evenness(best) > 0.5 else "\x1f"
