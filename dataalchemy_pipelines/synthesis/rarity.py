"""How rare a word is in a corpus, and which chunks share a question's rare words: what makes a pair hard and plain."""

from __future__ import annotations

import math
import re
from collections import defaultdict
from collections.abc import Collection

import numpy as np
import polars as pl
from numpy.typing import NDArray

_CJK = "\u3040-\u30ff\u3400-\u9fff\uac00-\ud7af"
_WORD = re.compile(rf"[{_CJK}]{{1,2}}|[^\W_{_CJK}]+")
_CJK_CHARACTER = re.compile(f"[{_CJK}]")
_COMMON_SHARE = 0.1
"""A word in more than a tenth of the chunks tells little of any of them."""


def words_of(text: str) -> list[str]:
    """Lower-case words in order; Chinese, Japanese and Korean, written without blanks, two characters at a time."""
    return _WORD.findall(text.lower())


def is_cjk(text: str) -> bool:
    """Whether the text is mostly Chinese, Japanese or Korean."""
    return 3 * len(_CJK_CHARACTER.findall(text)) > len(text)


class Pool:
    """The chunks that distractors come from, sorted by id, with the weight of every word in them."""

    def __init__(self, chunks: pl.DataFrame) -> None:
        self.rows = chunks.unique("chunk_id", keep="first").sort("chunk_id")
        self.size = len(self.rows)
        held_by: defaultdict[str, list[int]] = defaultdict(list)
        for row, (title, text) in enumerate(self.rows.select("title", "text").iter_rows()):
            for word in set(words_of(f"{title or ''} {text}")):
                held_by[word].append(row)
        self._held_by: dict[str, NDArray[np.int64]] = {word: np.array(rows) for word, rows in held_by.items()}

    def weight(self, word: str) -> float:
        """Rarity in nats: log of chunks to chunks with the word; 0 for a word in all of them."""
        return math.log((self.size + 1) / (1 + len(self._held_by.get(word, ()))))

    def rare(self, word: str) -> bool:
        """Whether the word sets its chunks apart: in at most a tenth of them, or in no more than two."""
        return len(self._held_by.get(word, ())) <= max(2, _COMMON_SHARE * self.size)

    def nearest(self, query: Collection[str], *, limit: int) -> list[int]:
        """Rows that share the weightiest words with ``query``, best first, ties by chunk id."""
        score = np.zeros(self.size)
        for word in sorted(set(query)):
            if word in self._held_by:
                score[self._held_by[word]] += self.weight(word)
        best = np.argsort(-score, kind="stable")[:limit]
        return [int(row) for row in best if score[row] > 0]
