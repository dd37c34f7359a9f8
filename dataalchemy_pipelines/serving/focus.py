"""The part of a found chunk that a question is about, so that the model reads less and quotes what matters."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

import numpy as np

from dataalchemy_pipelines.retrieval.index import Hit
from dataalchemy_pipelines.synthesis.grounding import Quote
from dataalchemy_pipelines.synthesis.passage import passage, segments
from dataalchemy_pipelines.synthesis.prompts import Source
from dataalchemy_pipelines.synthesis.sentences import sentences
from resources.contracts import Llm

if TYPE_CHECKING:
    from numpy.typing import NDArray

BESIDE = 0.05
"""Cosine by which a quote may be less near to the question than the nearest sentence: of 66 answers of a 135 M model 43
are right with this bound, 34 with 0.15, 17 with none."""
NEAREST_FLOOR = 0.4
"""Cosine with the question from which a sentence may stand for an answer that quotes nothing."""
SHORTEST = 12
"""Characters below which a segment says too little to be compared."""


def focus(llm: Llm, asked: Sequence[tuple[NDArray[np.float32], Sequence[Hit]]]) -> list[list[Source]]:
    """Sources for each (question's vector, its hits), numbered in the order of the hits.

    Of each chunk a verbatim stretch is shown, from the sentence on that is nearest in meaning to the question. All
    sentences are embedded in one call: about 10 ms each on two cores.
    """
    texts = sorted({part for _, hits in asked for hit in hits for part in segments(hit.text) if _says_something(part)})
    vectors = dict(zip(texts, llm.embed(texts), strict=True)) if texts else {}
    return [
        [
            Source(number, hit.title, passage(hit.text, _nearness(vectors, vector)))
            for number, hit in enumerate(hits, start=1)
        ]
        for vector, hits in asked
    ]


def nearer(llm: Llm, asked: NDArray[np.float32], sources: Sequence[Source], quotes: Sequence[Quote]) -> Quote | None:
    """The sentence of the sources that is nearest in meaning to the question, where all quotes are beside it.

    A small model quotes word for word sooner than it learns what to quote. Where it quotes nothing, the sentence is
    given if it is near enough.
    """
    found = [Quote(text, source.number, source.number) for source in sources for text in sentences(source.text)]
    if not found:
        return None
    nearness = llm.embed([*(quote.text for quote in found), *(quote.text for quote in quotes)]) @ asked
    best = int(np.argmax(nearness[: len(found)]))
    bound = nearness[len(found) :].max() + BESIDE if quotes else NEAREST_FLOOR
    return found[best] if nearness[best] > bound else None


def _says_something(part: str) -> bool:
    return len(part.strip()) >= SHORTEST


def _nearness(vectors: dict[str, NDArray[np.float32]], asked: NDArray[np.float32]) -> Callable[[str], float]:
    """Cosine of a segment with the question; a segment too short to be compared is far."""
    return lambda part: float(asked @ vectors[part]) if part in vectors else -1.0
