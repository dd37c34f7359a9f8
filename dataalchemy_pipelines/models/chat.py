"""Text to a chat's tokens: the model's template around one message, whose text can never become control tokens."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Self

from resources.errors import Misconfigured

PLACE = "PLACE-OF-THE-MESSAGE"


@dataclass(frozen=True)
class Chat:
    """A tokenizer and its template, cut at the place of the user's message.

    ``end`` is the token that closes a turn and ``stops`` are all that end an answer.
    """

    tokenizer: Any
    head: tuple[int, ...]
    tail: tuple[int, ...]
    end: int
    stops: frozenset[int]
    max_tokens: int

    @classmethod
    def of(cls, tokenizer: Any, config: Any) -> Self:
        """Read the template of `tokenizer`. Raises Misconfigured where it has none."""
        if not tokenizer.chat_template:
            fix = "Use a model made for chat, such as one with `Instruct` in its name."
            raise Misconfigured("The base model has no chat template", subject=str(tokenizer.name_or_path), fix=fix)
        message = [{"role": "user", "content": PLACE}]
        text = tokenizer.apply_chat_template(message, tokenize=False, add_generation_prompt=True)
        head, tail = (tuple(tokenizer(part, add_special_tokens=False).input_ids) for part in text.split(PLACE))
        stops = config.eos_token_id if isinstance(config.eos_token_id, list) else [config.eos_token_id]
        end = tokenizer.eos_token_id
        return cls(tokenizer, head, tail, end, frozenset({end, *stops} - {None}), config.max_position_embeddings)

    def prompts(self, texts: Sequence[str]) -> list[list[int]]:
        """Each text as a user's message, up to where the answer begins."""
        return [[*self.head, *tokens, *self.tail] for tokens in self._plain(texts)]

    def completions(self, texts: Sequence[str]) -> list[list[int]]:
        """Each text as an answer, without the token that closes the turn."""
        return self._plain(texts)

    def text(self, tokens: Sequence[int]) -> str:
        """The words of an answer, without control tokens."""
        return str(self.tokenizer.decode(tokens, skip_special_tokens=True))

    def fits(self, tokens: int) -> None:
        """Raises Misconfigured where a row is longer than the model's context."""
        if tokens > self.max_tokens:
            fix = "Retrieve fewer or shorter chunks."
            subject = f"{tokens} tokens, the model takes {self.max_tokens}"
            raise Misconfigured("A prompt with its answer is too long", subject=subject, fix=fix)

    def _plain(self, texts: Sequence[str]) -> list[list[int]]:
        # split_special_tokens: a document that spells out <|im_end|> must not end the user's turn.
        if not texts:
            return []
        encoded = self.tokenizer(list(texts), add_special_tokens=False, split_special_tokens=True)
        return [list(tokens) for tokens in encoded.input_ids]
