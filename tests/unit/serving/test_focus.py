"""Sources shown to the model: of each chunk the stretch from the sentence nearest to the question on."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from dataalchemy_pipelines.retrieval.index import Hit
from dataalchemy_pipelines.serving.focus import focus, nearer
from dataalchemy_pipelines.synthesis.grounding import Quote
from dataalchemy_pipelines.synthesis.passage import PASSAGE_CHARS
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


def test_each_chunk_is_shown_from_the_sentence_nearest_to_the_question_on() -> None:
    oven, bike = np.array([1, 0, 0], np.float32), np.array([0, 1, 0], np.float32)
    model = Meanings()
    (first,), (second,) = focus(model, [(oven, [hit(LONG)]), (bike, [hit(LONG)])])  # type: ignore[arg-type]
    assert (first.number, first.title) == (1, "A title")
    assert first.text.startswith("The oven runs at 60 degrees.") and second.text.startswith("The bike costs 20 euros.")
    assert model.calls == 1
    for source in (first, second):
        assert source.text in LONG, "a verbatim stretch, so that a quote of it stands in the document"
        assert PASSAGE_CHARS / 2 < len(source.text) <= PASSAGE_CHARS


def test_text_without_sentences_is_cut_at_its_lines() -> None:
    rows = "\n".join(f"| part {number} | {'oven' if number == 30 else 'lamp'} |" for number in range(60))
    ((source,),) = focus(Meanings(), [(np.array([1, 0, 0], np.float32), [hit(rows)])])  # type: ignore[arg-type]
    assert source.text.startswith("| part 30 | oven |") and len(source.text) <= PASSAGE_CHARS


def test_a_chunk_without_anything_to_compare_is_shown_from_its_start() -> None:
    ((source,),) = focus(Meanings(), [(np.array([1, 0, 0], np.float32), [hit("Yes. No.")])])  # type: ignore[arg-type]
    assert source.text == "Yes. No."


def test_a_quote_far_beside_the_question_gives_way_to_the_nearest_sentence() -> None:
    oven = np.array([1, 0, 0], np.float32)
    sources = [Source(1, "A", "The oven runs at 60 degrees."), Source(2, "B", "The bike costs 20 euros.")]
    beside, right = Quote("The bike costs 20 euros.", 2, 2), Quote("The oven runs at 60 degrees.", 1, 1)
    assert nearer(Meanings(), oven, sources, [beside]) == right  # type: ignore[arg-type]
    assert nearer(Meanings(), oven, sources, [right]) is None  # type: ignore[arg-type]
    assert nearer(Meanings(), oven, sources, [beside, right]) is None  # type: ignore[arg-type]


def test_without_a_quote_the_nearest_sentence_is_given_only_if_it_is_near() -> None:
    oven, holiday = np.array([1, 0, 0], np.float32), np.array([0, 0, 1], np.float32)
    sources = [Source(1, "A", "The oven runs at 60 degrees."), Source(2, "B", "The bike costs 20 euros.")]
    found = nearer(Meanings(), oven, sources, [])  # type: ignore[arg-type]
    assert found == Quote("The oven runs at 60 degrees.", 1, 1)
    assert nearer(Meanings(), holiday, sources, []) is None  # type: ignore[arg-type]
    assert nearer(Meanings(), oven, [], []) is None  # type: ignore[arg-type]
