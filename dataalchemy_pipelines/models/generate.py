"""Greedy continuations in batches: one pass over the prompts, then one token a step until each row has stopped."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor
from transformers import DynamicCache

from dataalchemy_pipelines.models.batches import batches_by_length, pad_right
from dataalchemy_pipelines.models.load import ChatModel
from dataalchemy_pipelines.models.prefill import SharedPrefix
from resources.contracts import Generated

TOKEN_BUDGET = 8192
MAX_ROWS = 32
"""Decoding gains little beyond 32 rows (2 cores: 33 tokens/s alone, 163 with 8 rows, 223 with 16, 267 with 32)."""


def generate(loaded: ChatModel, prompts: Sequence[str], *, max_new_tokens: int) -> list[Generated]:
    """Continuations in the order of the prompts; one that ends by itself has ``stopped``. Raises Misconfigured."""
    if not prompts:
        return []
    rows = loaded.chat.prompts(prompts)
    loaded.chat.fits(max(map(len, rows)) + max_new_tokens)
    found: dict[int, list[int]] = {}
    lengths = [len(row) for row in rows]
    with torch.inference_mode():
        prefix = SharedPrefix(loaded, rows, keep=[1] * len(rows))
        for batch in batches_by_length(lengths, token_budget=TOKEN_BUDGET, max_rows=MAX_ROWS):
            answers = _Decoding(loaded, [rows[row] for row in batch], prefix).run(max_new_tokens)
            found.update(zip(batch, answers, strict=True))
    return [_generated(loaded, found[row]) for row in range(len(rows))]


def _generated(loaded: ChatModel, tokens: list[int]) -> Generated:
    stopped = bool(tokens) and tokens[-1] in loaded.chat.stops
    return Generated(loaded.chat.text(tokens), stopped=stopped, tokens=len(tokens))


class _Decoding:
    """One batch. Prompts are padded on the right; the padding stays in the cache as slots that the mask leaves out."""

    def __init__(self, loaded: ChatModel, rows: Sequence[Sequence[int]], prefix: SharedPrefix) -> None:
        self._loaded, self._device = loaded, loaded.numerics.device
        suffixes = [row[prefix.tokens :] for row in rows]
        ids = pad_right(suffixes, loaded.chat.end, self._device)
        self._lengths = torch.tensor([len(row) for row in rows], device=self._device)
        self._cache: DynamicCache = prefix.spread(len(rows))
        slots = torch.arange(prefix.tokens + ids.shape[1], device=self._device)
        self._mask = (slots < self._lengths[:, None]).long()
        output = loaded.hidden(input_ids=ids, past_key_values=self._cache, use_cache=True)
        last = output.last_hidden_state[torch.arange(len(rows)), self._lengths - prefix.tokens - 1]
        self._next = self._best(last)

    def run(self, max_new_tokens: int) -> list[list[int]]:
        """The new tokens of each row, its stop token included."""
        answers: list[list[int]] = [[] for _ in range(len(self._next))]
        rows = list(range(len(answers)))
        for step in range(max_new_tokens):
            for row, token in zip(rows, self._next.tolist(), strict=True):
                answers[row].append(token)
            going = [at for at, row in enumerate(rows) if answers[row][-1] not in self._loaded.chat.stops]
            if not going or step == max_new_tokens - 1:
                break
            if len(going) < len(rows):
                self._keep(going)
                rows = [rows[at] for at in going]
            self._step()
        return answers

    def _step(self) -> None:
        self._mask = torch.cat([self._mask, self._mask.new_ones(len(self._mask), 1)], dim=1)
        output = self._loaded.hidden(
            input_ids=self._next[:, None],
            attention_mask=self._mask,
            position_ids=self._lengths[:, None],
            past_key_values=self._cache,
            use_cache=True,
        )
        self._lengths = self._lengths + 1
        self._next = self._best(output.last_hidden_state[:, -1])

    def _keep(self, going: list[int]) -> None:
        """Rows that have stopped leave the batch, so that the rest decodes faster."""
        chosen = torch.tensor(going, device=self._device)
        self._cache.batch_select_indices(chosen)
        self._mask, self._lengths, self._next = self._mask[chosen], self._lengths[chosen], self._next[chosen]

    def _best(self, hidden: Tensor) -> Tensor:
        return self._loaded.logits(hidden).argmax(dim=-1)
