"""Text in one spelling: NFC, plain newlines and blanks, nothing invisible. What a reader sees does not change."""

from __future__ import annotations

import polars as pl

VERSION = "1"

_NOT_ASCII = r"[^\x00-\x7f]"
_INVISIBLE = (
    r"[\u00ad\u061c\u115f\u1160\u17b4\u17b5\u180e\u200b\u200e\u200f\u202a-\u202e\u2060-\u206f\u3164\ufeff\uffa0"
    r"\ufff9-\ufffb\x{E0000}-\x{E007F}]"
)
"""Zero-width, bidirectional and tag characters: they hide values from patterns and instructions from readers."""
_JOINED = r"([\x21-\x7e\p{Nd}])[\u034f\u200c\u200d\ufe00-\ufe0f]+"
"""Joiners carry meaning between Persian or Indic letters and in emoji, and none after ASCII or a digit."""
_CONTROL = r"[\x00-\x08\x0e-\x1f\x7f\u0080-\u0084\u0086-\u009f]"
_LINE_ENDS = r"\r\n?|[\x0b\x0c\u0085\u2028\u2029]"
_MANY_BLANK_LINES = r"\n{4,}"


def normalize(texts: pl.Series) -> pl.Series:
    """The texts in canonical form; normalising twice is the same as once, and null stays null.

    NFC and not NFKC: the latter would turn ``x²`` into ``x2``. Words hyphenated at a line end stay as they are, since
    joining them is a guess. At most two blank lines follow each other; blanks at line ends go.
    Cost: linear; texts of ASCII alone skip the Unicode part, which is six times dearer.
    """
    foreign = texts.str.contains(_NOT_ASCII).fill_null(False)
    if foreign.any():
        texts = texts.scatter(foreign.arg_true(), _unicode(texts.filter(foreign)))
    return (
        texts.str.replace_all(_LINE_ENDS, "\n")
        .str.replace_all(_CONTROL, "")
        .str.replace_all(r"[ \t]+\n", "\n")
        .str.replace_all(_MANY_BLANK_LINES, "\n\n\n")
        .str.replace(r"^\n+", "")
        .str.strip_chars_end(" \t\n")
    )


def _unicode(texts: pl.Series) -> pl.Series:
    visible = texts.str.replace_all(_LINE_ENDS, "\n").str.replace_all(_CONTROL, "").str.replace_all(_INVISIBLE, "")
    return visible.str.replace_all(_JOINED, "$1").str.normalize("NFC").str.replace_all(r"\p{Zs}", " ")
