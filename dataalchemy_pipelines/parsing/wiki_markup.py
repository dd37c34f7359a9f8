"""Jira wiki markup to Markdown. Every pattern is bounded, so that the cost stays linear in the length of the text.

Source: the Jira "Text Formatting Notation" help page.
"""

from __future__ import annotations

import re
from collections.abc import Callable

from dataalchemy_pipelines.parsing import markdown

_MACRO = re.compile(r"\{(code|noformat|quote|panel|info|note|tip|warning|expand)(?::([^}\n]{0,500}))?\}")
_TITLE = re.compile(r"title=([^|}]{1,200})")
_LANGUAGE = re.compile(r"[A-Za-z0-9+#-]{1,20}$")
_HEADING = re.compile(r"\s*h([1-6])\.\s+(.*)")
_QUOTED = re.compile(r"\s*bq\.\s+(.*)")
_ITEM = re.compile(r"\s*([*#-]{1,9})\s+(\S.*)")
_RULE = re.compile(r"\s*-{4,5}\s*$")
# What must not be taken apart: monospace, links, images, colour tags, forced line breaks, escaped characters.
_ATOMS = re.compile(
    r"\{\{(?P<code>[^\n]{1,500}?)\}\}"
    r"|\[(?P<link>[^\[\]\n]{1,2000})\]"
    r"|(?<!\w)!(?P<image>[^\s!|][^!|\n]{0,500})(?:\|[^!\n]{0,200})?!"
    r"|\{(?:color|anchor)(?::[^}\n]{1,60})?\}"
    r"|(?P<break>\\\\)"
    r"|\\(?P<escaped>[{}\[\]*_+^~!|#-])"
    r"|(?P<plain>https?://[^\s\]|]{1,2000})"
)
_HELD = re.compile("\ue000([0-9]{1,7})\ue001")
_LINK_TARGET = re.compile(r"(?:[a-z][a-z0-9+.-]{1,20}:|/|#|www\.|mailto:)", re.IGNORECASE)


def _between(mark: str) -> re.Pattern[str]:
    """Text between two marks on one line that touch it, and touch no word outside."""
    one = re.escape(mark)
    other = re.escape(mark[0])
    return re.compile(rf"(?<![\w{other}]){one}(?=\S)([^{other}\n]{{1,500}})(?<=\S){one}(?![\w{other}])")


_EMPHASIS = tuple(
    (_between(mark), before, after)
    for mark, before, after in (
        ("*", "**", "**"),
        ("_", "*", "*"),
        ("-", "~~", "~~"),
        ("+", "<u>", "</u>"),
        ("^", "<sup>", "</sup>"),
        ("~", "<sub>", "</sub>"),
        ("??", "<q>", "</q>"),
    )
)


def render_wiki(text: str) -> tuple[str, tuple[str, ...]]:
    """The Markdown of a description or comment, and the addresses it links to."""
    links: list[str] = []
    return markdown.join(_blocks(text.replace("\r\n", "\n").replace("\r", "\n"), links)), tuple(dict.fromkeys(links))


def _blocks(text: str, links: list[str]) -> list[str]:
    """Cut the text at macros with a body; a macro that is never closed is text."""
    found: list[str] = []
    unclosed: set[str] = set()
    start = position = 0
    while (match := _MACRO.search(text, position)) is not None:
        name, options = match[1], match[2] or ""
        position = match.end()
        end = -1 if name in unclosed else text.find(f"{{{name}}}", position)
        if end < 0:
            unclosed.add(name)
            continue
        found += _lines(text[start : match.start()], links)
        found.append(_macro(name, options, text[position:end], links))
        start = position = end + len(name) + 2
    return found + _lines(text[start:], links)


def _macro(name: str, options: str, body: str, links: list[str]) -> str:
    title = _TITLE.search(options)
    head = f"**{title[1].strip()}**" if title is not None else ""
    if name in ("code", "noformat"):
        language = options.partition("|")[0]
        if title is not None and not _LANGUAGE.match(language):
            language = title[1].rpartition(".")[2]
        code = body.strip("\n")
        written = markdown.fence(code, language if _LANGUAGE.match(language) else "") if code.strip() else ""
        return "\n".join(filter(None, [head, written]))
    return markdown.quote("\n".join(filter(None, [head, markdown.join(_blocks(body, links))])))


