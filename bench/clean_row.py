"""The recipe of the clean pass for one row in plain Python, as an engineer writes it for a Spark UDF.

It is no straw man: expressions are compiled once, detectors read their anchors only, ASCII skips the Unicode part,
and the detectors' exact expressions and proofs are the product's own. Its rows equal those of `recipe.clean`.
"""

from __future__ import annotations

import hashlib
import re
import sys
import unicodedata
from collections import Counter
from collections.abc import Iterator
from functools import cache
from itertools import islice
from typing import Any

from dataalchemy_pipelines.transforms.lexicon import FUNCTION_WORDS, LETTERS
from dataalchemy_pipelines.transforms.recipe import RecipeSettings
from dataalchemy_pipelines.transforms.redact import DETECTORS, MAX_ROUNDS

SETTINGS = RecipeSettings()
_UNSPACED = (
    "\u0e00-\u0eff\u1000-\u109f\u1780-\u17ff\u1100-\u11ff\u3005\u3007\u3040-\u30ff\u3130-\u318f\u3400-\u4dbf\u4e00-\u9fff"
    "\uac00-\ud7af\uf900-\ufaff\U00020000-\U0003ffff"
)
_SCRIPTS = {
    "Greek": "\u0370-\u03ff\u1f00-\u1fff", "Hebrew": "\u0590-\u05ff", "Thai": "\u0e00-\u0e7f", "Lao": "\u0e80-\u0eff",
    "Khmer": "\u1780-\u17ff", "Myanmar": "\u1000-\u109f", "Georgian": "\u10a0-\u10ff", "Armenian": "\u0530-\u058f",
    "Hangul": "\uac00-\ud7af", "Han": "\u4e00-\u9fff", "Bengali": "\u0980-\u09ff", "Tamil": "\u0b80-\u0bff",
    "Telugu": "\u0c00-\u0c7f", "Kannada": "\u0c80-\u0cff", "Malayalam": "\u0d00-\u0d7f", "Gujarati": "\u0a80-\u0aff",
    "Gurmukhi": "\u0a00-\u0a7f", "Sinhala": "\u0d80-\u0dff", "Ethiopic": "\u1200-\u137f", "Tibetan": "\u0f00-\u0fff",
    "Oriya": "\u0b00-\u0b7f", "Hiragana": "\u3040-\u309f", "Katakana": "\u30a0-\u30ff", "Cyrillic": "\u0400-\u04ff",
    "Arabic": "\u0600-\u06ff", "Devanagari": "\u0900-\u097f",
}  # fmt: skip
"""Main blocks: Python's expressions know no scripts."""


def _ranges(categories: str) -> str:
    """The members of a character class for the Unicode categories that start with one of these letters."""
    codes = [code for code in range(128, sys.maxunicode + 1) if unicodedata.category(chr(code))[0] in categories]
    starts = [code for code, before in zip(codes, [-2, *codes], strict=False) if code != before + 1]
    ends = [code for code, after in zip(codes, [*codes[1:], -2], strict=True) if code != after - 1]
    return "".join(f"{chr(start)}-{chr(end)}" for start, end in zip(starts, ends, strict=True))


_MARKS = _ranges("M")
_LINE_ENDS = re.compile("\r\n?|[\x0b\x0c\u0085\u2028\u2029]")
_CONTROL = re.compile("[\x00-\x08\x0e-\x1f\x7f\u0080-\u0084\u0086-\u009f]")
_INVISIBLE = re.compile(
    "[\u00ad\u061c\u115f\u1160\u17b4\u17b5\u180e\u200b\u200e\u200f\u202a-\u202e\u2060-\u206f\u3164\ufeff\uffa0\ufff9-\ufffb"
    "\U000e0000-\U000e007f]"
)
_JOINED = re.compile("([\x21-\x7e\\d])[\u034f\u200c\u200d\ufe00-\ufe0f]+")
_BLANKS = re.compile("[\xa0\u1680\u2000-\u200a\u202f\u205f\u3000]")
_BLANK_END, _BLANK_LINES = re.compile(r"[ \t]+\n"), re.compile(r"\n{4,}")
_WORD = re.compile(f"[{_UNSPACED}][{_MARKS}]*|(?:(?![{_UNSPACED}])(?:[^\\W_]|[{_MARKS}]))+")
_SPACE, _SYMBOLS = re.compile(r"\s+"), re.compile(f"(?:(?![{_MARKS}])[\\W_])+")
_LETTERS_RUN, _LINES = re.compile(r"[^\W\d_]+"), re.compile(r"\n+")
_TOKENS, _FOREIGN = re.compile(f"(?:[^\\W\\d_]|[{_MARKS}'’])+"), re.compile(r"(?![a-z])[^\W\d_]")
_ANCHORS = [
    (rank, detector, re.compile(detector.anchor.replace("(?i-u:", "(?ai:"))) for rank, detector in enumerate(DETECTORS)
]
_LETTERS = [
    (language, re.compile(re.sub(r"\\p\{(\w+)\}", lambda name: _SCRIPTS[name[1]], f"[{letters.strip('[]')}]")), weight)
    for language, letters, weight in LETTERS
]


