"""The one prompt."""

from __future__ import annotations

from dataalchemy_pipelines.synthesis.prompts import (
    ABSTAIN,
    INSTRUCTION,
    Source,
    build_prompt,
    completion,
    question_of,
    quoted,
)


def test_the_prompt_holds_instruction_numbered_sources_and_the_question_last() -> None:
    prompt = build_prompt(" When? ", [Source(1, "Leave", "28 days.\n"), Source(2, "", "Nothing.")])
    assert prompt == f"{INSTRUCTION}\n\n[1] Leave\n28 days.\n\n[2]\nNothing.\n\nQuestion: When?"
    assert ABSTAIN in prompt


def test_without_sources_the_prompt_says_so() -> None:
    assert build_prompt("When?", []) == f"{INSTRUCTION}\n\nThere are no sources.\n\nQuestion: When?"


def test_a_completion_is_the_quoted_sentence_with_its_number() -> None:
    assert completion("Leave is 28 days.", 2) == "Leave is 28 days. [2]"


def test_question_and_quote_are_read_back_even_where_they_hold_marks_of_their_own() -> None:
    prompt = build_prompt('Why "x"?', [Source(1, "FAQ", "Question: what?\n\nQuestion: why?")])
    assert question_of(prompt) == 'Why "x"?'
    assert quoted(completion("It is [1] so.", 3)) == "It is [1] so."
