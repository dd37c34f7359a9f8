"""Web pages to Markdown."""

from __future__ import annotations

import pytest

from dataalchemy_pipelines.parsing.html import parse_page, render_html
from dataalchemy_pipelines.parsing.verdict import Input, Unparsable

PAGE = Input("a.html")


def markdown(html: str) -> str:
    return render_html(html)[0]


def test_structure_stays_as_markdown() -> None:
    html = (
        "<h2>Steps</h2><p>Run <code>make</code> &amp;\n wait,<br>then <a href='https://a.example/x'>read</a>.</p>"
        "<ul><li>one<ol start=3><li>two</ol><li>three</ul><pre class='language-sh'>a\n  b</pre>"
        "<blockquote>said</blockquote>"
    )
    assert markdown(html) == (
        "## Steps\n\nRun `make` & wait,\nthen [read](https://a.example/x).\n\n"
        "- one\n  3. two\n- three\n\n```sh\na\n  b\n```\n\n> said"
    )
    assert render_html(html)[1] == ("https://a.example/x",)


def test_emphasis_does_not_cut_a_passage() -> None:
    assert markdown("<p>A <b>bold</b> and <i>slanted</i> word</p>") == "A bold and slanted word"


@pytest.mark.parametrize(
    "gone",
    [
        "<script>gone()</script>",
        "<style>.gone{}</style>",
        "<nav>gone</nav>",
        "<!-- gone -->",
        "<div hidden>gone</div>",
        "<p style='display: none'>gone</p>",
        "<span style='font-size:0px'>gone</span>",
        "<span style='visibility:hidden'>gone</span>",
        "<span style='color:#fff'>gone</span>",
        "<div role=navigation>gone</div>",
        "<li hidden>gone</li>",
        "<table><tr><td>a</td><td hidden>gone</td></tr></table>",
    ],
)
def test_what_a_reader_does_not_see_is_not_text(gone: str) -> None:
    text = markdown(f"<p>kept</p>{gone}<p>too</p>")
    assert "gone" not in text
    assert "kept" in text and "too" in text


def test_white_text_on_its_own_background_is_seen() -> None:
    assert markdown("<p style='background:navy'><span style='color:white'>seen</span></p>") == "seen"


def test_a_table_keeps_its_columns_and_what_stands_astray_in_it() -> None:
    html = "<table>astray<tr><th>a<th>b<tr><td rowspan=2>1<td>2|3<tr><td><p>x</p><p>y</p></table>"
    assert markdown(html) == "astray\n\n| a | b |\n| --- | --- |\n| 1 | 2\\|3 |\n|  | x<br>y |"


def test_a_table_in_a_cell_becomes_lines_and_one_for_layout_becomes_blocks() -> None:
    inner = "<table><tr><td>c<td>d</table>"
    assert "| 1 | c; d |" in markdown(f"<table><tr><th>a<th>b<tr><td>1<td>{inner}</table>")
    assert markdown(f"<table><tr><td><h1>a</h1><td>{inner}</table>") == "# a\n\n| c | d |\n| --- | --- |"


def test_text_right_inside_a_list_is_not_lost() -> None:
    assert markdown("<ul>before<li>a</li>after<ul><li>b</ul></ul>") == "- before\n- a\n  after\n  - b"


def test_the_head_gives_title_author_and_dates() -> None:
    page = (
        "<html><head><title> The\n title </title><meta name=author content='Ann'>"
        "<meta property='article:published_time' content='2020-12-03T00:00:00Z'></head>"
        "<body><h1>Other</h1></body></html>"
    )
    parsed = parse_page(page.encode(), PAGE)
    assert (parsed.title, parsed.authors) == ("The title", ("Ann",))
    assert parsed.created_at is not None and parsed.created_at.year == 2020


def test_the_main_part_is_taken_only_where_it_holds_most_of_the_page() -> None:
    long = "word " * 50
    assert parse_page(f"<header>site</header><main>{long}</main>".encode(), PAGE).text == long.strip()
    assert "site" in parse_page(f"<p>site {long}</p><main>little</main>".encode(), PAGE).text


@pytest.mark.parametrize("name", ["windows-1252", "iso-8859-1", "utf-8"])
def test_the_page_says_its_own_charset(name: str) -> None:
    codec = "cp1252" if name == "iso-8859-1" else name
    assert parse_page(f'<meta charset="{name}"><p>“é”</p>'.encode(codec), PAGE).text == "“é”"


def test_a_page_that_the_library_would_cut_is_refused_whole() -> None:
    assert markdown("<div>" * 200 + "deep" + "</div>" * 200 + "<p>after</p>") == "deep\n\nafter"
    with pytest.raises(Unparsable, match="too_deep"):
        markdown("<div>" * 300 + "deep" + "</div>" * 300 + "<p>after</p>")
