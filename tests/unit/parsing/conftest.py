"""Builders of small documents, and the sandbox that the tests of this folder share."""

from __future__ import annotations

import io
import zipfile
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path

import pytest

from dataalchemy_pipelines.parsing.sandbox import Sandbox

WORD = 'xmlns:w="http://schemas.openxmlformats.org/wordprocessingml/2006/main"'
RELATIONS = "http://schemas.openxmlformats.org/package/2006/relationships"

Zipped = Callable[[Mapping[str, str | bytes]], bytes]
Docx = Callable[..., bytes]


@pytest.fixture(scope="session")
def zipped() -> Zipped:
    """Makes a zip of names and contents."""

    def build(entries: Mapping[str, str | bytes]) -> bytes:
        buffer = io.BytesIO()
        with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED, compresslevel=1) as archive:
            for name, content in entries.items():
                archive.writestr(name, content)
        return buffer.getvalue()

    return build


@pytest.fixture(scope="session")
def docx(zipped: Zipped) -> Docx:
    """Makes a Word file from the XML of its body, and other parts by name (``footnotes``, ``header1``)."""

    def build(body: str, **parts: str) -> bytes:
        relations = "".join(
            f'<Relationship Id="r{number}" Type="http://x/{name.rstrip("0123456789")}" Target="{name}.xml"/>'
            for number, name in enumerate(parts)
        )
        return zipped(
            {
                "[Content_Types].xml": "<Types/>",
                "word/document.xml": f"<w:document {WORD}><w:body>{body}</w:body></w:document>",
                "word/_rels/document.xml.rels": f'<Relationships xmlns="{RELATIONS}">{relations}</Relationships>',
            }
            | {f"word/{name}.xml": f"<w:{name} {WORD}>{content}</w:{name}>" for name, content in parts.items()}
        )

    return build


@pytest.fixture(scope="module")
def sandbox() -> Iterator[Sandbox]:
    """One sandbox for all tests of a file: each must leave it able to serve the next."""
    with Sandbox() as shared:
        yield shared


@pytest.fixture(scope="session")
def real_data() -> Path:
    """Real documents with labels, where the machine has them."""
    folder = Path(__file__).parents[4] / "shared" / "data"
    if not folder.is_dir():
        pytest.skip("no shared/data beside the checkout")
    return folder
