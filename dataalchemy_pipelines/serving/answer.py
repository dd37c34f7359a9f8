"""Answers with sources: what may be read is searched, the model quotes, and only what stands there is said."""

from __future__ import annotations

import re
from collections.abc import Collection, Sequence
from dataclasses import dataclass

from dataalchemy_pipelines.retrieval.index import Hit, Index
from dataalchemy_pipelines.serving.focus import focus, nearer
from dataalchemy_pipelines.synthesis.grounding import Quote, verbatim
from dataalchemy_pipelines.synthesis.prompts import ABSTAIN, build_prompt
from resources.contracts import Llm

SOURCES = 2
"""Chunks shown to the model: as many as the pairs that it learnt from show at most."""
SCORE_FLOOR = 0.18
"""Below this score of the best hit nothing on the matter is there: so it was for 96 % of 220 questions put to documents
about something else, and for 1 % of the same questions put to the documents that answer them."""
MAX_NEW_TOKENS = 96
NEAREST = "The nearest sentence in the sources:"

_MARKUP = re.compile(r"!?\[([^\]]*)\]\([^)]*\)|<[^<>]*>|\b(?:https?://|www\.|javascript:|data:)\S+")


@dataclass(frozen=True)
class Citation:
    """Where a quote of an answer stands: the number in the text, the chunk, its document, the words."""

    number: int
    chunk_id: str
    doc_id: str
    native_id: str
    title: str
    quote: str


@dataclass(frozen=True)
class Answer:
    """What is said, and on what ground.

    ``ground``: ``quoted`` (the model's own quotes, each checked), ``nearest`` (the model quoted nothing or beside the
    question, and the sentence that is nearest to the question is given instead), ``none`` (abstained).
    """

    text: str
    citations: tuple[Citation, ...]
    ground: str
    score: float

    @property
    def abstained(self) -> bool:
        """Whether the answer is that the sources do not say."""
        return self.ground == "none"


def answer(question: str, *, index: Index, llm: Llm, adapter: str | None, principals: Collection[str]) -> Answer:
    """Answer from what ``principals`` may read in ``index``; narrow the index by the access of now before.

    A quote that does not stand word for word in a source is dropped, and its citation with it. Nothing of a source
    reaches the answer but such quotes, without links, images and markup, so text that gives orders can't act.
    """
    vector = llm.embed([question])[0]
    hits = index.search(question, vector, principals=principals, k=SOURCES)
    score = hits[0].score if hits else 0.0
    if score < SCORE_FLOOR:
        return Answer(ABSTAIN, (), "none", score)
    sources = focus(llm, [(vector, hits)])[0]
    said = llm.generate([build_prompt(question, sources)], adapter=adapter, max_new_tokens=MAX_NEW_TOKENS)[0].text
    if ABSTAIN in said:
        return Answer(ABSTAIN, (), "none", score)
    quotes = list(dict.fromkeys(quote for quote in verbatim(said, sources) if quote.source is not None))
    better = nearer(llm, vector, sources, quotes)
    if better is not None:
        return Answer(f"{NEAREST} {_shown(better)}", _citations([better], hits), "nearest", score)
    if quotes:
        return Answer(" ".join(_shown(quote) for quote in quotes), _citations(quotes, hits), "quoted", score)
    return Answer(ABSTAIN, (), "none", score)


def plain(text: str) -> str:
    """Text that a page may show: no image, link, address or tag that came from a document."""
    return " ".join(_MARKUP.sub(lambda match: match[1] or "", text).split())


def _shown(quote: Quote) -> str:
    return f'"{plain(quote.text)}" [{quote.source}]'


def _citations(quotes: Sequence[Quote], hits: Sequence[Hit]) -> tuple[Citation, ...]:
    """The chunk behind each quote that holds; source n is hit n - 1."""
    found = []
    for quote in quotes:
        if quote.source is not None:
            hit = hits[quote.source - 1]
            said = {"title": plain(hit.title), "quote": plain(quote.text)}
            found.append(Citation(quote.source, hit.chunk_id, hit.doc_id, hit.native_id, **said))
    return tuple(found)
