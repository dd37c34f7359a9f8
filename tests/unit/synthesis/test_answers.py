"""Which sentences are worth learning."""

from __future__ import annotations

import polars as pl
import pytest

from dataalchemy_pipelines.synthesis.answers import informative, phrases
from dataalchemy_pipelines.synthesis.rarity import Pool

FILLER = [f"The team will meet on the day and all of the people will be there for topic{n}." for n in range(60)]
GOOD = "The Kestrel gateway drops idle connections after 45 seconds."


@pytest.fixture(scope="module")
def pool() -> Pool:
    texts = [*FILLER, f"{GOOD} Nightly snapshots of the Marlin ledger are copied to Oslo."]
    ids = [f"c{number:03}" for number in range(len(texts))]
    return Pool(pl.DataFrame({"chunk_id": ids, "title": [""] * len(texts), "text": texts}))


def chosen(text: str, pool: Pool) -> list[str]:
    return informative(text, pool, min_words=6, max_words=40)


@pytest.mark.parametrize(
    "dull",
    [
        "Thank you for the wonderful Kestrel gateway demonstration yesterday.",
        "This drops idle Kestrel connections after 45 seconds.",
        "# The Kestrel gateway drops idle connections after 45 seconds",
        "Is the Kestrel gateway dropping idle connections after seconds?",
        "The Kestrel gateway is described at https://example.com/kestrel now.",
        "The Kestrel gateway contact is [EMAIL] during business hours.",
        'The Kestrel gateway says "connection dropped" after 45 seconds.',
        "The team will meet on the day for people.",
        "Kestrel gateway idle connections.",
        "When the Kestrel gateway is dropping idle connections",
        "Kestrel Marlin Oslo gateway ledger idle",
    ],
)
def test_greetings_references_links_placeholders_and_the_like_are_left_out(dull: str, pool: Pool) -> None:
    assert chosen(dull, pool) == []
    assert chosen(f"{dull}\n\n{GOOD}", pool) == [GOOD]


def test_the_sentence_with_rarer_words_comes_first(pool: Pool) -> None:
    common = "The team will meet the Marlin people on the day of the ledger."
    assert chosen(f"{common} {GOOD}", pool) == [GOOD, common]


def test_phrases_are_runs_of_content_words(pool: Pool) -> None:
    assert phrases(GOOD, pool)[0] == "Kestrel gateway drops"
    assert len(phrases(GOOD, pool)) == 2
    assert phrases("It is so.", pool) == ["It is so."]
