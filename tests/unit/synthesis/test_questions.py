"""Questions made from sentences."""

from __future__ import annotations

import random
from collections.abc import Iterator

import pytest

from dataalchemy_pipelines.synthesis.questions import question


def asked(sentence: str, phrases: list[str], *, title: str = "", language: str = "en") -> set[str]:
    def draws() -> Iterator[str]:
        for seed in range(200):
            yield question(sentence, phrases, title=title, language=language, draw=random.Random(seed))

    return set(draws())


@pytest.mark.parametrize(
    ("sentence", "expected"),
    [
        ("Backups are kept for 35 days in Frankfurt.", "How many days are backups kept in Frankfurt?"),
        ("Access is blocked because the token expired.", "Why is access blocked?"),
        ("Invoices must be filed before the fifth day.", "When must invoices be filed?"),
        ("If the pager rings, acknowledge it in Beacon.", "What do we do if the pager rings?"),
        ("Contractors must sign the laptop form.", "What must contractors do?"),
    ],
)
def test_a_clause_is_turned_into_the_question_that_it_answers(sentence: str, expected: str) -> None:
    words = expected.rstrip("?").split()[-1]
    assert expected in asked(sentence, [words])


def test_questions_vary_and_some_are_typed_in_haste() -> None:
    made = asked("Kestrel drops idle connections.", ["Kestrel", "idle connections"], title="Gateway")
    assert len(made) > 10
    assert any(text[0].islower() and not text.endswith("?") for text in made)


def test_a_question_always_names_something_of_the_sentence() -> None:
    for text in asked("Employees must file a claim within 30 days.", ["claim", "employees"], title=""):
        assert "claim" in text.lower() or "employees" in text.lower()


def test_a_title_that_is_not_there_is_never_asked_for() -> None:
    assert not any("  " in text or "in ?" in text for text in asked("Kestrel drops it.", ["Kestrel"], title=""))


def test_german_is_asked_in_german_and_an_unknown_language_by_its_topic() -> None:
    assert "Was gilt für Urlaub?" in asked("Urlaub ist frei.", ["Urlaub"], language="de")
    assert asked("Loma on vapaa.", ["Loma"], language="fi") <= {"Loma?", "loma"}
