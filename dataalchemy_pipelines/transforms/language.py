"""Which language a text is in, by its script and its most frequent small words; "und" where neither says enough."""

from __future__ import annotations

from functools import cache

import polars as pl
from pydantic import BaseModel, Field

from dataalchemy_pipelines.transforms.lexicon import FUNCTION_WORDS, LETTERS

VERSION = "1"
UNKNOWN = "und"


class LanguageSettings(BaseModel, frozen=True, extra="forbid"):
    """How much is read, and how sure one must be."""

    language_sample_chars: int = Field(
        1000, ge=100, le=100_000, description="Characters read from the start of a text."
    )
    min_language_score: float = Field(
        0.9, ge=0, description="Small words found, each divided by the languages that share it."
    )


def identify(texts: pl.Series, settings: LanguageSettings) -> pl.Series:
    """ISO 639-1 codes, 639-3 where there is none, or "und". Null gives "und".

    A word that several languages share counts for each of them in part. A script that one language writes is worth a
    word for every third letter. Cost: one hash join over the words of the samples, whatever the number of languages.
    """
    samples = pl.DataFrame(
        {"text": texts.fill_null("").str.slice(0, settings.language_sample_chars).str.to_lowercase()}
    ).with_row_index("row")
    scores = (
        pl.concat([_by_words(samples), _by_letters(samples)]).group_by("row", "language").agg(pl.col("score").sum())
    )
    best = (
        scores.filter(pl.col("score") >= settings.min_language_score)
        .sort("score", "language", descending=[True, False])
        .unique("row", keep="first", maintain_order=True)
    )
    return samples.join(best, on="row", how="left", maintain_order="left")["language"].fill_null(UNKNOWN)


def _by_words(samples: pl.DataFrame) -> pl.DataFrame:
    words = samples.select("row", pl.col("text").str.extract_all(r"[\p{L}\p{M}'’]+").alias("word")).explode("word")
    return words.join(_lexicon(), on="word").select("row", "language", "score")


def _by_letters(samples: pl.DataFrame) -> pl.DataFrame:
    foreign = samples.filter(pl.col("text").str.contains(r"[\p{L}--[a-z]]"))
    found = [
        foreign.select("row", pl.lit(language).alias("language"), score=pl.col("text").str.count_matches(letters) / per)
        for language, letters, per in LETTERS
    ]
    return pl.concat(found).filter(pl.col("score") > 0)


@cache
def _lexicon() -> pl.DataFrame:
    pairs = [(word, language) for language, words in FUNCTION_WORDS.items() for word in words.split()]
    frame = pl.DataFrame(pairs, schema=["word", "language"], orient="row").unique()
    return frame.with_columns(score=1.0 / pl.len().over("word"))
