"""The part of a found chunk that a question is about, so that the model reads less and quotes what matters."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from dataalchemy_pipelines.retrieval.index import Hit
from dataalchemy_pipelines.synthesis.grounding import Quote
from dataalchemy_pipelines.synthesis.prompts import Source
from dataalchemy_pipelines.synthesis.sentences import sentences
from resources.contracts import Llm

if TYPE_CHECKING:
    from numpy.typing import NDArray

FOCUS_CHARS = 320
"""Longest part shown, three sentences or so; a shorter chunk whole. Of 66 questions of the samples 56 find their
sentence in two such parts, 52 with 200 characters, 61 in whole chunks, which are twice as long."""
BESIDE = 0.15
"""Cosine by which a quote may be less near to the question than the nearest sentence."""
SHORTEST = 12
"""Characters below which a segment says too little to be compared."""
_SEGMENT = re.compile(r"(?:[^\n.!?。！？]|[.!?](?!\s))+[.!?。！？]*\s*|[\s.!?。！？]+")


def focus(llm: Llm, asked: Sequence[tuple[NDArray[np.float32], Sequence[Hit]]]) -> list[list[Source]]:
    """Sources for each (question's vector, its hits), numbered in the order of the hits.

    Of a long chunk the sentence whose meaning is nearest to the question is shown with its neighbours, a verbatim
    stretch of the chunk. All sentences are embedded in one call: about 2 ms each on two cores.
    """
    segments = {hit.text: _segments(hit.text) for _, hits in asked for hit in hits if len(hit.text) > FOCUS_CHARS}
    texts = sorted({text for parts in segments.values() for text in parts if len(text.strip()) >= SHORTEST})
    vectors = dict(zip(texts, llm.embed(texts), strict=True)) if texts else {}
    return [
        [
            Source(number, hit.title, _part(segments.get(hit.text, [hit.text]), vectors, vector))
            for number, hit in enumerate(hits, start=1)
        ]
        for vector, hits in asked
    ]


def nearer(llm: Llm, asked: NDArray[np.float32], sources: Sequence[Source], quotes: Sequence[Quote]) -> Quote | None:
    """The sentence of the sources that is nearest in meaning to the question, where all quotes are far beside it.

    A small model quotes word for word sooner than it learns what to quote.
    """
    found = [Quote(text, source.number, source.number) for source in sources for text in sentences(source.text)]
    if not found:
        return None
    nearness = llm.embed([*(quote.text for quote in found), *(quote.text for quote in quotes)]) @ asked
    best = int(np.argmax(nearness[: len(found)]))
    return found[best] if nearness[best] > nearness[len(found) :].max() + BESIDE else None


def _segments(text: str) -> list[str]:
    """Sentences and lines; together they are the text."""
    return _SEGMENT.findall(text)


def _part(segments: Sequence[str], vectors: dict[str, NDArray[np.float32]], asked: NDArray[np.float32]) -> str:
    """The nearest segment, grown by the next and the one before in turn while it stays short."""
    nearness = [float(asked @ vectors[text]) if text in vectors else -1.0 for text in segments]
    first = last = int(np.argmax(nearness))
    grown = True
    while grown:
        grown = False
        for low, high in ((first, last + 1), (first - 1, last)):
            low, high = min(low, first), max(high, last)
            if low >= 0 and high < len(segments) and len("".join(segments[low : high + 1])) <= FOCUS_CHARS:
                grown = grown or (low, high) != (first, last)
                first, last = low, high
    return "".join(segments[first : last + 1]).strip()