def clean_row(native_id: str, title: str, text: str, kind: str) -> tuple[Any, ...]:
    """native_id, title, text, language, redactions, outcome, reason and content_sha256 of the clean row."""
    (native_id, first, stable_id) = _redact(native_id)
    (title, second, stable_title) = _redact(_normalize(title))
    (text, third, stable_text) = _redact(_normalize(text))
    total = first + second + third
    stable = stable_id and stable_title and stable_text
    reason = _reason(text, title, kind) if stable else "redaction_unstable"
    language = _language(text)
    digest = hashlib.sha256(text.encode()).hexdigest()
    redactions = sorted(total.items())
    return (
        native_id,
        title,
        None if reason else text,
        language,
        redactions,
        "rejected" if reason else "kept",
        reason,
        digest,
    )


def _normalize(text: str) -> str:
    if not text.isascii():
        text = _INVISIBLE.sub("", _CONTROL.sub("", _LINE_ENDS.sub("\n", text)))
        text = _BLANKS.sub(" ", unicodedata.normalize("NFC", _JOINED.sub(r"\1", text)))
    text = _BLANK_END.sub("\n", _CONTROL.sub("", _LINE_ENDS.sub("\n", text)))
    return _BLANK_LINES.sub("\n\n\n", text).lstrip("\n").rstrip(" \t\n")


def _redact(text: str) -> tuple[str, Counter[str], bool]:
    counts: Counter[str] = Counter()
    for _ in range(MAX_ROUNDS):
        spans = list(_apart(sorted(_spans(text))))
        if not spans:
            return text, counts, True
        parts, done = list[str](), 0
        for start, end, rank in spans:
            parts += (text[done:start], f"[{DETECTORS[rank].kind}]")
            counts[DETECTORS[rank].kind] += 1
            done = end
        text = "".join((*parts, text[done:]))
    return text, counts, next(_spans(text), None) is None


def _spans(text: str) -> Iterator[tuple[int, int, int]]:
    plain = text if text.isascii() and "\x00" not in text else text.translate(_lookalikes())
    for rank, detector, anchor in _ANCHORS:
        done = 0
        for place in anchor.finditer(plain):
            if place.end() <= done:
                continue
            for match in detector.matches(plain, max(place.start(), done), place.end()):
                done = match.end()
                yield (*(match.span(match.lastgroup or 0) if detector.narrow else match.span()), rank)


@cache
def _lookalikes() -> dict[int, str]:
    digits = {
        code: str(unicodedata.decimal(chr(code))) for code in range(128, sys.maxunicode + 1) if chr(code).isdecimal()
    }
    wide = {code: chr(code - 0xFEE0) for code in range(0xFF01, 0xFF5F)}
    dashes = dict.fromkeys(map(ord, "\u2010\u2011\u2012\u2013\u2014\u2015\u2212"), "-")
    return digits | wide | dashes | {0: " "}


def _apart(spans: list[tuple[int, int, int]]) -> Iterator[tuple[int, int, int]]:
    for index, (start, end, rank) in enumerate(spans):
        if index == 0:
            current = (start, end, rank)
        elif start < current[1]:
            current = (current[0], max(current[1], end), min(current[2], rank))
        else:
            yield current
            current = (start, end, rank)
    if spans:
        yield current


def _reason(text: str, title: str, kind: str) -> str:
    said = text if kind == "file" else f"{title} {text}"
    if sum(1 for _ in islice(_WORD.finditer(said), SETTINGS.min_words)) < SETTINGS.min_words:
        return "too_short"
    sample = _sample(text, SETTINGS.quality_sample_chars)
    visible = _SPACE.sub("", sample)
    if len(_SYMBOLS.sub("", visible)) < len(visible) * SETTINGS.min_letter_share:
        return "mostly_symbols"
    if not _few_words(sample, max(0.35, SETTINGS.min_distinct_share)):
        return ""
    longer = _sample(text, 20 * SETTINGS.quality_sample_chars)
    lines = _LINES.sub("\n", longer).split("\n")
    few_lines = len(lines) < 3 or len(set(lines)) < len(lines) * 0.2
    enough = len(_LETTERS_RUN.findall(longer)) >= 100
    return "repetitive" if enough and few_lines and _few_words(longer, SETTINGS.min_distinct_share) else ""


def _sample(text: str, n: int) -> str:
    return text[:n] + ("\n" + text[len(text) // 2 :][:n] if len(text) > 2 * n else "")


def _few_words(text: str, share: float) -> bool:
    words = _LETTERS_RUN.findall(text)
    return len(set(words)) < len(words) * share


def _language(text: str) -> str:
    sample = text[: SETTINGS.language_sample_chars].lower()
    scores: Counter[str] = Counter()
    for word in _TOKENS.findall(sample):
        for language, score in _lexicon().get(word, ()):
            scores[language] += score  # type: ignore[assignment]
    if _FOREIGN.search(sample):
        for language, letters, weight in _LETTERS:
            if found := len(letters.findall(sample)):
                scores[language] += found / weight  # type: ignore[assignment]
    score, language = min(((-score, language) for language, score in scores.items()), default=(0, ""))
    return language if -score >= SETTINGS.min_language_score else "und"


@cache
def _lexicon() -> dict[str, list[tuple[str, float]]]:
    speakers: dict[str, set[str]] = {}
    for language, words in FUNCTION_WORDS.items():
        for word in words.split():
            speakers.setdefault(word, set()).add(language)
    return {word: [(language, 1 / len(names)) for language in names] for word, names in speakers.items()}
