"""EPUB books: the chapters in the order of the spine, each read as a web page."""

from __future__ import annotations

import posixpath
from urllib.parse import unquote

from dataalchemy_pipelines.parsing import markdown
from dataalchemy_pipelines.parsing.archive import Archive
from dataalchemy_pipelines.parsing.charset import decode
from dataalchemy_pipelines.parsing.html import render_html
from dataalchemy_pipelines.parsing.markup import attribute, name_of
from dataalchemy_pipelines.parsing.moment import moment
from dataalchemy_pipelines.parsing.verdict import Input, Parsed, Unparsable


def parse_epub(payload: bytes, record: Input) -> Parsed:
    """All chapters of a book. Raises Unparsable: broken where the spine names a chapter that is not there."""
    archive = Archive(payload)
    rootfile = archive.xml("META-INF/container.xml").find(".//{*}rootfile")
    if rootfile is None:
        raise Unparsable("broken")
    package = attribute(rootfile, "full-path")
    root = archive.xml(package)
    files = {attribute(item, "id"): attribute(item, "href") for item in root.iterfind("{*}manifest/{*}item")}
    blocks: list[str] = []
    links: list[str] = []
    for chapter in root.iterfind("{*}spine/{*}itemref"):
        href = unquote(files.get(attribute(chapter, "idref"), ""))
        text, found = render_html(
            decode(archive.read(posixpath.normpath(posixpath.join(posixpath.dirname(package), href))))
        )
        blocks.append(text)
        links += found
    metadata = root.find("{*}metadata")
    about = [] if metadata is None else [(name_of(node), (node.text or "").strip()) for node in metadata]
    return Parsed(
        text=markdown.join(blocks),
        title=next((value for name, value in about if name == "title"), ""),
        authors=tuple(value for name, value in about if name == "creator" and value),
        created_at=moment(next((value for name, value in about if name == "date"), None)),
        links=tuple(dict.fromkeys(links)),
    )
