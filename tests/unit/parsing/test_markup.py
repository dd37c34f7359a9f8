"""Reading XML and HTML within limits."""

from __future__ import annotations

import pytest

from dataalchemy_pipelines.parsing.markup import attribute, name_of, parse_html, parse_xml
from dataalchemy_pipelines.parsing.verdict import Unparsable

EXTERNAL = b'<!DOCTYPE r [<!ENTITY e SYSTEM "file:///etc/hostname">]><r>a &e; b</r>'
LAUGHS = b'<!DOCTYPE r [<!ENTITY a "ha"><!ENTITY b "&a;&a;&a;">]><r>&b;</r>'


def test_names_and_attributes_are_found_whatever_their_namespace() -> None:
    root = parse_xml(b'<n:r xmlns:n="u" n:id="1"><!-- x --></n:r>')
    assert (name_of(root), attribute(root, "id"), attribute(root, "other"), len(root)) == ("r", "1", "", 0)


@pytest.mark.parametrize("payload", [EXTERNAL, LAUGHS, b"<r>", b"", b"<a>&nbsp;</a>"])
def test_entities_and_half_documents_are_refused(payload: bytes) -> None:
    with pytest.raises(Unparsable, match="broken"):
        parse_xml(payload)


def test_depth_is_refused_and_never_cut() -> None:
    with pytest.raises(Unparsable, match="too_deep"):
        parse_xml(b"<a>" * 300 + b"</a>" * 300)
    with pytest.raises(Unparsable, match="too_deep"):
        parse_html("<b>" * 300)


def test_a_text_without_any_element_is_a_page_all_the_same() -> None:
    root = parse_html('<?xml version="1.0" encoding="utf-16"?>just words')
    assert root is not None and "".join(root.itertext()) == "just words"
    assert parse_html("") is None
