"""Books."""

from __future__ import annotations

from collections.abc import Callable, Mapping

import pytest

from dataalchemy_pipelines.parsing.epub import parse_epub
from dataalchemy_pipelines.parsing.verdict import Input, Unparsable

Zipped = Callable[[Mapping[str, str | bytes]], bytes]
CONTAINER = "<container><rootfiles><rootfile full-path='book/b.opf'/></rootfiles></container>"
PACKAGE = (
    "<package xmlns:dc='u'><metadata><dc:title>The book</dc:title><dc:creator>Ann</dc:creator></metadata>"
    "<manifest><item id='1' href='a%20b.xhtml'/><item id='2' href='c.xhtml'/></manifest>"
    "<spine><itemref idref='2'/><itemref idref='1'/></spine></package>"
)


def test_chapters_come_in_the_order_of_the_spine(zipped: Zipped) -> None:
    chapters = {"book/a b.xhtml": "<h1>Last</h1>", "book/c.xhtml": "<h1>First</h1><p>text</p>"}
    parsed = parse_epub(
        zipped({"META-INF/container.xml": CONTAINER, "book/b.opf": PACKAGE, **chapters}), Input("a.epub")
    )
    assert parsed.text == "# First\n\ntext\n\n# Last"
    assert (parsed.title, parsed.authors) == ("The book", ("Ann",))


def test_a_chapter_that_is_not_there_breaks_the_book(zipped: Zipped) -> None:
    with pytest.raises(Unparsable, match="broken"):
        parse_epub(zipped({"META-INF/container.xml": CONTAINER, "book/b.opf": PACKAGE}), Input("a.epub"))
