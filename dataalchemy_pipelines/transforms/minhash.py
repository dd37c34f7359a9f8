"""Signatures that say which documents may be near-duplicates, and the exact similarity that decides."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence

import numpy as np
import polars as pl
from numpy.typing import NDArray

from dataalchemy_pipelines.transforms.words import WORD

VERSION = "1"
SHINGLE_WORDS = 5
BANDS = 14
ROWS_PER_BAND = 8
"""A pair at Jaccard 0.8 shares one of 14 bands of 8 with probability 0.92, at 0.85 with 0.99, at 0.5 with 0.05."""

Hashes = NDArray[np.uint64]
_GOLDEN = np.uint64(0x9E3779B97F4A7C15)
_COLUMNS = ("doc_id", "source", "native_id", "version", "content_sha256", "shingles", "bands", "outcome", "reason")


def shingles(texts: pl.Series) -> list[Hashes]:
    """The 64-bit hashes of each text's word 5-grams, in order, repeats included; null counts as empty.

    Letters are compared in lower case. A text of fewer than 5 words is one shingle, an empty one has none.
    The hashes are the same on every machine and with every version of every library, since tables keep them.
    """
    words = texts.fill_null("").str.to_lowercase().str.extract_all(WORD)
    lengths = words.list.len().to_numpy()
    flat = words.explode(empty_as_null=False, keep_nulls=False)
    unique = flat.unique()
    known = pl.Series([_word_hash(word) for word in unique], dtype=pl.UInt64)
    hashes = flat.replace_strict(unique, known, return_dtype=pl.UInt64).to_numpy()
    ends = np.cumsum(lengths)
    return [_grams(hashes[end - length : end]) for end, length in zip(ends, lengths, strict=True)]


def _word_hash(word: str) -> int:
    return int.from_bytes(hashlib.blake2b(word.encode(), digest_size=8).digest(), "little")


def _grams(words: Hashes) -> Hashes:
    size = min(SHINGLE_WORDS, len(words))
    if size == 0:
        return words
    grams = np.full(len(words) - size + 1, size, dtype=np.uint64)
    for offset in range(size):
        grams = _mixed(grams * _GOLDEN + words[offset : offset + len(grams)])
    return grams


def _mixed(values: Hashes) -> Hashes:
    """Every bit of the input moves every bit of the output. Source: SplitMix64, Steele et al. 2014."""
    values = (values ^ (values >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    values = (values ^ (values >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return values ^ (values >> np.uint64(31))


def _slots(count: int) -> tuple[Hashes, Hashes]:
    """Odd multiplier and offset of each slot."""
    seeds = _mixed(np.arange(1, 2 * count + 1, dtype=np.uint64) * _GOLDEN)
    return seeds[:count] | np.uint64(1), seeds[count:]


_MULTIPLIERS, _OFFSETS = _slots(BANDS * ROWS_PER_BAND)


def minhash(grams: Hashes) -> Hashes:
    """Signature whose share of equal slots estimates the Jaccard similarity of two sets of shingles.

    Args: grams: (n,) hashes; order and repeats do not matter. An empty set gives the largest value in every slot.
    Returns: (112,) slot minima; standard error sqrt(j * (1 - j) / 112), 0.038 at j = 0.8.
    Cost: 112 * n multiplications, 8 * 112 bytes a shingle of a block. Source: Broder 1997.
    """
    minima = np.full(len(_MULTIPLIERS), np.iinfo(np.uint64).max, dtype=np.uint64)
    for start in range(0, len(grams), 512):  # blocks that stay in the processor's cache
        block = grams[start : start + 512]
        np.minimum(minima, (block[None, :] * _MULTIPLIERS[:, None] + _OFFSETS[:, None]).min(axis=1), out=minima)
    return minima


def band_keys(minima: Hashes) -> NDArray[np.int64]:
    """(14,) keys; two documents that share one are candidates. The band's number is part of its key."""
    rows = minima.reshape(BANDS, ROWS_PER_BAND)
    keys = np.arange(BANDS, dtype=np.uint64)
    for column in range(ROWS_PER_BAND):
        keys = _mixed(keys * _GOLDEN + rows[:, column])
    return keys.view(np.int64)


def sign(frame: pl.DataFrame) -> pl.DataFrame:
    """Rows of ``clean_documents`` that were kept in, rows of ``signatures`` out, in the same order."""
    grams = shingles(frame["text"])
    return frame.with_columns(
        pl.Series("shingles", [len(each) for each in grams], dtype=pl.Int32),
        pl.Series("bands", [band_keys(minhash(each)) for each in grams], dtype=pl.List(pl.Int64)),
        outcome=pl.lit("kept"),
        reason=pl.lit(""),
    ).select(_COLUMNS)


def jaccard(a: str, b: str) -> float:
    """Exact similarity of two texts: shared shingles over all shingles, 1.0 for two empty texts."""
    first, second = (np.unique(each) for each in shingles(pl.Series([a, b])))
    return overlap(first, second)


def overlap(a: Hashes, b: Hashes) -> float:
    """Jaccard similarity of two sets, each given sorted and without repeats."""
    shared = len(np.intersect1d(a, b, assume_unique=True))
    total = len(a) + len(b) - shared
    return shared / total if total else 1.0


def shingle_sets(texts: Sequence[str]) -> list[Hashes]:
    """Each text's shingles, sorted and without repeats, as ``overlap`` takes them."""
    return [np.unique(each) for each in shingles(pl.Series(texts, dtype=pl.String))]
