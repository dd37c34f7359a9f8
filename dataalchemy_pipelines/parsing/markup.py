"""Reading XML and HTML within limits: no entity is expanded, nothing is fetched, nothing is cut without a word."""

from __future__ import annotations

import re
from typing import Any

from lxml import etree

from dataalchemy_pipelines.parsing.verdict import Unparsable

Element = Any
"""An lxml element; lxml ships no types."""

_DECLARATION = re.compile(r"^\s*<\?xml[^>]*\?>")
_NO_MEMORY = 2  # libxml2's XML_ERR_NO_MEMORY


def parse_xml(payload: bytes) -> Element:
    """The root of an XML document. Raises Unparsable: too_deep past level 255, memory_limit, too_large, else broken.

    Nothing is fetched, a text node over 10 MB is refused (libxml2's limits), and so is a document type: no format here
    has one, and the entities that it declares would vanish unexpanded.
    """
    parser = etree.XMLParser(resolve_entities=False, no_network=True, remove_comments=True, remove_pis=True)
    try:
        root = etree.fromstring(payload, parser)
    except etree.XMLSyntaxError as error:
        _refuse_cut(parser)
        # Out of memory arrives as an "unknown error" without an entry in the log.
        starved = error.code in (None, 0, _NO_MEMORY) or not len(parser.error_log)
        raise Unparsable("memory_limit" if starved else "broken") from error
    if root.getroottree().docinfo.internalDTD is not None:
        raise Unparsable("broken")
    return root


def parse_html(text: str) -> Element | None:
    """The root of an HTML document, or None where there is no element in it.

    lxml drops all that follows level 255, later siblings too, with nothing but an entry in its log: that is
    too_deep here, never a shorter document.
    """
    parser = etree.HTMLParser(encoding="utf-8", no_network=True, remove_comments=True, remove_pis=True)
    try:
        root = etree.fromstring(_DECLARATION.sub("", text).encode("utf-8", "replace"), parser)
    except etree.XMLSyntaxError as error:
        _refuse_cut(parser)
        raise Unparsable("broken") from error
    _refuse_cut(parser)
    return root


def name_of(node: Element) -> str:
    """An element's name without its namespace; '' for an entity or a processing instruction."""
    return node.tag.rpartition("}")[2] if isinstance(node.tag, str) else ""


def attribute(node: Element, name: str) -> str:
    """The attribute with this local name, whatever its namespace; '' where there is none."""
    value = node.get(name)
    if value is None:
        value = next((value for key, value in node.attrib.items() if key.rpartition("}")[2] == name), "")
    return str(value)


def _refuse_cut(parser: Any) -> None:
    for entry in parser.error_log:
        if "depth" in entry.message:
            raise Unparsable("too_deep")
        if entry.type == etree.ErrorTypes.ERR_RESOURCE_LIMIT:
            raise Unparsable("too_large")
        if entry.type == etree.ErrorTypes.ERR_NO_MEMORY:
            raise Unparsable("memory_limit")
