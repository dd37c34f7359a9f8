"""Atlassian Document Format."""

from __future__ import annotations

from typing import Any

from dataalchemy_pipelines.parsing.adf import render_adf


def node(kind: str, *content: Any, **attrs: Any) -> dict[str, Any]:
    return {"type": kind, "attrs": attrs, "content": [text(one) if isinstance(one, str) else one for one in content]}


def text(words: str, *marks: dict[str, Any]) -> dict[str, Any]:
    return {"type": "text", "text": words, "marks": list(marks)}


def markdown(*content: dict[str, Any]) -> str:
    return render_adf(node("doc", *content))[0]


def test_blocks_and_marks_become_markdown() -> None:
    linked = text("here", {"type": "link", "attrs": {"href": "https://a.example"}})
    document = node(
        "doc", node("paragraph", "go ", linked, ", ", text("x", {"type": "code"}), text("!", {"type": "strong"}))
    )
    assert render_adf(document) == ("go [here](https://a.example), `x`!", ("https://a.example",))
    assert markdown(node("heading", "Top", level=2), node("rule"), node("codeBlock", "a\nb", language="sh")) == (
        "## Top\n\n---\n\n```sh\na\nb\n```"
    )


def test_lists_nest_and_tasks_say_whether_they_are_done() -> None:
    inner = node("orderedList", node("listItem", node("paragraph", "b")), order=3)
    assert markdown(node("bulletList", node("listItem", node("paragraph", "a"), inner))) == "- a\n  3. b"
    tasks = node("taskList", node("taskItem", "a", state="DONE"), node("taskList", node("taskItem", "b", state="TODO")))
    assert markdown(tasks) == "- [x] a\n  - [ ] b"


def test_a_cell_that_reaches_down_leaves_its_column_free_below() -> None:
    def row(*cells: dict[str, Any]) -> dict[str, Any]:
        return node("tableRow", *cells)

    table = node(
        "table",
        row(node("tableHeader", node("paragraph", "a"), rowspan=2), node("tableHeader", "b")),
        row(node("tableCell", "c")),
    )
    assert markdown(table) == "| a | b |\n| --- | --- |\n|  | c |"


def test_small_nodes_show_their_words_and_unknown_ones_what_is_in_them() -> None:
    words = [
        node("mention", text="@Ann"),
        node("emoji", shortName=":x:", text="✗"),
        node("status", text="DONE"),
        node("date", timestamp="1606953600000"),
        node("inlineCard", url="https://a.example"),
    ]
    assert markdown(node("paragraph", *words)) == "@Ann✗DONE2020-12-03<https://a.example>"
    assert markdown(node("expand", node("future", node("paragraph", "inside")), title="More")) == "More\n\ninside"


def test_odd_values_are_no_error() -> None:
    assert render_adf({"type": "doc", "content": [None, 3, {"type": "paragraph", "content": "x"}, {"attrs": 1}]}) == (
        "",
        (),
    )
