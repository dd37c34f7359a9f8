"""Confluence pages."""

from __future__ import annotations

import json
from typing import Any

import pytest

from dataalchemy_pipelines.parsing.confluence import parse_confluence, render_storage
from dataalchemy_pipelines.parsing.verdict import Input, Parsed, Unparsable


def page(body: Any, **fields: Any) -> Parsed:
    payload = {"id": "1", "title": "The page", "body": body, **fields}
    return parse_confluence(json.dumps(payload).encode(), Input("x#1", "confluence_page"))


def macro(name: str, body: str = "", **parameters: str) -> str:
    given = "".join(f'<ac:parameter ac:name="{key}">{value}</ac:parameter>' for key, value in parameters.items())
    return f'<ac:structured-macro ac:name="{name}">{given}{body}</ac:structured-macro>'


def rich(inner: str) -> str:
    return f"<ac:rich-text-body>{inner}</ac:rich-text-body>"


def plain(inner: str) -> str:
    return f"<ac:plain-text-body><![CDATA[{inner}]]></ac:plain-text-body>"


@pytest.mark.parametrize(
    ("storage", "markdown"),
    [
        (macro("code", plain("if a < b &nbsp; && c:\n  x"), language="py"), "```py\nif a < b &nbsp; && c:\n  x\n```"),
        (macro("panel", rich("<p>inside</p>"), title="Mind"), "Mind\n\ninside"),
        (macro("expand", rich(macro("info", rich("<ul><li>deep</li></ul>")))), "- deep"),
        (f"<p>is {macro('status', title='DONE', colour='Green')} now</p>", "is DONE now"),
        (f"<p>see {macro('jira', key='A-1', server='x')}</p>", "see A-1"),
        (macro("toc", maxLevel="2") + "<p>a</p>", "a"),
        ("<p>&eacute;t&eacute;&nbsp;&ndash; &amp;amp;</p>", "été – &amp;"),
        ('<p>to <ac:link><ri:page ri:content-title="Other"/></ac:link></p>', "to Other"),
        (
            "<p><ac:link><ri:page/><ac:link-body>that <b>one</b></ac:link-body></ac:link></p>",
            "that one",
        ),
        ('<p><ac:link><ri:user ri:username="ann"/></ac:link> said</p>', "@ann said"),
        ('<p><ac:emoticon ac:name="tick" ac:emoji-fallback="✓"/> done</p>', "✓ done"),
        (
            '<ac:image ac:alt="A map"><ri:url/><ac:caption><p>Here</p></ac:caption></ac:image>',
            "A map\n\nHere",
        ),
        (
            "<ac:task-list><ac:task><ac:task-id>1</ac:task-id><ac:task-status>complete</ac:task-status>"
            "<ac:task-body>did</ac:task-body></ac:task><ac:task><ac:task-status>incomplete</ac:task-status>"
            "<ac:task-body><p>do</p></ac:task-body></ac:task></ac:task-list>",
            "- [x] did\n- [ ] do",
        ),
        (
            "<ac:layout><ac:layout-section><ac:layout-cell><h1>L</h1></ac:layout-cell><ac:layout-cell><p>R</p>"
            "</ac:layout-cell></ac:layout-section></ac:layout>",
            "# L\n\nR",
        ),
        (
            "<table><tbody><tr><th>a</th><th>b</th></tr><tr><td><ul><li>x</li></ul></td><td><table><tbody><tr><td>c</td>"
            "<td>d</td></tr></tbody></table></td></tr></tbody></table>",
            "| a | b |\n| --- | --- |\n| - x | c; d |",
        ),
    ],
)
def test_storage_format_becomes_markdown(storage: str, markdown: str) -> None:
    assert render_storage(storage)[0] == markdown


def test_both_versions_of_the_interface_give_the_same_text_and_times() -> None:
    adf = {"type": "doc", "content": [{"type": "paragraph", "content": [{"type": "text", "text": "Hello"}]}]}
    first = page(
        {"storage": {"value": "<p>Hello</p>"}, "view": {"value": "<p>rendered</p>"}},
        history={"createdDate": "2020-01-01T00:00:00Z", "createdBy": {"displayName": "Ann"}},
        version={"when": "2020-02-01T00:00:00Z", "by": {"displayName": "Bob"}},
    )
    second = page(
        {"atlas_doc_format": {"value": json.dumps(adf)}},
        createdAt="2020-01-01T00:00:00Z",
        version={"createdAt": "2020-02-01T00:00:00Z"},
    )
    assert first.authors == ("Ann", "Bob")
    assert (first.text, first.title, first.created_at, first.updated_at) == (
        (second.text, second.title, second.created_at, second.updated_at)
    )


def test_a_rendered_body_is_read_where_there_is_no_other() -> None:
    assert page({"view": {"value": "<p>shown<p>more"}}).text == "shown\n\nmore"


@pytest.mark.parametrize("body", [None, {}, {"storage": {}}])
def test_a_page_without_a_body_has_no_text(body: Any) -> None:
    with pytest.raises(Unparsable, match="no_text"):
        page(body)


def test_a_body_that_is_not_well_formed_is_broken_and_not_shortened() -> None:
    with pytest.raises(Unparsable, match="broken"):
        page({"storage": {"value": "<p>one</p><p>two"}})
