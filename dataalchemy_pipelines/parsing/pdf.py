"""PDF text through PDFium; forms and annotations count as part of the page."""

from __future__ import annotations

import re
from typing import Any

from dataalchemy_pipelines.parsing import markdown
from dataalchemy_pipelines.parsing.moment import pdf_moment
from dataalchemy_pipelines.parsing.verdict import Input, Parsed, Unparsable

_PASSWORD = 4  # FPDF_ERR_PASSWORD
_SOFT_BREAK = re.compile("[\x02\ufffe\uffff]\r?\n?")  # PDFium's marks for a word cut at the end of a line


def parse_pdf(payload: bytes, record: Input) -> Parsed:
    """The text of every page, in PDFium's reading order; a page that cannot be read breaks the document.

    Raises Unparsable: encrypted, broken; no_text is decided by the caller. Cost: about 1.3 ms a page.
    """
    import pypdfium2

    try:
        document = pypdfium2.PdfDocument(payload)
        try:
            pages = [_page(document, number) for number in range(len(document))]
            about = {name: value.strip() for name, value in document.get_metadata_dict().items()}
            names = [document.get_attachment(number).get_name() for number in range(document.count_attachments())]
        finally:
            document.close()
    except pypdfium2.PdfiumError as error:
        raise Unparsable("encrypted" if error.err_code == _PASSWORD else "broken") from error
    attached = "Attachments: " + ", ".join(names) if names and any(pages) else ""
    return Parsed(
        text=markdown.join([*pages, attached]),
        title=about.get("Title", ""),
        authors=tuple(filter(None, [about.get("Author", "")])),
        created_at=pdf_moment(about.get("CreationDate", "")),
        updated_at=pdf_moment(about.get("ModDate", "")),
    )


def _page(document: Any, number: int) -> str:
    from pypdfium2 import raw

    page = document[number]
    if raw.FPDFPage_Flatten(page, raw.FLAT_NORMALDISPLAY) == raw.FLATTEN_SUCCESS:  # values of forms become text
        page.close()
        page = document[number]
    text: str = page.get_textpage().get_text_bounded()
    page.close()
    return _SOFT_BREAK.sub("", text).replace("\r\n", "\n").strip()
