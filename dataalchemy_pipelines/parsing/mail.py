"""Mail (RFC 5322): the subject as title, its people and date as fields, the body, attachments."""

from __future__ import annotations

import email
from collections.abc import Iterator
from email.errors import HeaderParseError
from email.header import decode_header
from email.message import Message
from email.utils import getaddresses

from dataalchemy_pipelines.parsing import markdown
from dataalchemy_pipelines.parsing.charset import decode, tidy
from dataalchemy_pipelines.parsing.html import render_html
from dataalchemy_pipelines.parsing.moment import mail_moment
from dataalchemy_pipelines.parsing.sniff import TEXT, sniff
from dataalchemy_pipelines.parsing.text import parse_csv
from dataalchemy_pipelines.parsing.verdict import Input, Parsed, Unparsable

_MAX_ATTACHED_BYTES = 16 * 2**20
_TEXTUAL = ("text", "application")  # mail programs send a log as application/octet-stream
_PAGES = ("text/html", "application/xhtml+xml")
_SHOWN = ("From", "To", "Cc", "Date")
_MAX_ENCODED_CHARS = 100_000  # decoding costs the square of the length
_SEALED = ("multipart/encrypted", "application/pkcs7-mime", "application/x-pkcs7-mime")
_SIGNATURES = ("application/pkcs7-signature", "application/x-pkcs7-signature", "application/pgp-signature")


def parse_mail(payload: bytes, record: Input) -> Parsed:
    """One mail, with the mails it forwards. The plain body is taken where there is one, else the HTML body.

    Raises Unparsable: encrypted; no_text for a mail with neither body nor attachment.
    """
    if payload[:2] in (b"\xff\xfe", b"\xfe\xff") or b"\0" in payload[:64]:
        payload = tidy(decode(payload)).encode()
    message = email.message_from_bytes(payload)
    links: list[str] = []
    blocks = list(_parts(message, links))
    if not any(blocks):
        raise Unparsable("no_text")
    return Parsed(
        text=markdown.join([_head(message), *blocks]),
        title=_header(message, "Subject"),
        authors=tuple(filter(None, (name or address for name, address in getaddresses([_header(message, "From")])))),
        created_at=mail_moment(_header(message, "Date")),
        links=tuple(dict.fromkeys(links)),
    )


def _parts(message: Message, links: list[str]) -> Iterator[str]:
    """The blocks of a mail: its texts in order, forwarded mails with their heads, then attachments.

    An attachment that is text stands under its name; of another one only the name is known.
    """
    attached: list[str] = []
    names: list[str] = []
    for part in _leaves(message):
        kind = part.get_content_type()
        if kind in _SEALED:
            raise Unparsable("encrypted")
        if kind == "message/rfc822":
            yield from _forwarded(part, links)
        elif not _is_attached(part):
            yield _body(part, links)
        elif kind not in _SIGNATURES:
            name, text = _decoded(part.get_filename() or "") or kind, _attachment(part, links)
            attached += [markdown.heading(name, 2), text] if text else []
            names += [] if text else [name]
    yield from attached
    if names:
        yield "Attachments: " + ", ".join(names)


def _is_attached(part: Message) -> bool:
    named = bool(part.get_filename()) or part.get_content_disposition() == "attachment"
    return named or part.get_content_maintype() != "text"


def _body(part: Message, links: list[str]) -> str:
    """The text of one part, a web page as Markdown."""
    if part.get_content_type() not in _PAGES:
        return _text(part)
    text, found = render_html(_text(part))
    links += found
    return text.strip()


def _attachment(part: Message, links: list[str]) -> str:
    """What an attachment says, or "" where it is no text. Raises Unparsable: too_large, since it must not be cut."""
    payload = part.get_payload(decode=True)
    if not isinstance(payload, bytes) or not _reads_as_text(part, payload):
        return ""
    if len(payload) > _MAX_ATTACHED_BYTES:
        raise Unparsable("too_large")
    kind, name = part.get_content_type(), _decoded(part.get_filename() or "").lower()
    if kind == "text/csv" or name.endswith((".csv", ".tsv")):
        return parse_csv(_text(part).encode(), Input(name)).text
    text = _body(part, links)
    return text if kind in (*_PAGES, TEXT, "text/markdown") or not text.strip() else markdown.fence(text)


def _reads_as_text(part: Message, payload: bytes) -> bool:
    if part.get_content_maintype() not in _TEXTUAL:
        return False
    try:
        return sniff(payload) == TEXT
    except Unparsable:  # a broken zip or a sealed office file
        return False


def _forwarded(part: Message, links: list[str]) -> Iterator[str]:
    for message in _inner(part):
        yield "Forwarded message"
        yield "\n".join(filter(None, [f"Subject: {_header(message, 'Subject')}", _head(message)]))
        yield from _parts(message, links)


def _leaves(message: Message) -> Iterator[Message]:
    """The parts that carry content; of alternatives the plain one, unless it is blank, else the page, or the last."""
    kind, inner = message.get_content_type(), _inner(message)
    if not inner or kind in _SEALED or kind == "message/rfc822":
        yield message
    elif kind == "multipart/alternative":
        plain = [part for part in inner if part.get_content_type() == "text/plain" and _text(part).strip()]
        pages = [part for part in inner if part.get_content_type() in _PAGES or part.is_multipart()]
        for part in plain[:1] or pages[-1:] or inner[-1:]:
            yield from _leaves(part)
    else:
        for part in inner:
            yield from _leaves(part)


def _inner(message: Message) -> list[Message]:
    parts = message.get_payload()
    return [part for part in parts if isinstance(part, Message)] if isinstance(parts, list) else []


def _text(part: Message) -> str:
    payload = part.get_payload(decode=True)
    if not isinstance(payload, bytes):
        return ""
    charset = part.get_param("charset")
    return tidy(decode(payload, charset if isinstance(charset, str) else ""))


def _head(message: Message) -> str:
    lines = ((name, _header(message, name)) for name in _SHOWN)
    return "\n".join(f"{name}: {value}" for name, value in lines if value)


def _header(message: Message, name: str) -> str:
    """A header's text on one line; raw bytes in it are read as the body would be."""
    raw = next((value for key, value in message.raw_items() if key.lower() == name.lower()), "")
    return _decoded(decode(str(raw).encode("utf-8", "surrogateescape")))


def _decoded(value: str) -> str:
    if len(value) > _MAX_ENCODED_CHARS:
        return " ".join(value.split())
    try:
        pieces = decode_header(value)
    except (HeaderParseError, ValueError):
        return " ".join(value.split())
    texts = (piece if isinstance(piece, str) else decode(piece, charset or "") for piece, charset in pieces)
    return " ".join("".join(texts).split())
