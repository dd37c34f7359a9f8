"""The pieces of Markdown."""

from __future__ import annotations

from dataalchemy_pipelines.parsing import markdown
from dataalchemy_pipelines.parsing.markdown import Cell


def test_a_table_fills_short_rows_and_keeps_bars_and_breaks_inside_their_cells() -> None:
    assert markdown.table([["a", "b|c"], ["d\ne"]]) == "| a | b\\|c |\n| --- | --- |\n| d<br>e |  |"


def test_a_table_without_any_text_is_nothing() -> None:
    assert markdown.table([["", " "], []]) == ""


def test_a_fence_is_longer_than_any_run_of_backticks_within() -> None:
    assert markdown.fence("a ```` b", "md") == "`````md\na ```` b\n`````"


def test_what_follows_the_first_line_of_an_item_is_indented_under_it() -> None:
    assert markdown.item("1.", ["a", "- b\n- c"]) == "1. a\n   - b\n   - c"


def test_a_script_address_leaves_only_the_words() -> None:
    assert markdown.link("click", "javascript:alert(1)") == "click"
    assert markdown.link("see", "https://a.example/x y(1)") == "[see](https://a.example/x%20y(1%29)"
    assert markdown.link("", "https://a.example") == "<https://a.example>"


def test_a_mail_address_that_links_to_itself_is_written_once() -> None:
    assert markdown.link("ann@a.example", "mailto:Ann@a.example") == "<ann@a.example>"
    assert markdown.link("Ann", "mailto:ann@a.example") == "[Ann](mailto:ann@a.example)"
    assert markdown.link("ann@a.example", "mailto:bob@a.example") == "[ann@a.example](mailto:bob@a.example)"
    assert markdown.link("", "mailto:ann@a.example") == "<mailto:ann@a.example>"


def test_cells_that_span_push_others_into_their_own_columns() -> None:
    rows = [[Cell("a", columns=2), Cell("b", rows=2)], [Cell("c"), Cell("d")], [Cell("e"), Cell("f"), Cell("g")]]
    assert markdown.spread(rows) == [["a", "", "b"], ["c", "d"], ["e", "f", "g"]]


def test_a_cell_that_reaches_down_leaves_its_column_free_below() -> None:
    assert markdown.spread([[Cell("a", rows=2), Cell("b")], [Cell("c")]]) == [["a", "b"], ["", "c"]]
