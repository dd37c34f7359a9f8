"""What an answer claims, held against its sources: a quote stands there word for word, or it does not count."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from dataalchemy_pipelines.synthesis.prompts import Source

MIN_QUOTE_WORDS = 3
"""A shorter quote stands in nearly every text by chance, and proves nothing."""

_QUOTE_MARKS = str.maketrans(dict.fromkeys("“”„«»‟″", '"') | dict.fromkeys("‘’‚‛′", "'"))
_EMPHASIS = re.compile(r"\*\*|__|`|(?<!\w)[*_]|[*_](?!\w)")
_CITATION = re.compile(r"\[(\d{1,2})\]")
_WORD = re.compile(r"[一-鿿぀-ヿ가-힯]|\w+")


@dataclass(frozen=True)
class Quote:
    """A quote of an answer: the number it cites, and the number of the source where it truly stands, or None."""

    text: str
    cited: int | None
    source: int | None

    @property
    def holds(self) -> bool:
        """Whether it stands word for word in the very source that it cites."""
        return self.source is not None and self.source == self.cited


def fold(text: str) -> str:
    """Text without what an exact quote may lose: line breaks, kinds of quote marks, emphasis marks."""
    return " ".join(_EMPHASIS.sub("", text.translate(_QUOTE_MARKS)).split())


def tokens(text: str) -> list[str]:
    """Lower-case words, for comparing; a Chinese, Japanese or Korean character is a word."""
    return _WORD.findall(text.lower())


def verbatim(answer: str, sources: Sequence[Source]) -> list[Quote]:
    """The quotes of an answer, each with the source in which it stands word for word, the cited one first.

    An answer without quote marks is taken as one quote, so that a model is not judged by its punctuation.
    """
    folded = {source.number: f" {fold(source.text)} " for source in sources}
    quotes = []
    for readings, cited in _claims(fold(answer)):
        numbers = sorted(folded, key=lambda number: (number != cited, number))
        found = [Quote(text, cited, _standing(text, folded, numbers)) for text in readings]
        quotes += found[:1] if found[0].source is not None else found[1:] or found[:1]
    return quotes


def token_f1(answer: str, gold: str) -> float:
    """Harmonic mean of precision and recall over words with their counts, as in SQuAD: 0 to 1."""
    ours, theirs = Counter(tokens(answer)), Counter(tokens(gold))
    shared = (ours & theirs).total()
    return 2 * shared / (ours.total() + theirs.total()) if shared else 0.0


def _claims(answer: str) -> Iterator[tuple[list[str], int | None]]:
    """Each part before a citation, with its number, in two readings: from its outer quote marks, or mark by mark.

    The first reading is for a quote that has quote marks inside.
    """
    pieces = _CITATION.split(answer)
    for position in range(0, len(pieces), 2):
        part = pieces[position]
        cited = int(pieces[position + 1]) if position + 1 < len(pieces) else None
        outer = re.search(r'"(.+)"', part) or re.search(r'"(.+)$', part)
        readings = [outer.group(1) if outer else part, *re.findall(r'"([^"]+)"', part)]
        if any(text := [reading.strip() for reading in readings if tokens(reading)]):
            yield text, cited


def _standing(quote: str, folded: dict[int, str], numbers: Sequence[int]) -> int | None:
    return next((number for number in numbers if _stands(quote.rstrip(" .,;:"), folded[number])), None)


def _stands(quote: str, text: str) -> bool:
    """Whole words only: a quote neither begins nor ends inside a word of the text."""
    if len(tokens(quote)) < MIN_QUOTE_WORDS:
        return False
    at = text.find(quote)
    while at > 0:
        after = text[at + len(quote) : at + len(quote) + 1]
        if not (_joined(text[at - 1], quote[0]) or _joined(quote[-1], after)):
            return True
        at = text.find(quote, at + 1)
    return False


def _joined(left: str, right: str) -> bool:
    """Whether two neighbours lie within one Latin word, where a cut would change the meaning."""
    return left.isalnum() and right.isalnum() and ord(left) < 0x2E80 and ord(right) < 0x2E80
