"""Scores equal what one plain pass over each pair gives."""

from __future__ import annotations

import pytest
import torch

from dataalchemy_pipelines.models.load import ChatModel
from dataalchemy_pipelines.models.score import score
from resources.errors import Misconfigured

PAIRS = [
    ("the question", "the answer"),
    ("a much longer question about the sources", "x"),
    ("what", ""),
    ("q", "y" * 40),
]


def test_a_batch_scores_like_one_plain_pass_over_each_pair(tiny: ChatModel) -> None:
    for (prompt, completion), found in zip(PAIRS, score(tiny, PAIRS), strict=True):
        before, after = tiny.chat.prompts([prompt])[0], tiny.chat.completions([completion])[0]
        ids = torch.tensor([before + after])
        with torch.inference_mode():
            losses = torch.log_softmax(tiny.model(input_ids=ids).logits[0, :-1], -1)
        expected = -losses[torch.arange(len(before) - 1, ids.shape[1] - 1), ids[0, len(before) :]].sum()
        assert found.tokens == len(after)
        assert found.nll == pytest.approx(float(expected), rel=1e-4, abs=1e-6)


def test_a_row_longer_than_the_context_is_refused_and_not_cut(tiny: ChatModel) -> None:
    with pytest.raises(Misconfigured, match="too long"):
        score(tiny, [("word " * 1200, "answer")])
