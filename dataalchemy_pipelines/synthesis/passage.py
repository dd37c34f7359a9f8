"""The passage of a chunk that a prompt shows as a source: pairs and answers cut it alike, so that what is learnt holds.

It begins with the sentence that the question is about, as far as that is known, and goes on while it stays short: the
model reads little, and learns where in a source to look.
"""

from __future__ import annotations

import itertools
import random
import re
from collections.abc import Callable

PASSAGE_CHARS = 300
"""Longest passage, three sentences or so; a longer first sentence is shown whole."""
FIRST = 0.7
"""Share of passages that begin with the answer: of 61 questions whose chunk was found, the sentence nearest in meaning
was the answer to 44."""
_SEGMENT = re.compile(r"(?:[^\n.!?。！？]|[.!?](?!\s))+[.!?。！？]*\s*|[\s.!?。！？]+")


def segments(text: str) -> list[str]:
    """Sentences and lines; together they are the text."""
    return _SEGMENT.findall(text)


def passage(text: str, nearness: Callable[[str], float]) -> str:
    """The stretch of ``text`` from its nearest segment on, the first of those that are equally near."""
    parts = segments(text)
    nearest = max(range(len(parts)), key=lambda at: nearness(parts[at]))
    start = len("".join(parts[:nearest]))
    return _stretch(text, start, start + len(parts[nearest]))


def passage_with(text: str, sentence: str, draw: random.Random) -> str:
    """A stretch that holds ``sentence``, mostly from it on; the whole text where it does not stand in it as it is.

    White space may differ: a sentence is one line, a text is broken into many. As a search takes another sentence for
    the nearest at times, the stretch begins earlier at times: who is always right learns to be too sure.
    """
    found = re.search(r"\s+".join(map(re.escape, sentence.split())), text)
    if found is None:
        return text
    starts = itertools.accumulate(map(len, segments(text[: found.start()])), initial=0)
    earlier = [start for start in starts if start < found.start() and found.end() - start <= PASSAGE_CHARS]
    begin = draw.choice(earlier) if earlier and draw.random() >= FIRST else found.start()
    return _stretch(text, begin, found.end())


def _stretch(text: str, start: int, least: int) -> str:
    """From ``start`` to the last end of a segment within the bound, and to ``least`` in any case."""
    ends = [start + end for end in itertools.accumulate(map(len, segments(text[start:])))]
    return text[start : max(end for end in [least, *ends] if end <= max(least, start + PASSAGE_CHARS))].strip()
