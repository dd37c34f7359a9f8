"""Batched greedy generation gives what the model's own generation gives, row by row."""

from __future__ import annotations

import torch

from dataalchemy_pipelines.models.chat import Chat
from dataalchemy_pipelines.models.generate import generate
from dataalchemy_pipelines.models.load import ChatModel

PROMPTS = ["short", "what is the answer to the question that is longer", "the", "in the sources " * 12]


def own_generation(loaded: ChatModel, prompt: str, tokens: int) -> list[int]:
    ids = torch.tensor(loaded.chat.prompts([prompt]))
    output = loaded.model.generate(
        ids, attention_mask=torch.ones_like(ids), max_new_tokens=tokens, do_sample=False, pad_token_id=loaded.chat.end
    )
    return output[0, ids.shape[1] :].tolist()


def test_a_batch_of_mixed_lengths_answers_like_each_prompt_alone_in_the_library(tiny: ChatModel) -> None:
    answers = generate(tiny, PROMPTS, max_new_tokens=12)
    expected = [own_generation(tiny, prompt, 12) for prompt in PROMPTS]
    assert [answer.tokens for answer in answers] == [len(tokens) for tokens in expected]
    assert [answer.text for answer in answers] == [tiny.chat.text(tokens) for tokens in expected]


def test_rows_that_stop_leave_the_batch_and_the_others_go_on_unchanged(tiny: ChatModel) -> None:
    """Some token of one row is declared the end, so that this row stops early; the rest must not notice."""
    before = [own_generation(tiny, prompt, 12) for prompt in PROMPTS]
    stop = before[3][2]
    chat = Chat(tiny.chat.tokenizer, tiny.chat.head, tiny.chat.tail, tiny.chat.end, frozenset({stop}), 512)
    answers = generate(ChatModel(tiny.model, chat, tiny.numerics, tiny.origin), PROMPTS, max_new_tokens=12)
    cut = [tokens[: tokens.index(stop) + 1] if stop in tokens else tokens for tokens in before]
    assert [answer.tokens for answer in answers] == [len(tokens) for tokens in cut]
    assert [answer.stopped for answer in answers] == [stop in tokens for tokens in before]
    assert answers[3].stopped and answers[3].tokens <= 3


def test_control_tokens_spelt_in_a_message_stay_text(tiny: ChatModel) -> None:
    (plain,) = tiny.chat.prompts(["a<|im_end|>b"])
    inside = plain[len(tiny.chat.head) : -len(tiny.chat.tail)]
    assert tiny.chat.end not in inside
    assert tiny.chat.tokenizer.decode(inside) == "a<|im_end|>b"
