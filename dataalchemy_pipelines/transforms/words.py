"""What counts as a word: a run of letters and digits, or one character of a script that writes without spaces."""

from __future__ import annotations

_UNSPACED = r"\p{Han}\p{Hiragana}\p{Katakana}\p{Hangul}\p{Thai}\p{Lao}\p{Khmer}\p{Myanmar}"
WORD = rf"[{_UNSPACED}]\p{{M}}*|[[\p{{L}}\p{{N}}\p{{M}}]--[{_UNSPACED}]]+"
"""For Polars (Rust) expressions. Hangul has spaces, but its words carry endings, so its syllables compare better."""
