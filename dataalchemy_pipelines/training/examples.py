"""Pairs as token rows, and the order in which batches of them are learnt."""

from __future__ import annotations

import io
import random
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import polars as pl

from dataalchemy_pipelines.models.batches import batches_by_length
from dataalchemy_pipelines.models.chat import Chat
from resources.contracts import Lake
from resources.errors import Damaged, Misconfigured

WINDOW = 64
"""Rows sorted by length together: padding stays near 5 %, and each batch still mixes the whole set."""


@dataclass(frozen=True)
class Example:
    """One row of tokens; the last ``labels`` are the completion with the token that ends the turn."""

    tokens: list[int]
    labels: int


@dataclass(frozen=True)
class Examples:
    """Both sides of a training set, and how many pairs were longer than a step's budget and left out."""

    train: list[Example]
    valid: list[Example]
    too_long: int


def read_examples(lake: Lake, key: str, chat: Chat, *, longest: int) -> Examples:
    """Tokens of each pair of the Parquet object `key`. Raises NotFound, Damaged, Misconfigured (nothing to learn)."""
    try:
        rows = pl.read_parquet(io.BytesIO(lake.get(key)), columns=["split", "prompt", "completion"])
    except (pl.exceptions.PolarsError, OSError) as error:
        raise Damaged("Not a training set", subject=key, fix="Build the training set again.") from error
    sides: dict[str, list[Example]] = {"train": [], "valid": []}
    prompts, completions = chat.prompts(rows["prompt"].to_list()), chat.completions(rows["completion"].to_list())
    for side, prompt, completion in zip(rows["split"], prompts, completions, strict=True):
        if side in sides:
            sides[side].append(Example([*prompt, *completion, chat.end], len(completion) + 1))
    fitting = {side: [one for one in every if len(one.tokens) <= longest] for side, every in sides.items()}
    if not fitting["train"]:
        fix = "Build a training set with more pairs, or raise token_budget."
        raise Misconfigured("There is nothing to learn from", subject=key, fix=fix)
    too_long = sum(map(len, sides.values())) - sum(map(len, fitting.values()))
    return Examples(fitting["train"], fitting["valid"], too_long)


def batch_order(lengths: Sequence[int], *, token_budget: int, seed: int) -> Iterator[list[int]]:
    """Batches without end, epoch after epoch, each row once an epoch; the same arguments give the same order."""
    epoch = 0
    while True:
        order = random.Random(f"{seed}/{epoch}")
        rows = list(range(len(lengths)))
        order.shuffle(rows)
        windows = [rows[at : at + WINDOW] for at in range(0, len(rows), WINDOW)]
        batches = [
            [window[at] for at in batch]
            for window in windows
            for batch in batches_by_length([lengths[row] for row in window], token_budget=token_budget)
        ]
        order.shuffle(batches)
        yield from batches
        epoch += 1
