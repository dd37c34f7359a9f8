"""The table of formats, and the one way through it: declared type, real type, parser, verdict."""

from __future__ import annotations

import re
import zlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from pathlib import PurePosixPath

from dataalchemy_pipelines.parsing import sniff
from dataalchemy_pipelines.parsing.charset import decode, tidy
from dataalchemy_pipelines.parsing.confluence import parse_confluence
from dataalchemy_pipelines.parsing.docx import parse_docx
from dataalchemy_pipelines.parsing.epub import parse_epub
from dataalchemy_pipelines.parsing.github import parse_github
from dataalchemy_pipelines.parsing.html import parse_page
from dataalchemy_pipelines.parsing.jira import parse_jira
from dataalchemy_pipelines.parsing.json_text import parse_json, parse_json_lines
from dataalchemy_pipelines.parsing.mail import parse_mail
from dataalchemy_pipelines.parsing.odt import parse_odt
from dataalchemy_pipelines.parsing.pdf import parse_pdf
from dataalchemy_pipelines.parsing.rtf import parse_rtf
from dataalchemy_pipelines.parsing.sheets import parse_xlsx
from dataalchemy_pipelines.parsing.slides import parse_pptx
from dataalchemy_pipelines.parsing.text import fenced, parse_csv, parse_markdown, parse_text
from dataalchemy_pipelines.parsing.verdict import Input, Parsed, Unparsable

Parser = Callable[[bytes, Input], Parsed]
MAX_TEXT_CHARS = 64 * 2**20


@dataclass(frozen=True)
class Format:
    """One format: its media type, the file extensions that declare it, what its bytes look like, who reads it."""

    media_type: str
    extensions: str
    parser: Parser
    real: str = sniff.TEXT


FORMATS: tuple[Format, ...] = (
    Format(sniff.TEXT, "txt text rst org adoc tex me", parse_text),
    Format("text/markdown", "md markdown mdx mkd", parse_markdown),
    Format("text/csv", "csv tsv tab", parse_csv),
    Format("text/x-log", "log out err", fenced("")),
    Format("text/html", "html htm xhtml", parse_page),
    Format("message/rfc822", "eml mht mhtml", parse_mail),
    Format("application/json", "json geojson ipynb", parse_json),
    Format("application/x-ndjson", "jsonl ndjson", parse_json_lines),
    Format("application/xml", "xml xsd xsl svg rss atom", fenced("xml")),
    Format("application/yaml", "yaml yml", fenced("yaml")),
    Format("text/x-config", "ini cfg conf toml properties env", fenced("ini")),
    Format("text/x-python", "py pyi", fenced("python")),
    Format("text/x-shellscript", "sh bash zsh ps1 bat cmd", fenced("sh")),
    Format("text/javascript", "js mjs cjs jsx", fenced("javascript")),
    Format("text/typescript", "ts tsx", fenced("typescript")),
    Format("text/x-java", "java kt kts scala groovy", fenced("java")),
    Format("text/x-c", "c h cc cpp cxx hpp hh cs", fenced("c")),
    Format("text/x-go", "go", fenced("go")),
    Format("text/x-rust", "rs", fenced("rust")),
    Format("text/x-sql", "sql ddl", fenced("sql")),
    Format("text/css", "css scss less", fenced("css")),
    Format("text/x-code", "rb php pl lua r swift m tf proto gradle vue dockerfile makefile diff patch", fenced("")),
    Format(sniff.PDF, "pdf", parse_pdf, sniff.PDF),
    Format(sniff.DOCX, "docx docm dotx", parse_docx, sniff.DOCX),
    Format(sniff.PPTX, "pptx pptm ppsx potx", parse_pptx, sniff.PPTX),
    Format(sniff.XLSX, "xlsx xlsm xltx", parse_xlsx, sniff.XLSX),
    Format(sniff.ODT, "odt ott", parse_odt, sniff.ODT),
    Format(sniff.EPUB, "epub", parse_epub, sniff.EPUB),
    Format(sniff.RTF, "rtf", parse_rtf, sniff.RTF),
)
KINDS: Mapping[str, Parser] = {
    "jira_issue": parse_jira,
    "confluence_page": parse_confluence,
    "github_pull": parse_github,
    "github_issue": parse_github,
}
"""Items of exports: known by what they are, whatever they are called."""

