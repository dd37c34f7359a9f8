"""OpenDocument texts."""

from __future__ import annotations

from collections.abc import Callable, Mapping

import pytest

from dataalchemy_pipelines.parsing.odt import parse_odt
from dataalchemy_pipelines.parsing.verdict import Input, Unparsable

Zipped = Callable[[Mapping[str, str | bytes]], bytes]
NAMES = 'xmlns:o="u:o" xmlns:t="u:t" xmlns:b="u:b" xmlns:x="u:x"'


def odt(zipped: Zipped, body: str, **parts: str) -> bytes:
    content = f"<o:document-content {NAMES}><o:body><o:text>{body}</o:text></o:body></o:document-content>"
    return zipped({"content.xml": content} | {f"{name}.xml": part for name, part in parts.items()})


def test_headings_lists_tables_notes_and_footers_are_read(zipped: Zipped) -> None:
    body = (
        '<t:h t:outline-level="2">Top</t:h><t:p>a<t:s t:c="2"/>b<t:note><t:note-citation>1</t:note-citation>'
        '<t:note-body><t:p>noted</t:p></t:note-body></t:note>, <t:a x:href="https://a.example">c</t:a></t:p>'
        "<t:list><t:list-item><t:p>one</t:p><t:list><t:list-item><t:p>two</t:p></t:list-item>"
        "</t:list></t:list-item></t:list>"
        "<b:table><b:table-row><b:table-cell><t:p>x</t:p></b:table-cell><b:table-cell><t:p>y</t:p></b:table-cell>"
        "</b:table-row></b:table>"
    )
    styles = f"<s {NAMES}><footer><t:p>foot</t:p></footer></s>"
    parsed = parse_odt(odt(zipped, body, styles=styles), Input("a.odt"))
    assert parsed.text == ("## Top\n\na  b, c\n\n[note] noted\n\n- one\n  - two\n\n| x | y |\n| --- | --- |\n\nfoot")
    assert parsed.links == ("https://a.example",)


def test_a_manifest_with_keys_means_a_password(zipped: Zipped) -> None:
    manifest = "<m:manifest xmlns:m='u'><m:file-entry><m:encryption-data/></m:file-entry></m:manifest>"
    with pytest.raises(Unparsable, match="encrypted"):
        parse_odt(zipped({"content.xml": "??", "META-INF/manifest.xml": manifest}), Input("a.odt"))
