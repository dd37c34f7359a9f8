"""What rows have in common is computed once: keys and values of their shared first tokens, spread over the batch."""

from __future__ import annotations

import copy
from collections.abc import Sequence

import torch
from transformers import DynamicCache

from dataalchemy_pipelines.models.load import ChatModel

LEAST_SHARED_TOKENS = 8
"""Below this the copies cost more than they save."""


class SharedPrefix:
    """The tokens with which all rows begin, and their keys and values; at least one token is left to each row."""

    def __init__(self, loaded: ChatModel, rows: Sequence[list[int]], *, keep: Sequence[int]) -> None:
        """`keep` says for each row how many of its last tokens must stay outside the prefix."""
        bound = min(len(row) - last for row, last in zip(rows, keep, strict=True))
        low, high = min(rows)[:bound], max(rows)[:bound]
        shared = low[: next((at for at, pair in enumerate(zip(low, high, strict=True)) if pair[0] != pair[1]), bound)]
        self.tokens = len(shared) if len(shared) >= LEAST_SHARED_TOKENS and len(rows) > 1 else 0
        self._cache = DynamicCache()
        if self.tokens:
            first = torch.tensor([shared], device=loaded.numerics.device)
            loaded.hidden(input_ids=first, past_key_values=self._cache, use_cache=True)

    def spread(self, rows: int) -> DynamicCache:
        """A cache for `rows` rows, to be filled further."""
        cache = copy.deepcopy(self._cache)
        if self.tokens:
            cache.batch_repeat_interleave(rows)
        return cache
