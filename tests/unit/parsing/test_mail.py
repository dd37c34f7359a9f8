"""Mail."""

from __future__ import annotations

import pytest

from dataalchemy_pipelines.parsing.mail import parse_mail
from dataalchemy_pipelines.parsing.verdict import Input, Parsed, Unparsable

HEAD = b"Subject: Hello\nFrom: Ann <ann@a.example>\nTo: bob@a.example\nDate: Thu, 3 Dec 2020 14:05:20 +0100\n"


def mail(payload: bytes) -> Parsed:
    return parse_mail(payload, Input("a.eml"))


def parts(kind: str, *bodies: bytes) -> bytes:
    inner = b"".join(b"--x\n" + body + b"\n" for body in bodies)
    return HEAD + b"Content-Type: multipart/" + kind.encode() + b"; boundary=x\n\n" + inner + b"--x--\n"


def test_the_subject_is_the_title_and_people_and_date_are_fields() -> None:
    parsed = mail(HEAD + b"\nBody\n")
    assert (parsed.title, parsed.authors) == ("Hello", ("Ann",))
    assert parsed.created_at is not None and parsed.created_at.isoformat() == "2020-12-03T13:05:20+00:00"
    assert parsed.text.startswith("From: Ann <ann@a.example>\nTo: bob@a.example\nDate: Thu")
    assert parsed.text.endswith("\n\nBody")


def test_of_alternatives_the_plain_one_is_taken_unless_it_is_blank() -> None:
    html = b"Content-Type: text/html\n\n<p>from <b>html</b></p>"
    assert mail(parts("alternative", b"Content-Type: text/plain\n\nplain", html)).text.endswith("\n\nplain")
    assert mail(parts("alternative", b"Content-Type: text/plain\n\n \n", html)).text.endswith("\n\nfrom html")


def test_attachments_are_named_and_every_text_is_read() -> None:
    file = b"Content-Type: application/pdf\nContent-Disposition: attachment; filename=a.pdf\n\n%PDF-1.4"
    text = mail(parts("mixed", b"\n\nfirst", file, b"Content-Type: text/plain\n\nsecond")).text
    assert text.endswith("\n\nfirst\n\nsecond\n\nAttachments: a.pdf")


def attached(name: str, kind: str, body: bytes, more: bytes = b"") -> bytes:
    head = f"Content-Type: {kind}\nContent-Disposition: attachment; filename={name}\n".encode()
    return parts("mixed", b"\n\nfirst", head + more + b"\n" + body, b"Content-Type: text/plain\n\nsecond")


@pytest.mark.parametrize(
    ("name", "kind", "body", "text"),
    [
        ("a.txt", "text/plain", b"alarm\nrelease", "alarm\nrelease"),
        ("a.txt", "text/plain; charset=cp1252", "\u201c\u00e9\u201d".encode("cp1252"), "\u201c\u00e9\u201d"),
        ("a.html", "text/html", b"<h1>Plan</h1><script>x</script><p>go", "# Plan\n\ngo"),
        ("a.csv", "text/csv", b"a;b\n1;2", "| a | b |\n| --- | --- |\n| 1 | 2 |"),
        ("a.csv", "application/octet-stream", b"a;b\n1;2", "| a | b |\n| --- | --- |\n| 1 | 2 |"),
        ("a.log", "application/octet-stream", b"# alarm", "```\n# alarm\n```"),
    ],
)
def test_an_attachment_that_is_text_stands_under_its_name_after_the_body(
    name: str, kind: str, body: bytes, text: str
) -> None:
    assert mail(attached(name, kind, body)).text.endswith(f"\n\nfirst\n\nsecond\n\n## {name}\n\n{text}")


def test_an_attachment_is_decoded() -> None:
    base64 = attached("a.txt", "text/plain", b"aGVsbG8=", b"Content-Transfer-Encoding: base64\n")
    assert mail(base64).text.endswith("## a.txt\n\nhello")


@pytest.mark.parametrize("body", [b"%PDF-1.4 text", b"PK\x03\x04broken", b"\x89PNG\r\n\x1a\n", b" "])
@pytest.mark.parametrize("kind", ["text/plain", "application/octet-stream"])
def test_an_attachment_that_only_claims_to_be_text_is_named(body: bytes, kind: str) -> None:
    assert mail(attached("a.txt", kind, body)).text.endswith("\n\nfirst\n\nsecond\n\nAttachments: a.txt")


def test_a_mail_with_a_huge_attachment_is_refused_whole_rather_than_cut() -> None:
    with pytest.raises(Unparsable, match="too_large"):
        mail(attached("a.log", "text/plain", b"alarm at 07:19\n" * (2**20 + 2**17)))


def test_an_invitation_beside_a_page_does_not_hide_the_page() -> None:
    page, invitation = b"Content-Type: text/html\n\n<p>Agenda", b"Content-Type: text/calendar\n\nBEGIN:VCALENDAR"
    assert mail(parts("alternative", page, invitation)).text.endswith("\n\nAgenda")


def test_a_forwarded_mail_is_read_with_its_own_head() -> None:
    text = mail(
        parts("mixed", b"\n\nsee below", b"Content-Type: message/rfc822\n\nSubject: Old\nFrom: c@a.example\n\nold")
    ).text
    assert text.endswith("see below\n\nForwarded message\n\nSubject: Old\nFrom: c@a.example\n\nold")


@pytest.mark.parametrize(
    ("head", "body", "text"),
    [
        (b"Content-Type: text/plain; charset=koi8-r\n", "Привет".encode("koi8-r"), "Привет"),
        (b"Content-Type: text/plain; charset=no-such\n", "é".encode(), "é"),
        (b"Content-Type: text/plain; charset=us-ascii\n", "“é”".encode("cp1252"), "“é”"),
        (b"Content-Type: text/plain\nContent-Transfer-Encoding: base64\n", b"aGVsbG8=", "hello"),
        (b"Content-Type: text/plain\nContent-Transfer-Encoding: quoted-printable\n", b"caf=C3=A9", "café"),
    ],
)
def test_charset_traps(head: bytes, body: bytes, text: str) -> None:
    assert mail(HEAD + head + b"\n" + body).text.endswith("\n\n" + text)


@pytest.mark.parametrize("raw", [b"=?utf-8?q?caf=C3=A9?=", "café".encode(), "café".encode("cp1252")])
def test_subjects_are_decoded_however_they_were_sent(raw: bytes) -> None:
    assert mail(b"Subject: " + raw + b"\n\nx").title == "café"


@pytest.mark.parametrize("charset", ["utf-16", "utf-16-le", "utf-16-be"])
def test_a_mail_saved_as_utf_16_is_read(charset: str) -> None:
    assert mail((HEAD + b"\nBody").decode().encode(charset)).text.endswith("\n\nBody")


def test_an_encrypted_mail_is_not_text_and_an_empty_one_has_none() -> None:
    with pytest.raises(Unparsable, match="encrypted"):
        mail(HEAD + b"Content-Type: application/pkcs7-mime\nContent-Transfer-Encoding: base64\n\nAAAA")
    with pytest.raises(Unparsable, match="no_text"):
        mail(HEAD + b"\n\n")
