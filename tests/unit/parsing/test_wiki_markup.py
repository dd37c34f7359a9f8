"""Jira wiki markup."""

from __future__ import annotations

import time

import pytest

from dataalchemy_pipelines.parsing.wiki_markup import render_wiki


@pytest.mark.parametrize(
    ("markup", "markdown"),
    [
        ("h3. Steps\r\n1) a\r\n2) b", "### Steps\n\n1) a\n2) b"),
        ("* one\n** two\n# three\n#* four", "- one\n  - two\n1. three\n   - four"),
        (
            "a *bold* _slanted_ -gone- +new+ x^2^ {{code *x*}}",
            "a **bold** *slanted* ~~gone~~ <u>new</u> x^2^ `code *x*`",
        ),
        ("pre*bold* snake_case_name a - b - c", "pre*bold* snake_case_name a - b - c"),
        ("{code:java}\n*p = \\\\q;\n{code}", "```java\n*p = \\\\q;\n```"),
        ("{code:title=App.js|borderStyle=solid}\nx\n{code}", "**App.js**\n```js\nx\n```"),
        ("{noformat}\n|a|\n{noformat}", "```\n|a|\n```"),
        ("{quote}\nsaid\n\nmore\n{quote}\nbq. once", "> said\n>\n> more\n\n> once"),
        ("{panel:title=T}\n* a\n{panel}", "> **T**\n> - a"),
        ("||a||b||\n|c *d*|[e|http://x.example]|", "| a | b |\n| --- | --- |\n| c **d** | [e](http://x.example) |"),
        ("|a|b\nc|", "| a | b<br>c |\n| --- | --- |"),
        (
            "[http://a.example] [x|mailto:b@a.example] [~ann] [^f.txt]",
            "<http://a.example> [x](mailto:b@a.example) @ann [f.txt](f.txt)",
        ),
        ("see [brackets] and [0]", "see [brackets] and [0]"),
        ("!shot.png|thumbnail! wow! really!", "![shot.png](shot.png) wow! really!"),
        ("{color:red}red{color} a\\\\b \\{x\\}", "red a\nb {x}"),
        ("{code}\nnever closed", "{code}\nnever closed"),
        ("", ""),
    ],
)
def test_markup_becomes_markdown(markup: str, markdown: str) -> None:
    assert render_wiki(markup)[0] == markdown


def test_addresses_are_collected_once() -> None:
    assert render_wiki("http://a.example. [x|http://b.example] http://a.example")[1] == (
        "http://a.example",
        "http://b.example",
    )


@pytest.mark.parametrize("unit", ["{code}", "*a ", "[a|", "{{", "|", "!a", "_a", "\\\\", "{quote}"])
def test_the_cost_stays_linear(unit: str) -> None:
    start = time.process_time()
    render_wiki(unit * 50_000)
    assert time.process_time() - start < 5
