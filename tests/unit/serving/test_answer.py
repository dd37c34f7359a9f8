"""Answers: what is said stands in a source that the reader may read."""

from __future__ import annotations

import pytest

from dataalchemy_pipelines.retrieval.index import Index
from dataalchemy_pipelines.serving.answer import Answer, answer, plain
from dataalchemy_pipelines.synthesis.prompts import ABSTAIN

from .conftest import WordLlm

QUESTION = "How many days of leave do employees have?"


def ask(llm: WordLlm, index: Index, said: str, question: str = QUESTION, *principals: str) -> Answer:
    llm.script = [said]
    return answer(question, index=index, llm=llm, adapter=None, principals=principals)


def test_a_quote_that_stands_is_given_with_its_chunk(llm: WordLlm, index: Index) -> None:
    given = ask(llm, index, '"Employees have 28 days of leave." [1]')
    assert given.text == '"Employees have 28 days of leave." [1]'
    assert [(c.number, c.chunk_id, c.native_id) for c in given.citations] == [(1, "c1", "leave.md")]
    assert (given.ground, given.abstained) == ("quoted", False)


def test_a_wrong_number_is_replaced_by_the_source_where_the_quote_stands(llm: WordLlm, index: Index) -> None:
    given = ask(llm, index, '"Employees have 28 days of leave." [2]')
    assert given.text.endswith("[1]") and given.citations[0].chunk_id == "c1"


def test_an_invented_quote_is_dropped_and_its_citation_with_it(llm: WordLlm, index: Index) -> None:
    given = ask(llm, index, '"Employees have 28 days of leave." [1] "Acme pays for all of it." [2]')
    assert "Acme" not in given.text and len(given.citations) == 1


@pytest.mark.parametrize("said", ["All employees have 28 days leave", "Lunch is at noon in Oslo.", "", '"[1]"'])
def test_what_stands_in_no_source_gives_way_to_the_nearest_sentence_and_says_so(
    said: str, llm: WordLlm, index: Index
) -> None:
    given = ask(llm, index, said)
    assert given.ground == "nearest"
    assert given.text == 'The nearest sentence in the sources: "Employees have 28 days of leave." [1]'


def test_a_model_that_says_it_is_not_there_is_believed(llm: WordLlm, index: Index) -> None:
    given = ask(llm, index, ABSTAIN)
    assert (given.text, given.citations, given.abstained) == (ABSTAIN, (), True)


def test_no_quote_and_no_sentence_near_enough_end_in_abstention(llm: WordLlm, index: Index) -> None:
    given = ask(llm, index, "Lunch is at noon.", "leave: zebra quasar saxophone trombone okapi lynx?")
    assert (given.text, given.citations, given.abstained) == (ABSTAIN, (), True)


def test_a_question_about_something_else_is_declined_without_asking_the_model(llm: WordLlm, index: Index) -> None:
    given = ask(llm, index, "unused", "zebra quasar saxophone?")
    assert given.abstained and llm.prompts == []


def test_the_model_never_sees_what_the_reader_may_not_read(llm: WordLlm, index: Index) -> None:
    question = "When does the merger with Acme close?"
    closed = ask(llm, index, '"The merger with Acme closes in the spring of next year." [1]', question)
    assert closed.abstained and not any("Acme closes" in prompt for prompt in llm.prompts)
    opened = ask(llm, index, '"The merger with Acme closes in the spring of next year." [1]', question, "group:legal")
    assert opened.citations[0].doc_id == "d2"
    narrowed = index.narrowed({"d1": ["public"], "d2": [], "d3": ["public"]})
    assert ask(llm, narrowed, '"The merger with Acme closes" [1]', question, "group:legal").abstained


def test_links_images_and_tags_of_a_document_are_not_passed_on() -> None:
    text = (
        "See ![x](https://a.b/p.png) [the page](https://a.b) at https://a.b?q=1 or <img src=x> javascript:alert(1) now"
    )
    assert plain(text) == "See x the page at or now"
