"""Whether a document says anything. Kept by default: company text is short, full of lists, tables, code and logs."""

from __future__ import annotations

import polars as pl
from pydantic import BaseModel, Field

from dataalchemy_pipelines.transforms.words import WORD

VERSION = "2"

_DOUBTFUL_SHARE = 0.35
"""Prose has 60 % of different words in 1000 characters; a passage of 450 characters that is repeated has 35 %."""
_SECOND_LOOK = 20


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
    A document is judged by samples of ``quality_sample_chars``, and of twenty times as much where these
    repeat themselves, so that the cost does not depend on its length.
    """
    texts = texts.fill_null("")
    frame = pl.DataFrame({"text": texts, "title": titles.fill_null(""), "kind": kinds})
    said = pl.when(pl.col("kind") == "file").then("text").otherwise(pl.concat_str("title", "text", separator=" "))
    samples = _samples(texts, settings.quality_sample_chars)
    enough = _has_words(frame.select(said).to_series(), settings)
    verdicts = pl.DataFrame({
        "too_short": ~enough,
        "mostly_symbols": _mostly_symbols(samples, settings),
        "repetitive": _repetitive(texts, samples, settings),
    })  # fmt: skip
    reasons = [pl.when(pl.col(name)).then(pl.lit(name)) for name in verdicts.columns]
    return verdicts.select(pl.coalesce(*reasons, pl.lit("")).alias("reason")).to_series()


def _has_words(texts: pl.Series, settings: QualitySettings) -> pl.Series:
    """Counted in the first characters, and in all of them only where these hold too few."""
    enough = texts.str.slice(0, 40 * settings.min_words).str.count_matches(WORD) > settings.min_words
    rows = (~enough).arg_true()
    return enough.scatter(rows, texts.gather(rows).str.count_matches(WORD) >= settings.min_words)


def _samples(texts: pl.Series, chars: int) -> pl.Series:
    """The start, and as much from the middle of a longer text."""
    text = pl.col("text")
    middle = text.str.slice(text.str.len_chars() // 2, chars)
    rest = pl.when(text.str.len_chars() > 2 * chars).then("\n" + middle).otherwise(pl.lit(""))
    return texts.to_frame("text").select(text.str.slice(0, chars) + rest).to_series()


def _mostly_symbols(samples: pl.Series, settings: QualitySettings) -> pl.Series:
    visible = samples.str.replace_all(r"\s+", "")
    letters = visible.str.replace_all(r"[^\p{L}\p{N}\p{M}]+", "").str.len_chars()
    return letters < visible.str.len_chars() * settings.min_letter_share


def _repetitive(texts: pl.Series, samples: pl.Series, settings: QualitySettings) -> pl.Series:
    """Few different words in few different lines; a table of yes and no has few words, but its rows differ.

    A sample holds few lines of a passage that is repeated, and up to three of them cut, so that they differ. Where its
    words are doubtful, a larger one decides.
    """
    doubtful = _distinct_words(samples, max(_DOUBTFUL_SHARE, settings.min_distinct_share))
    rows = doubtful.arg_true()
    longer = _samples(texts.gather(rows), _SECOND_LOOK * settings.quality_sample_chars)
    lines = longer.str.replace_all(r"\n+", "\n").str.split("\n")
    few_lines = (lines.list.len() < 3) | (lines.list.n_unique() < lines.list.len() * 0.2)
    enough = longer.str.count_matches(r"\p{L}+") >= 100
    return doubtful.scatter(rows, enough & few_lines & _distinct_words(longer, settings.min_distinct_share))


def _distinct_words(texts: pl.Series, share: float) -> pl.Series:
    """Whether the different words are fewer than ``share`` of the words."""
    words = texts.str.extract_all(r"\p{L}+")
    return words.list.n_unique() < words.list.len() * share
