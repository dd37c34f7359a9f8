"""How well the model predicts completions: log-likelihood, with logits only where a completion's token is predicted."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch.nn import functional

from dataalchemy_pipelines.models.batches import batches_by_length, pad_right
from dataalchemy_pipelines.models.load import ChatModel
from dataalchemy_pipelines.models.prefill import SharedPrefix
from resources.contracts import Score

TOKEN_BUDGET = 768
LOGIT_ROWS = 256
"""Positions projected at once: 256 x 49,152 words x 4 bytes are 50 MB."""


def score(loaded: ChatModel, pairs: Sequence[tuple[str, str]]) -> list[Score]:
    """NLL in nats over each completion's own tokens, the end of the turn not counted; order is kept.

    Raises: Misconfigured where a row is longer than the model's context.
    """
    if not pairs:
        return []
    prompts = loaded.chat.prompts([prompt for prompt, _ in pairs])
    completions = loaded.chat.completions([completion for _, completion in pairs])
    rows = [prompt + completion for prompt, completion in zip(prompts, completions, strict=True)]
    lengths = [len(row) for row in rows]
    loaded.chat.fits(max(lengths))
    found: dict[int, Score] = {}
    with torch.inference_mode():
        prefix = SharedPrefix(loaded, rows, keep=[len(completion) + 1 for completion in completions])
        for batch in batches_by_length(lengths, token_budget=TOKEN_BUDGET):
            counts = [len(completions[row]) for row in batch]
            found.update(zip(batch, _batch(loaded, [rows[row] for row in batch], counts, prefix), strict=True))
    return [found[row] for row in range(len(rows))]


def _batch(
    loaded: ChatModel, rows: Sequence[Sequence[int]], counts: Sequence[int], prefix: SharedPrefix
) -> list[Score]:
    """Scores of one batch, whose last `counts` tokens of each row are the completion."""
    ids = pad_right([row[prefix.tokens :] for row in rows], loaded.chat.end, loaded.numerics.device)
    hidden = loaded.hidden(input_ids=ids, past_key_values=prefix.spread(len(rows)), use_cache=True).last_hidden_state
    starts = [len(row) - prefix.tokens - count for row, count in zip(rows, counts, strict=True)]
    spans = [(row, start, start + count) for row, (start, count) in enumerate(zip(starts, counts, strict=True))]
    states = torch.cat([hidden[row, start - 1 : end - 1] for row, start, end in spans])
    labels = torch.cat([ids[row, start:end] for row, start, end in spans])
    losses = [
        functional.cross_entropy(loaded.logits(some), wanted, reduction="none")
        for some, wanted in zip(states.split(LOGIT_ROWS), labels.split(LOGIT_ROWS), strict=True)
    ]
    sums = [float(part.double().sum()) for part in torch.cat(losses).split(list(counts))]
    return [Score(nll=nll, tokens=count) for nll, count in zip(sums, counts, strict=True)]
