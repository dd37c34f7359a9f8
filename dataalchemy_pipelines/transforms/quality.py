"""Whether a document says anything. Kept by default: company text is short, full of lists, tables, code and logs."""

from __future__ import annotations

import polars as pl
from pydantic import BaseModel, Field

from dataalchemy_pipelines.transforms.words import WORD

VERSION = "1"


class QualitySettings(BaseModel, frozen=True, extra="forbid"):
    """The three reasons to leave a document out. Filters made for web crawls drop 96 % of company text."""

    min_words: int = Field(
        5,
        ge=0,
        le=1000,
        description="Words below which a document is too_short; a Chinese or Japanese character is one.",
    )
    min_letter_share: float = Field(
        0.2,
        ge=0,
        le=1,
        description="Share of letters and digits in the visible characters below which it is mostly_symbols.",
    )
    min_distinct_share: float = Field(
        0.05, ge=0, le=1, description="Share of different words below which 100 words or more are repetitive."
    )
    quality_sample_chars: int = Field(
        500, ge=200, le=100_000, description="Characters read at the start and in the middle for the last two."
    )


def judge(texts: pl.Series, titles: pl.Series, kinds: pl.Series, settings: QualitySettings) -> pl.Series:
    """The reason to reject each document, or "" to keep it.

    The title of a ticket, a pull request or a page is part of what it says; the title of a file may be its name.
    A document is judged by samples of ``quality_sample_chars``, so that the cost does not depend on its length.
    """
    frame = pl.DataFrame({"text": texts.fill_null(""), "title": titles.fill_null(""), "kind": kinds})
    said = pl.when(pl.col("kind") == "file").then("text").otherwise(pl.concat_str("title", "text", separator=" "))
    frame = frame.with_columns(enough=_has_words(frame.select(said).to_series(), settings), text=_sample(settings))
    return frame.select(
        pl.when(~pl.col("enough")).then(pl.lit("too_short"))
        .when(_mostly_symbols(settings)).then(pl.lit("mostly_symbols"))
        .when(_repetitive(settings)).then(pl.lit("repetitive"))
        .otherwise(pl.lit("")).alias("reason")
    ).to_series()  # fmt: skip


def _has_words(texts: pl.Series, settings: QualitySettings) -> pl.Series:
    """Counted in the first characters, and in all of them only where these hold too few."""
    enough = texts.str.slice(0, 40 * settings.min_words).str.count_matches(WORD) > settings.min_words
    rows = (~enough).arg_true()
    return enough.scatter(rows, texts.gather(rows).str.count_matches(WORD) >= settings.min_words)


def _sample(settings: QualitySettings) -> pl.Expr:
    """The start, and as much from the middle of a longer text."""
    text, n = pl.col("text"), settings.quality_sample_chars
    middle = text.str.slice(text.str.len_chars() // 2, n)
    return text.str.slice(0, n) + pl.when(text.str.len_chars() > 2 * n).then("\n" + middle).otherwise(pl.lit(""))


def _mostly_symbols(settings: QualitySettings) -> pl.Expr:
    visible = pl.col("text").str.replace_all(r"\s+", "")
    letters = visible.str.replace_all(r"[^\p{L}\p{N}\p{M}]+", "").str.len_chars()
    return letters < visible.str.len_chars() * settings.min_letter_share


def _repetitive(settings: QualitySettings) -> pl.Expr:
    """Few different words in few different lines; a table of yes and no has few words, but its rows differ."""
    words = pl.col("text").str.extract_all(r"\p{L}+")
    lines = pl.col("text").str.replace_all(r"\n+", "\n").str.split("\n")
    few_words = (words.list.len() >= 100) & (words.list.n_unique() < words.list.len() * settings.min_distinct_share)
    return few_words & ((lines.list.len() < 3) | (lines.list.n_unique() < lines.list.len() * 0.2))
