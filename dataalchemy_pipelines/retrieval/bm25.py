"""Lexical search: Okapi BM25 over Unicode words, vectorised. Keep meaning out; it lives in vectors.py."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Self

import numpy as np
import polars as pl
from numpy.typing import NDArray

K1, B = 1.2, 0.75
"""Saturation of repeated words and strength of the length norm: Robertson and Zaragoza, 2009, section 3.2."""

_CJK = r"\p{Han}\p{Hiragana}\p{Katakana}\p{Hangul}ー"
_WORD = rf"[{_CJK}]+|[\p{{L}}\p{{M}}\p{{N}}_--[{_CJK}]]+"


def words(texts: pl.Series) -> pl.DataFrame:
    """The search words of each text, one row an occurrence: ``row`` (position of the text) and ``word``.

    Words are NFKC, lower case, without an English plural s. A run of Chinese, Japanese or Korean, which has no
    blanks between words, gives its overlapping pairs of characters.
    """
    found = (
        pl.DataFrame({"text": texts.cast(pl.String)})
        .with_row_index("row")
        .select("row", pl.col("text").str.normalize("NFKC").str.to_lowercase().str.extract_all(_WORD).alias("word"))
        .explode("word")
        .drop_nulls()
        .with_columns(pl.col("word").str.contains(rf"^[{_CJK}]{{2,}}$").alias("run"))
    )
    pairs = pl.col("word").str.split("").list.eval(pl.element() + pl.element().shift(-1)).list.drop_nulls()
    runs = found.filter("run").select("row", pairs).explode("word")
    plain = found.filter(~pl.col("run")).select("row", pl.col("word").str.replace(r"^([a-z]{2,}[^\Wsui])s$", "$1"))
    return pl.concat([plain, runs])


@dataclass(frozen=True)
class Bm25:
    """Postings in compressed rows: the texts of word i are ``rows[starts[i]:starts[i + 1]]``."""

    size: int
    terms: dict[str, int]
    starts: NDArray[np.int64]
    rows: NDArray[np.int64]
    weights: NDArray[np.float32]
    idf: NDArray[np.float32]

    @classmethod
    def of(cls, texts: pl.Series) -> Self:
        """Index the texts. Cost: linear in their length, about 12 bytes for each distinct word of each text."""
        size = len(texts)
        postings = words(texts).group_by("word", "row").len("count").sort("word", "row")
        lengths = np.zeros(size)
        np.add.at(lengths, postings["row"].to_numpy(), postings["count"].to_numpy())
        terms = postings.group_by("word", maintain_order=True).len("texts")
        held_by = terms["texts"].to_numpy().astype(np.int64)
        idf = np.log1p((size - held_by + 0.5) / (held_by + 0.5)).astype(np.float32)
        rows, count = postings["row"].to_numpy().astype(np.int64), postings["count"].to_numpy()
        norm = K1 * (1 - B + B * lengths / max(lengths.mean(), 1.0)) if size else lengths
        weights = np.repeat(idf, held_by) * (count * (K1 + 1) / (count + norm[rows]))
        return cls(
            size=size,
            terms={word: position for position, word in enumerate(terms["word"])},
            starts=np.concatenate([[0], np.cumsum(held_by)]),
            rows=rows,
            weights=weights.astype(np.float32),
            idf=idf,
        )

    def scores(self, query: str) -> NDArray[np.float32]:
        """(n,) score of each text, as a share of what a text made of these words alone could reach: 0 to 1.

        A word that no text holds counts at full rarity in that share, so that a query about something else stays low.
        """
        total = np.zeros(self.size, dtype=np.float32)
        reachable = 0.0
        unknown = float(np.log1p((self.size + 0.5) / 0.5))
        for word in sorted(set(words(pl.Series([query]))["word"])):
            term = self.terms.get(word)
            if term is None:
                reachable += unknown
                continue
            span = slice(self.starts[term], self.starts[term + 1])
            total[self.rows[span]] += self.weights[span]
            reachable += float(self.idf[term])
        return total / np.float32(max(reachable * (K1 + 1), 1e-9))
