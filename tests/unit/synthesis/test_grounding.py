"""Quotes held against their sources."""

from __future__ import annotations

import pytest

from dataalchemy_pipelines.synthesis.grounding import Quote, token_f1, verbatim
from dataalchemy_pipelines.synthesis.prompts import ABSTAIN, Source

SOURCES = [
    Source(1, "Leave", "Employees have **28 days** of leave.\nUnused days\nexpire in March."),
    Source(2, "Outage", "The “blue” cluster failed over in 40 minutes."),
]


def test_a_quote_holds_over_line_breaks_and_emphasis() -> None:
    assert verbatim('"Unused days expire in March." [1]', SOURCES) == [Quote("Unused days expire in March.", 1, 1)]
    assert verbatim("“Employees have 28 days of leave” [1]", SOURCES)[0].holds


def test_a_quote_with_quote_marks_inside_holds() -> None:
    assert verbatim('"The "blue" cluster failed over in 40 minutes." [2]', SOURCES)[0].holds


def test_a_quote_with_one_word_changed_does_not_hold() -> None:
    quote = verbatim('"Employees have 29 days of leave." [1]', SOURCES)[0]
    assert (quote.source, quote.holds) == (None, False)


def test_a_citation_of_another_source_does_not_hold_and_the_right_one_is_named() -> None:
    quote = verbatim('"Unused days expire in March." [2]', SOURCES)[0]
    assert (quote.cited, quote.source, quote.holds) == (2, 1, False)
    assert verbatim('"Unused days expire in March." [9]', SOURCES)[0].source == 1


def test_several_quotes_each_keep_their_own_citation() -> None:
    quotes = verbatim('"Unused days expire in March." [1] "failed over in 40 minutes" [2]', SOURCES)
    assert [(quote.source, quote.holds) for quote in quotes] == [(1, True), (2, True)]
    quotes = verbatim('It says "Unused days expire" and "days of leave" [1]', SOURCES)
    assert [quote.text for quote in quotes] == ["Unused days expire", "days of leave"]


@pytest.mark.parametrize("answer", ['"days" [1]', '"ays of lea" [1]', "", '"" [1]', "[1]", f"{ABSTAIN}", '"'])
def test_what_is_too_short_or_cut_inside_a_word_is_no_quote(answer: str) -> None:
    assert not any(quote.source for quote in verbatim(answer, SOURCES))


def test_an_answer_without_quote_marks_is_one_quote() -> None:
    assert verbatim("Unused days expire in March. [1]", SOURCES)[0].holds


def test_a_chinese_quote_is_found_inside_a_sentence() -> None:
    assert verbatim('"年假为二十天" [1]', [Source(1, "", "员工的年假为二十天。")])[0].holds


def test_token_f1_is_that_of_squad() -> None:
    assert token_f1("the 28 days", "28 days of leave") == pytest.approx(2 * (2 / 3) * (2 / 4) / (2 / 3 + 2 / 4))
    assert token_f1("", "leave") == 0
