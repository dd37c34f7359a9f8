"""Texts to unit vectors: mean of the last layer over a text's tokens, as sentence-transformers does for MiniLM."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from dataalchemy_pipelines.models.batches import batches_by_length
from dataalchemy_pipelines.models.canary import Numerics

MAX_TOKENS = 256
"""What all-MiniLM-L6-v2 was trained on; the rest of a longer text does not enter its vector."""
TOKEN_BUDGET = 8192


def embed(model: Any, tokenizer: Any, texts: Sequence[str], *, numerics: Numerics) -> NDArray[np.float32]:
    """(n, d) unit vectors in the order of the texts; an empty text has one too, that of its two control tokens.

    Cost: see the figures in bench; time is linear in tokens.
    """
    vectors = np.zeros((len(texts), model.config.hidden_size), np.float32)
    if not texts:
        return vectors
    rows = tokenizer(list(texts), truncation=True, max_length=min(MAX_TOKENS, tokenizer.model_max_length)).input_ids
    with torch.inference_mode():
        for batch in batches_by_length([len(row) for row in rows], token_budget=TOKEN_BUDGET):
            padded = tokenizer.pad({"input_ids": [rows[row] for row in batch]}, return_tensors="pt").to(numerics.device)
            hidden = model(**padded).last_hidden_state.float()
            mask = padded["attention_mask"][:, :, None].float()
            means = (hidden * mask).sum(1) / mask.sum(1)
            vectors[batch] = torch.nn.functional.normalize(means, dim=1).cpu().numpy()
    return vectors
