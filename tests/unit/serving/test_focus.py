"""Sources shown to the model: whole where short, else the stretch whose meaning is nearest to the question."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from dataalchemy_pipelines.retrieval.index import Hit
from dataalchemy_pipelines.serving.focus import FOCUS_CHARS, focus, nearer
from dataalchemy_pipelines.synthesis.grounding import Quote
from dataalchemy_pipelines.synthesis.prompts import Source

WORDS = ("oven", "bike", "holiday")


class Meanings:
    """An embedder that knows three words, and counts how often it was asked."""

    calls = 0

    def embed(self, texts: Sequence[str]) -> NDArray[np.float32]:
        self.calls += 1
        return np.array([[float(word in text) for word in WORDS] for text in texts], np.float32)


def hit(text: str) -> Hit:
    return Hit("c", "d", "n.md", "A title", text, 0.9, 0.9, 0.9)


FILLER = "Nothing of interest is said in this sentence of some length. "
LONG = FILLER * 8 + "The oven runs at 60 degrees. " + FILLER * 8 + "The bike costs 20 euros. " + FILLER * 8


def test_a_short_chunk_is_shown_whole() -> None:
    model = Meanings()
    ((source,),) = focus(model, [(np.ones(3, np.float32), [hit("The oven. And the bike.")])])  # type: ignore[arg-type]
    assert (source.number, source.title, source.text) == (1, "A title", "The oven. And the bike.")
    assert model.calls == 0


def test_of_a_long_chunk_the_nearest_sentence_is_shown_with_its_neighbours() -> None:
    oven, bike = np.array([1, 0, 0], np.float32), np.array([0, 1, 0], np.float32)
    model = Meanings()
    (first,), (second,) = focus(model, [(oven, [hit(LONG)]), (bike, [hit(LONG)])])  # type: ignore[arg-type]
    assert "The oven runs at 60 degrees." in first.text and "bike" not in first.text
    assert "The bike costs 20 euros." in second.text and "oven" not in second.text
    assert model.calls == 1
    for source in (first, second):
        assert source.text in LONG, "a verbatim stretch, so that a quote of it stands in the document"
        assert FOCUS_CHARS / 2 < len(source.text) <= FOCUS_CHARS


def test_a_sentence_longer_than_the_bound_is_shown_whole() -> None:
    sentence = "The oven " + "is hot and " * 60 + "stays so."
    ((source,),) = focus(Meanings(), [(np.array([1, 0, 0], np.float32), [hit(f"{FILLER * 3}{sentence}")])])  # type: ignore[arg-type]
    assert source.text == sentence


def test_text_without_sentences_is_cut_at_its_lines() -> None:
    rows = "\n".join(f"| part {number} | {'oven' if number == 30 else 'lamp'} |" for number in range(60))
    ((source,),) = focus(Meanings(), [(np.array([1, 0, 0], np.float32), [hit(rows)])])  # type: ignore[arg-type]
    assert "| part 30 | oven |" in source.text and len(source.text) <= FOCUS_CHARS


def test_a_quote_far_beside_the_question_gives_way_to_the_nearest_sentence() -> None:
    oven = np.array([1, 0, 0], np.float32)
    sources = [Source(1, "A", "The oven runs at 60 degrees."), Source(2, "B", "The bike costs 20 euros.")]
    beside, right = Quote("The bike costs 20 euros.", 2, 2), Quote("The oven runs at 60 degrees.", 1, 1)
    assert nearer(Meanings(), oven, sources, [beside]) == right  # type: ignore[arg-type]
    assert nearer(Meanings(), oven, sources, [right]) is None  # type: ignore[arg-type]
    assert nearer(Meanings(), oven, sources, [beside, right]) is None  # type: ignore[arg-type]
