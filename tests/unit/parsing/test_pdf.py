"""PDF files."""

from __future__ import annotations

import fpdf
import pytest

from dataalchemy_pipelines.parsing.pdf import parse_pdf
from dataalchemy_pipelines.parsing.verdict import Input, Unparsable


def pdf(*pages: str, password: str = "") -> bytes:
    document = fpdf.FPDF()
    document.set_title("A title")
    document.set_author("Ann")
    document.set_font("helvetica", size=12)
    for page in pages:
        document.add_page()
        document.multi_cell(0, text=page)
    if password:
        document.set_encryption(owner_password=password, user_password=password)
    return bytes(document.output())


def test_every_page_is_read_and_the_file_says_who_wrote_it_and_when() -> None:
    parsed = parse_pdf(pdf("first page", "second page"), Input("a.pdf"))
    assert parsed.text == "first page\n\nsecond page"
    assert (parsed.title, parsed.authors) == ("A title", ("Ann",))
    assert parsed.created_at is not None


def test_a_password_is_not_a_broken_file() -> None:
    with pytest.raises(Unparsable, match="encrypted"):
        parse_pdf(pdf("secret", password="x"), Input("a.pdf"))
    with pytest.raises(Unparsable, match="broken"):
        parse_pdf(b"%PDF-1.7\nnot really", Input("a.pdf"))


def test_a_picture_of_text_has_no_text() -> None:
    assert parse_pdf(pdf(""), Input("a.pdf")).text == ""
