"""Word documents."""

from __future__ import annotations

from collections.abc import Callable

from dataalchemy_pipelines.parsing.docx import parse_docx
from dataalchemy_pipelines.parsing.verdict import Input

Docx = Callable[..., bytes]
BOX = "<w:txbxContent><w:p><w:r><w:t>in a box</w:t></w:r></w:p></w:txbxContent>"


def run(text: str) -> str:
    return f'<w:r><w:t xml:space="preserve">{text}</w:t></w:r>'


def p(text: str, settings: str = "") -> str:
    return f"<w:p><w:pPr>{settings}</w:pPr>{run(text)}</w:p>"


def text_of(payload: bytes) -> str:
    return parse_docx(payload, Input("a.docx")).text


def test_every_part_that_holds_text_is_read(docx: Docx) -> None:
    text = text_of(
        docx(
            p("body"),
            header1=p("head"),
            footer1=p("foot"),
            footnotes=f'<w:footnote w:id="1">{p("a note")}</w:footnote>',
            comments=f'<w:comment w:id="0" w:author="Ann">{p("look here")}</w:comment>',
        )
    )
    assert text == "head\n\nbody\n\nfoot\n\n[footnote 1] a note\n\nComment by Ann: look here"


def test_headings_and_lists_come_from_styles_and_numbering(docx: Docx) -> None:
    styles = '<w:style w:styleId="H2"><w:name w:val="heading 2"/></w:style>'
    numbering = (
        '<w:abstractNum w:abstractNumId="7"><w:lvl w:ilvl="0"><w:numFmt w:val="bullet"/></w:lvl></w:abstractNum>'
        '<w:num w:numId="1"><w:abstractNumId w:val="7"/></w:num>'
    )

    def item(text: str, number: int) -> str:
        return p(text, f'<w:numPr><w:ilvl w:val="0"/><w:numId w:val="{number}"/></w:numPr>')

    body = p("Top", '<w:pStyle w:val="H2"/>') + item("a", 1) + item("b", 1) + p("between") + item("c", 2)
    assert text_of(docx(body, styles=styles, numbering=numbering)) == "## Top\n\n- a\n- b\n\nbetween\n\n1. c"


def test_a_table_is_a_table_with_all_paragraphs_of_its_cells(docx: Docx) -> None:
    cells = [p("a"), p("b"), p("c") + p("d"), p("e")]
    rows = "".join(f"<w:tr><w:tc>{cells[i]}</w:tc><w:tc>{cells[i + 1]}</w:tc></w:tr>" for i in (0, 2))
    assert text_of(docx(f"<w:tbl>{rows}</w:tbl>")) == "| a | b |\n| --- | --- |\n| c<br>d | e |"


def test_a_text_box_is_read_once_though_it_is_there_twice(docx: Docx) -> None:
    twice = f"<w:AlternateContent><w:Choice>{BOX}</w:Choice><w:Fallback>{BOX}</w:Fallback></w:AlternateContent>"
    assert text_of(docx(f"<w:p><w:r>{twice}</w:r>{run('around')}</w:p>")) == "around\n\nin a box"


def test_inserted_text_counts_and_deleted_or_hidden_text_does_not(docx: Docx) -> None:
    body = (
        f"<w:p><w:ins>{run('new ')}</w:ins><w:del><w:r><w:delText>old</w:delText></w:r></w:del>"
        f"<w:r><w:rPr><w:vanish/></w:rPr><w:t>hidden</w:t></w:r><w:hyperlink>{run('linked')}</w:hyperlink></w:p>"
    )
    assert text_of(docx(body)) == "new linked"


def test_text_in_content_controls_is_text(docx: Docx) -> None:
    row = f"<w:sdt><w:sdtContent><w:tr><w:tc>{p('a')}</w:tc><w:tc>{p('b')}</w:tc></w:tr></w:sdtContent></w:sdt>"
    body = f"<w:sdt><w:sdtContent>{p('inside')}</w:sdtContent></w:sdt><w:tbl>{row}</w:tbl>"
    assert text_of(docx(body)) == "inside\n\n| a | b |\n| --- | --- |"