def _lines(text: str, links: list[str]) -> list[str]:
    """Blocks of the text between macros: headings, quotes, rules, lists, tables, paragraphs."""
    blocks: list[tuple[str, str]] = []
    lines = text.split("\n")
    position = 0
    while position < len(lines):
        line = lines[position]
        position += 1
        if line.lstrip().startswith("|"):
            rows = [line]
            while position < len(lines) and _continues(rows[-1], lines[position]):
                if lines[position].lstrip().startswith("|"):
                    rows.append(lines[position])
                else:
                    rows[-1] += "\n" + lines[position]
                position += 1
            blocks.append(("table", markdown.table(_row(row, links) for row in rows)))
        else:
            blocks.append(_line(line, links))
    return _grouped(blocks)


def _line(line: str, links: list[str]) -> tuple[str, str]:
    if match := _HEADING.match(line):
        return "heading", markdown.heading(_inline(match[2], links), int(match[1]))
    if match := _QUOTED.match(line):
        return "quote", markdown.quote(_inline(match[1], links))
    if _RULE.match(line):
        return "rule", "---"
    if match := _ITEM.match(line):
        marks = match[1]
        indent = " " * sum(3 if mark == "#" else 2 for mark in marks[:-1])
        return "list", f"{indent}{'1.' if marks[-1] == '#' else '-'} {_inline(match[2], links)}"
    return "text" if line.strip() else "", _inline(line.strip(), links)


def _grouped(blocks: list[tuple[str, str]]) -> list[str]:
    """Neighbouring lines of a list, a quote or a paragraph become one block."""
    found: list[str] = []
    last = ""
    for kind, text in blocks:
        if kind and kind == last and kind in ("list", "quote", "text"):
            found[-1] += "\n" + text
        elif kind == "text" and last == "list":  # goes on under its item, as Jira shows it
            found[-1] += "\n  " + text.replace("\n", "\n  ")
            continue
        elif kind:
            found.append(text)
        last = kind
    return found


def _continues(row: str, line: str) -> bool:
    """A row goes on until a bar ends it; the next line belongs to the table when it starts with a bar."""
    return line.lstrip().startswith("|") or (not row.rstrip().endswith("|") and bool(line.strip()))


def _row(row: str, links: list[str]) -> list[str]:
    held: list[str] = []
    kept = _ATOMS.sub(_holder(held, links), row.strip())
    kept = kept.replace("||", "|").removeprefix("|").removesuffix("|")
    return [_release(_emphasised(cell.strip()), held) for cell in kept.split("|")]


def _inline(text: str, links: list[str]) -> str:
    held: list[str] = []
    return _release(_emphasised(_ATOMS.sub(_holder(held, links), text)), held)


def _holder(held: list[str], links: list[str]) -> Callable[[re.Match[str]], str]:
    """Replaces each atom by a number in private-use marks until emphasis is done."""

    def hold(match: re.Match[str]) -> str:
        if not any(match.groupdict().values()):
            return ""
        held.append(_atom(match, links))
        return f"\ue000{len(held) - 1}\ue001"

    return hold


def _release(text: str, held: list[str]) -> str:
    return _HELD.sub(lambda match: held[int(match[1])] if int(match[1]) < len(held) else match[0], text)


def _emphasised(text: str) -> str:
    for pattern, before, after in _EMPHASIS:
        text = pattern.sub(rf"{before}\1{after}", text)
    return text


def _atom(match: re.Match[str], links: list[str]) -> str:
    if match["code"]:
        return markdown.code(match["code"])
    if match["break"]:
        return "\n"
    if match["escaped"]:
        return match["escaped"]
    if match["plain"]:
        links.append(match["plain"].rstrip(".,;:)"))
        return match["plain"]
    if match["image"]:
        return f"![{match['image']}]({match['image']})"
    return _link(match["link"], links)


def _link(inner: str, links: list[str]) -> str:
    if inner.startswith("~"):
        return "@" + inner[1:].removeprefix("accountId:").removeprefix("accountid:")
    if inner.startswith("^"):
        return f"[{inner[1:]}]({inner[1:]})"
    text, _, target = inner.rpartition("|")
    if "|" in text and not _LINK_TARGET.match(target):  # [text|address|smart-link]
        text, target = inner.split("|")[:2]
    if not _LINK_TARGET.match(target):
        return f"[{inner}]"
    if target.lower().startswith(("http:", "https:", "mailto:", "ftp:")):
        links.append(target)
    shown = target.removeprefix("mailto:")
    return markdown.link(_emphasised(text), target) if text else f"<{shown}>"