UNSUPPORTED: Mapping[str, str] = {
    extension: media_type
    for media_type, extensions in (
        (sniff.OLE, "doc xls ppt msg dot pps mpp vsd"),
        (sniff.ZIP, "zip jar war whl"),
        ("image/png", "png"),
        ("image/jpeg", "jpg jpeg"),
        ("image/gif", "gif"),
        ("image/tiff", "tif tiff"),
        ("image/bmp", "bmp"),
        ("application/gzip", "gz tgz"),
        ("application/x-bzip2", "bz2"),
        ("application/x-xz", "xz"),
        ("application/x-7z-compressed", "7z"),
        ("application/vnd.rar", "rar"),
    )
    for extension in extensions.split()
}
"""Extensions of types that are known and not read; their bytes must still be what the extension says."""

_BY_EXTENSION = {extension: one for one in FORMATS for extension in one.extensions.split()}
_BY_MEDIA_TYPE = {one.media_type: one for one in FORMATS}
_BY_REAL = {one.real: one for one in FORMATS if one.real != sniff.TEXT} | {sniff.TEXT: FORMATS[0]}
_HEAD_BYTES = 256
_UNSEEN = " \t\n\v\f\xa0\u200b\u2028\u2029\ufeff"
_LOOSE = frozenset({sniff.TEXT, "text/markdown", "text/csv"})
"""Types that any text can claim to be: a web page that was saved under such a name is still read as one."""
_PAGE = re.compile(r"\s*(?:<\?xml[^>]*>\s*)?(?:<!doctype html|<html[\s>])", re.IGNORECASE)


def parse(payload: bytes, record: Input) -> tuple[Parsed, str]:
    """The document in ``payload`` and its media type. Raises Unparsable; MemoryError is the caller's to name."""
    if _is_blank(payload):
        raise Unparsable("empty")
    media_type, parser = _reader(payload, record)
    try:
        parsed = parser(payload, record)
    except RecursionError as error:
        raise Unparsable("too_deep") from error
    except (zlib.error, UnicodeError, OverflowError) as error:
        raise Unparsable("broken") from error
    text = tidy(parsed.text)
    if not text.strip():
        raise Unparsable("no_text")
    if len(text) > MAX_TEXT_CHARS:
        raise Unparsable("too_large")
    name = PurePosixPath(record.native_id).stem if record.kind == "file" else ""
    return replace(parsed, text=text, title=tidy(parsed.title).strip() or name), media_type


def _reader(payload: bytes, record: Input) -> tuple[str, Parser]:
    """Who reads these bytes. Raises Unparsable: type_mismatch, unsupported_type, and what ``sniff`` raises."""
    if record.kind in KINDS:
        return "application/json", KINDS[record.kind]
    extension = _extension(record.native_id)
    real = sniff.sniff(payload)
    declared = _BY_EXTENSION.get(extension) or _BY_MEDIA_TYPE.get(record.media_type)
    if declared is None and extension not in UNSUPPORTED:
        declared = _BY_REAL.get(real)
        if declared is None:
            raise Unparsable("unsupported_type")
    if declared is None:
        raise Unparsable("unsupported_type" if UNSUPPORTED[extension] == real else "type_mismatch")
    if declared.real != real:
        raise Unparsable("type_mismatch")
    if declared.media_type in _LOOSE and _PAGE.match(decode(payload[:1024])):
        declared = _BY_EXTENSION["html"]
    return declared.media_type, declared.parser


def _extension(native_id: str) -> str:
    """The lower-case extension of a file, or its whole name for a Makefile; ``a.jsonl#line-3`` is a ``jsonl``."""
    name = PurePosixPath(native_id).name.lower().partition("#line-")[0]
    return name.rpartition(".")[2]


def _is_blank(payload: bytes) -> bool:
    """Whether no byte stands for anything that can be seen; the beginning nearly always answers."""
    return not any(tidy(decode(part)).strip(_UNSEEN) for part in (payload[:_HEAD_BYTES], payload))
