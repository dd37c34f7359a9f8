"""Supervised pairs from chunks, without a model: find the source, quote it word for word, cite it, or abstain."""

from __future__ import annotations

import hashlib
import random
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from functools import cache
from typing import Any, Self

import polars as pl
from pydantic import BaseModel, Field, model_validator

from dataalchemy_pipelines.core.records import SFT_PAIRS
from dataalchemy_pipelines.synthesis.answers import informative, phrases
from dataalchemy_pipelines.synthesis.grounding import fold
from dataalchemy_pipelines.synthesis.passage import passage, passage_with
from dataalchemy_pipelines.synthesis.prompts import ABSTAIN, Source, build_prompt, completion
from dataalchemy_pipelines.synthesis.questions import question
from dataalchemy_pipelines.synthesis.rarity import Pool, words_of

PUBLIC = "public"
PAIRS_VERSION = "4"
"""Raise it whenever the same chunks would give other pairs."""
DRAWS = "1"
"""Part of every draw: raise it only where all pairs shall be drawn anew, and adapters learn from other ones."""

OWN_FIRST = 0.75
"""Share of quoted chunks that stand first, as a search puts the chunk that answers first more often than not."""


class PairSettings(BaseModel, frozen=True, extra="forbid"):
    """How pairs are made; shares are of all pairs, lengths in words (pairs of characters in CJK)."""

    pairs_per_chunk: int = Field(2, ge=1, le=10, description="Most pairs that one chunk gives.")
    max_samples: int | None = Field(None, ge=1, description="Most pairs of the whole pool, the first by hash.")
    abstain_share: float = Field(0.06, ge=0, le=0.5, description="Pairs whose sources do not hold the answer.")
    no_sources_share: float = Field(0.03, ge=0, le=0.5, description="Pairs without any source.")
    max_sources: int = Field(2, ge=1, le=5, description="Most sources in a prompt, the answer's own among them.")
    min_words: int = Field(6, ge=3, description="Shortest sentence that is an answer.")
    max_words: int = Field(40, le=100, description="Longest sentence that is an answer.")
    seed: int = Field(7, ge=0, description="Another seed draws other questions, sources and order.")

    @model_validator(mode="after")
    def _lengths_are_in_order(self) -> Self:
        if self.min_words > self.max_words:
            raise ValueError(f"min_words {self.min_words} must not exceed max_words {self.max_words}")
        return self


@dataclass(frozen=True)
class _Slot:
    """One pair to make: its chunk, the answer, and the draw that is its own."""

    chunk: dict[str, Any]
    sentence: str
    pair_id: str
    draw: random.Random


def make_pairs(chunks: pl.DataFrame, pool: pl.DataFrame, settings: PairSettings) -> pl.DataFrame:
    """Rows of ``sft_pairs``, without the columns that the engine fills: 1 to n kept, or one rejected, for each chunk.

    Args:
        chunks: kept rows of ``chunks``.
        pool: all kept rows of ``chunks``, from which rarity is counted and distractors are taken.
        settings: shares, bounds and seed.

    A chunk's pairs depend on it, the pool and the settings, and on no other chunk, order or batch. A pair's
    ``access`` is its chunk's, as a distractor is taken only where everyone who may read the chunk may read it too;
    ``chunk_ids`` names every chunk whose words are in it. A chunk without labels is closed: no audience may learn from
    it, so pairs of it would only be one more copy of its text. Reasons of rejection: ``nobody_may_read``,
    ``no_informative_sentence``, ``beyond_max_samples``. Cost: about 1 ms a pair.
    """
    known = Pool(pool)
    place = _places(known, settings.seed)
    rows = [row for chunk in chunks.sort("chunk_id").to_dicts() for row in _pairs_of(chunk, known, place, settings)]
    return pl.DataFrame(rows, schema=_schema())


@cache
def _schema() -> dict[str, pl.DataType]:
    """The columns made here; the engine fills the rest. Not at import: Arrow loads pandas with its first rows."""
    whole = pl.DataFrame(pl.from_arrow(SFT_PAIRS.schema.empty_table())).schema
    return {name: kind for name, kind in whole.items() if name not in {"recipe_version", "input_sha256", "row_sha256"}}


def _pairs_of(
    chunk: dict[str, Any], pool: Pool, place: Mapping[str, int], settings: PairSettings
) -> list[dict[str, Any]]:
    if not chunk["access"]:
        return [_rejected(chunk, "nobody_may_read")]
    at, limit = place.get(chunk["chunk_id"], 0), settings.max_samples
    wanted = [n for n in range(settings.pairs_per_chunk) if limit is None or n * pool.size + at < limit]
    if not wanted:
        return [_rejected(chunk, "beyond_max_samples")]
    answers = informative(chunk["text"], pool, min_words=settings.min_words, max_words=settings.max_words)[
        : len(wanted)
    ]
    if not answers:
        return [_rejected(chunk, "no_informative_sentence")]
    return [_pair(_slot(chunk, answer, n, settings.seed), pool, settings) for n, answer in enumerate(answers)]


