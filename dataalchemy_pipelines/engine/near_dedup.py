"""Exact and near-duplicates of a whole table: candidates from bands, decided by the exact similarity of the texts."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterator, Sequence
from itertools import pairwise
from typing import NamedTuple

import polars as pl
from pydantic import BaseModel, Field

from dataalchemy_pipelines.core.errors import WrongInput
from dataalchemy_pipelines.transforms.minhash import Hashes, overlap, shingle_sets

VERSION = "1"

Texts = Callable[[Sequence[str]], dict[str, str]]
"""Gives the cleaned text of each doc_id that is asked for."""


class DedupSettings(BaseModel, frozen=True, extra="forbid"):
    """When two documents are the same."""

    min_jaccard: float = Field(
        0.8, ge=0.5, le=1, description="Share of common word 5-grams that makes two documents one."
    )
    max_bucket_documents: int = Field(
        2000,
        ge=2,
        description="Documents of a bucket that are compared with its first; the rest only with a neighbour.",
    )
    texts_per_read: int = Field(1000, ge=1, description="Documents whose texts are in memory at a time.")


class Match(NamedTuple):
    """The kept document that a duplicate was compared with, and how similar they are."""

    doc_id: str
    jaccard: float


class _Candidate(NamedTuple):
    length_chars: int
    shingles: Hashes


def cluster(signatures: pl.DataFrame, texts: Texts, settings: DedupSettings) -> pl.DataFrame:
    """Rows of ``clusters`` for all rows of ``signatures``, sorted by doc_id; the engine adds its three columns.

    The longest document of a group is kept, among equally long ones that with the smallest doc_id. Each other one has
    itself been compared with the kept one, so that no chain of small differences joins two unlike documents. The
    answer depends on the set of rows alone; given old and new rows, it is the same as from scratch.
    Cost: pairs grow linearly with the documents, however many share a bucket; one reading of the candidates' texts.
    Raises: WrongInput when a doc_id occurs twice or ``texts`` does not know a candidate.
    """
    if signatures["doc_id"].is_duplicated().any():
        raise WrongInput("A document is signed twice", subject="signatures", fix="Give one row a document.")
    rows = signatures.sort("doc_id")
    firsts = rows.select("doc_id", first=pl.col("doc_id").first().over("content_sha256"))
    distinct = rows.filter(pl.col("doc_id") == firsts["first"])
    near = _near(distinct, texts, settings)
    matches = [_match(doc_id, first, near) for doc_id, first in firsts.iter_rows()]
    return rows.select(
        "doc_id",
        "source",
        "native_id",
        "version",
        "content_sha256",
        pl.Series(
            "cluster_id",
            [match.doc_id if match else doc_id for match, doc_id in zip(matches, rows["doc_id"], strict=True)],
        ),
        pl.Series("matched_doc_id", [match.doc_id if match else None for match in matches], dtype=pl.String),
        pl.Series("jaccard", [match.jaccard if match else None for match in matches], dtype=pl.Float64),
        pl.Series("outcome", ["duplicate_of" if match else "kept" for match in matches], dtype=pl.String),
        pl.Series(
            "reason", [_reason(match, first, near) for match, first in zip(matches, firsts["first"], strict=True)]
        ),
    )


def _match(doc_id: str, first: str, near: dict[str, Match]) -> Match | None:
    """A copy of a document that is itself a near-duplicate belongs to what that one was matched with."""
    return near.get(first) or (Match(first, 1.0) if first != doc_id else None)


def _reason(match: Match | None, first: str, near: dict[str, Match]) -> str:
    return "" if match is None else "near" if first in near else "exact"


def _near(distinct: pl.DataFrame, texts: Texts, settings: DedupSettings) -> dict[str, Match]:
    """The kept document of each near-duplicate. Longer documents come first, and each joins its most similar one."""
    neighbours: dict[str, set[str]] = defaultdict(set)
    for a, b in candidate_pairs(distinct, settings):
        neighbours[a].add(b)
        neighbours[b].add(a)
    known = _read(sorted(neighbours), texts, settings)
    near: dict[str, Match] = {}
    done: set[str] = set()
    for doc_id in sorted(neighbours, key=lambda each: (-known[each].length_chars, each)):
        kept = {near[each].doc_id if each in near else each for each in neighbours[doc_id] & done}
        matches = [Match(each, overlap(known[doc_id].shingles, known[each].shingles)) for each in sorted(kept)]
        best = max(matches, key=lambda match: match.jaccard, default=None)
        if best and best.jaccard >= settings.min_jaccard:
            near[doc_id] = best
        done.add(doc_id)
    return near


def _read(doc_ids: list[str], texts: Texts, settings: DedupSettings) -> dict[str, _Candidate]:
    known: dict[str, _Candidate] = {}
    for start in range(0, len(doc_ids), settings.texts_per_read):
        page = doc_ids[start : start + settings.texts_per_read]
        read = texts(page)
        missing = [doc_id for doc_id in page if doc_id not in read]
        if missing:
            raise WrongInput("A signed document has no text", subject=missing[0], fix="Sign the clean documents anew.")
        bodies = [read[doc_id] for doc_id in page]
        for doc_id, body, shingles in zip(page, bodies, shingle_sets(bodies), strict=True):
            known[doc_id] = _Candidate(len(body), shingles)
    return known


def _buckets(signatures: pl.DataFrame) -> pl.DataFrame:
    """Bands that two documents or more share, each with its documents, the longest first."""
    return (
        signatures.filter(pl.col("shingles") > 0)
        .sort("shingles", "doc_id", descending=[True, False])
        .select("doc_id", band="bands")
        .explode("band")
        .group_by("band", maintain_order=True)
        .agg("doc_id")
        .filter(pl.col("doc_id").list.len() > 1)
    )


def candidate_pairs(signatures: pl.DataFrame, settings: DedupSettings) -> Iterator[tuple[str, str]]:
    """Star and chain of each bucket: every document with the first one and with the one before it."""
    for members in _buckets(signatures)["doc_id"].unique():
        bucket = members.to_list()
        yield from pairwise(bucket)
        yield from ((bucket[0], each) for each in bucket[2 : settings.max_bucket_documents])


def capped_buckets(signatures: pl.DataFrame, settings: DedupSettings) -> int:
    """How many buckets hold more documents than are compared with their first one: templates, signatures, forms."""
    return int((_buckets(signatures)["doc_id"].list.len() > settings.max_bucket_documents).sum())
