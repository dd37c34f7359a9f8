"""Plain text, Markdown, tables of values, code."""

from __future__ import annotations

from datetime import UTC, datetime

from dataalchemy_pipelines.parsing.text import fenced, parse_csv, parse_markdown, parse_text
from dataalchemy_pipelines.parsing.verdict import Input


def test_plain_text_is_not_touched() -> None:
    assert parse_text(b"# not a title\n  as is", Input("a.txt")).text == "# not a title\n  as is"


def test_front_matter_gives_the_fields_and_its_other_lines_stay() -> None:
    payload = b"---\ntitle: 'How we work'\nauthor: Ann\ndate: 2020-12-03\nowner: legal\n---\n# Other\n\nText"
    parsed = parse_markdown(payload, Input("a.md"))
    assert (parsed.title, parsed.authors) == ("How we work", ("Ann",))
    assert parsed.created_at == datetime(2020, 12, 3, tzinfo=UTC)
    assert "owner: legal" in parsed.text
    assert parsed.text.endswith("# Other\n\nText")


def test_without_front_matter_the_first_heading_is_the_title() -> None:
    parsed = parse_markdown(b"intro\n\n# The *title* #\n", Input("a.md"))
    assert parsed.title == "The *title*"
    assert parse_markdown(b"---\nnot front matter", Input("a.md")).text == "---\nnot front matter"


def test_the_delimiter_is_the_one_that_cuts_rows_evenly() -> None:
    assert parse_csv(b"a;b\n1,5;2\n", Input("a.csv")).text == "| a | b |\n| --- | --- |\n| 1,5 | 2 |"
    assert parse_csv("a\tb\n1\t2".encode("utf-16"), Input("a.tsv")).text == "| a | b |\n| --- | --- |\n| 1 | 2 |"
    assert parse_csv(b'a,b\n"1,2",3', Input("a.csv")).text == "| a | b |\n| --- | --- |\n| 1,2 | 3 |"


def test_prose_in_a_table_file_stays_one_column() -> None:
    assert parse_csv(b"one, two\nthree\nfour", Input("a.csv")).text == "| one, two |\n| --- |\n| three |\n| four |"


def test_code_is_one_block_whatever_is_in_it() -> None:
    assert (
        fenced("python")(b"# no heading\r\nx = '```'\n", Input("a.py")).text
        == "````python\n# no heading\nx = '```'\n````"
    )
    assert fenced("")(b" \n", Input("a.log")).text == ""
