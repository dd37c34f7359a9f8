"""Batches of rows of like length under a bound of tokens: little padding, a memory that has a ceiling."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import torch
from torch import Tensor


def batches_by_length(lengths: Sequence[int], *, token_budget: int, max_rows: int = 1 << 30) -> Iterator[list[int]]:
    """Yield row numbers, longest rows first, so that rows times the longest stays within `token_budget`.

    A row longer than the budget comes alone. Ties keep their order: the same lengths give the same batches.
    """
    batch: list[int] = []
    for row in sorted(range(len(lengths)), key=lambda row: -lengths[row]):
        if batch and (lengths[batch[0]] * (len(batch) + 1) > token_budget or len(batch) == max_rows):
            yield batch
            batch = []
        batch.append(row)
    if batch:
        yield batch


def pad_right(rows: Sequence[Sequence[int]], fill: int, device: str) -> Tensor:
    """(rows, longest) token ids; under causal attention padding on the right changes nothing before it, so no mask."""
    longest = max(len(row) for row in rows)
    return torch.tensor([[*row, *[fill] * (longest - len(row))] for row in rows], device=device)