def _pair(slot: _Slot, pool: Pool, settings: PairSettings) -> dict[str, Any]:
    asked = question(
        slot.sentence,
        phrases(slot.sentence, pool),
        title=_topic(slot.chunk),
        language=slot.chunk["language"] or "",
        draw=slot.draw,
    )
    lot, count = slot.draw.random(), slot.draw.choice(range(1, settings.max_sources + 1))
    distractors = _distractors(slot, asked, pool, count=count)
    kind = "quote"
    if lot < settings.no_sources_share:
        kind = "no_sources"
    elif lot < settings.no_sources_share + settings.abstain_share and distractors:
        kind = "abstain"
    shown = {"no_sources": [], "abstain": distractors, "quote": distractors[: count - 1]}[kind]
    if kind == "quote":
        first = slot.draw.random() < OWN_FIRST
        shown.insert(0 if first else slot.draw.randint(1, max(1, len(shown))), slot.chunk)
    sources = [Source(number, _topic(row), _shown(row, slot, asked, pool)) for number, row in enumerate(shown, start=1)]
    own = next((number for number, row in enumerate(shown, start=1) if row is slot.chunk), 0)
    return _row(slot.chunk) | {
        "pair_id": slot.pair_id,
        "kind": kind,
        "prompt": build_prompt(asked, sources),
        "completion": completion(slot.sentence, own) if own else ABSTAIN,
        "chunk_ids": sorted({slot.chunk["chunk_id"], *(row["chunk_id"] for row in shown)}),
        "access": sorted(slot.chunk["access"]),
        "outcome": "kept",
        "reason": "",
    }


def _shown(row: Mapping[str, Any], slot: _Slot, asked: str, pool: Pool) -> str:
    """The passage of a chunk: with the answer, or from where a distractor comes closest to the question's words."""
    if row is slot.chunk:
        return passage_with(row["text"], slot.sentence, slot.draw)
    wanted = set(words_of(asked))
    return passage(row["text"], lambda part: sum(pool.weight(word) for word in sorted(wanted & set(words_of(part)))))


def _distractors(slot: _Slot, asked: str, pool: Pool, *, count: int) -> list[dict[str, Any]]:
    """The chunks of other documents that a search for the question would bring up, which do not hold the answer."""
    near = pool.nearest(words_of(f"{asked} {_topic(slot.chunk)}"), limit=8 + 4 * count)
    answer = fold(slot.sentence)
    fitting = [
        row
        for row in pool.rows[near].to_dicts()
        if row["doc_id"] != slot.chunk["doc_id"]
        and all_may_read(row["access"] or [], slot.chunk["access"])
        and answer not in fold(row["text"])
    ]
    return fitting[:count]


def all_may_read(access: Collection[str], readers: Collection[str]) -> bool:
    """Whether everyone who may read by ``readers`` may also read by ``access``; no readers at all are not everyone."""
    return PUBLIC in access or (bool(readers) and set(readers) <= set(access))


def _topic(chunk: Mapping[str, Any]) -> str:
    """The document's title, else the nearest heading."""
    headings = chunk["heading_path"] or [""]
    return (chunk["title"] or headings[-1] or "").strip()


def _places(pool: Pool, seed: int) -> dict[str, int]:
    """Each chunk's place in the order of hashes, by which ``max_samples`` takes the first."""
    ids = sorted(pool.rows["chunk_id"], key=lambda chunk_id: _hash(seed, chunk_id))
    return {chunk_id: place for place, chunk_id in enumerate(ids)}


def _slot(chunk: dict[str, Any], sentence: str, number: int, seed: int) -> _Slot:
    digest = _hash(seed, DRAWS, chunk["chunk_id"], str(number))
    return _Slot(chunk, sentence, digest[:32], random.Random(digest))


def _hash(seed: int, *parts: str) -> str:
    return hashlib.sha256("\0".join([str(seed), *parts]).encode()).hexdigest()


def _row(chunk: Mapping[str, Any]) -> dict[str, Any]:
    return {name: chunk[name] for name in ("doc_id", "source", "native_id", "version")}


def _rejected(chunk: Mapping[str, Any], reason: str) -> dict[str, Any]:
    return _row(chunk) | {"chunk_ids": [chunk["chunk_id"]], "access": [], "outcome": "rejected", "reason": reason}
