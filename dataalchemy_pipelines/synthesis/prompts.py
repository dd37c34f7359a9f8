"""The one place where a prompt is made: pairs, evaluation and chat all ask the model in these words."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

ABSTAIN = "That is not in the sources."
"""The fixed sentence that answers a question which the sources do not answer."""

INSTRUCTION = f"Answer with an exact quote from the sources and its number, or say: {ABSTAIN}"
"""Short, since the model has 135 M parameters and every prompt pays for it."""


@dataclass(frozen=True)
class Source:
    """A numbered piece of text that an answer may quote."""

    number: int
    title: str
    text: str


def build_prompt(question: str, sources: Sequence[Source]) -> str:
    """The user message: instruction, sources as ``[n] title``, question last, nearest to the answer."""
    parts = [f"[{source.number}] {source.title}".rstrip() + f"\n{source.text.strip()}" for source in sources]
    return "\n\n".join([INSTRUCTION, *(parts or ["There are no sources."]), f"Question: {question.strip()}"])


def completion(sentence: str, number: int) -> str:
    """The answer that quotes ``sentence`` from source ``number``."""
    return f"{sentence} [{number}]"


def question_of(prompt: str) -> str:
    """The question that ``build_prompt`` put last."""
    return prompt.rpartition("\n\nQuestion: ")[2]


def quoted(answer: str) -> str:
    """The sentence that ``completion`` quoted."""
    return answer.rpartition(" [")[0]
