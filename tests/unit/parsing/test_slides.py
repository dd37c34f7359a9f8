"""PowerPoint files."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from dataalchemy_pipelines.parsing.slides import parse_pptx
from dataalchemy_pipelines.parsing.verdict import Input

Zipped = Callable[[Mapping[str, str | bytes]], bytes]
NAMES = 'xmlns:p="u:p" xmlns:a="u:a" xmlns:r="u:r"'


def shape(text: str, kind: str = "") -> str:
    mark = f'<p:nvSpPr><p:nvPr><p:ph type="{kind}"/></p:nvPr></p:nvSpPr>' if kind else ""
    return f"<p:sp>{mark}<p:txBody><a:p><a:r><a:t>{text}</a:t></a:r></a:p></p:txBody></p:sp>"


def test_slides_come_in_the_order_of_the_show_with_tables_groups_and_notes(zipped: Zipped) -> None:
    rels = '<Relationship Id="{}" Type="x/{}" Target="{}"/>'
    cells = "".join(f"<a:tc><a:txBody><a:p><a:r><a:t>{word}</a:t></a:r></a:p></a:txBody></a:tc>" for word in "ab")
    table = f"<p:graphicFrame><a:graphic><a:tbl><a:tr>{cells}</a:tr></a:tbl></a:graphic></p:graphicFrame>"
    order = '<p:sldId id="1" r:id="r2"/><p:sldId id="2" r:id="r1"/>'
    payload = zipped(
        {
            "ppt/presentation.xml": f"<p:presentation {NAMES}><p:sldIdLst>{order}</p:sldIdLst></p:presentation>",
            "ppt/_rels/presentation.xml.rels": '<Relationships xmlns="u">'
            + rels.format("r1", "slide", "slides/a.xml")
            + rels.format("r2", "slide", "slides/b.xml")
            + "</Relationships>",
            "ppt/slides/a.xml": f"<p:sld {NAMES}><p:spTree>{shape('Second', 'title')}{table}</p:spTree></p:sld>",
            "ppt/slides/b.xml": f"<p:sld {NAMES}><p:spTree>{shape('First', 'ctrTitle')}"
            f"<p:grpSp>{shape('grouped')}</p:grpSp></p:spTree></p:sld>",
            "ppt/slides/_rels/b.xml.rels": '<Relationships xmlns="u">'
            + rels.format("n", "notesSlide", "../notes/b.xml")
            + "</Relationships>",
            "ppt/notes/b.xml": f"<p:notes {NAMES}>{shape('say this', 'body')}{shape('7', 'sldNum')}</p:notes>",
        }
    )
    text = parse_pptx(payload, Input("a.pptx")).text
    assert text == "## First\n\ngrouped\n\nNotes: say this\n\n## Second\n\n| a | b |\n| --- | --- |"
