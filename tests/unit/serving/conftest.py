"""A language model that is small, deterministic and made of the words that it is given."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence

import numpy as np
import polars as pl
import pytest
from numpy.typing import NDArray

from dataalchemy_pipelines.retrieval.index import Index, build, load, passages
from dataalchemy_pipelines.synthesis.grounding import tokens
from resources.contracts import Generated, Score

SIZE = 256


class WordLlm:
    """Embeds by hashed words; says ``script`` in turn; an adapter copies from its prompt better than the base does."""

    def __init__(self) -> None:
        self.script: list[str] = []
        self.prompts: list[str] = []

    def describe(self) -> str:
        return "words"

    def embed(self, texts: Sequence[str]) -> NDArray[np.float32]:
        """Unit vectors of word counts, so that texts which share words are near."""
        vectors = np.full((len(texts), SIZE), 1e-6, dtype=np.float32)
        for row, text in enumerate(texts):
            for word in tokens(text):
                vectors[row, int(hashlib.sha256(word.encode()).hexdigest(), 16) % SIZE] += 1
        return vectors / np.linalg.norm(vectors, axis=1, keepdims=True)

    def generate(
        self, prompts: Sequence[str], *, adapter: str | None = None, max_new_tokens: int = 96
    ) -> list[Generated]:
        """The script's next line for each prompt."""
        self.prompts += prompts
        return [Generated(self.script.pop(0), True, max_new_tokens) for _ in prompts]

    def score(self, pairs: Sequence[tuple[str, str]], *, adapter: str | None = None) -> list[Score]:
        """A word that stands in the prompt costs 1 nat, or half a nat with an adapter; another costs 3."""
        known = 0.5 if adapter else 1.0
        return [
            Score(sum(known if word in tokens(prompt) else 3.0 for word in tokens(text)), len(tokens(text)))
            for prompt, text in pairs
        ]

    def close(self) -> None:
        return None


@pytest.fixture
def llm() -> WordLlm:
    return WordLlm()


@pytest.fixture
def index(llm: WordLlm) -> Index:
    rows = [
        (
            "c1",
            "d1",
            "leave.md",
            "Leave",
            "Employees have 28 days of leave. Unused leave expires in March.",
            ["public"],
        ),
        ("c2", "d2", "merger.md", "Merger", "The merger with Acme closes in the spring of next year.", ["group:legal"]),
        (
            "c3",
            "d3",
            "vpn.md",
            "VPN",
            "The VPN client restarts after nine minutes. See [here](https://x.example/a).",
            ["public"],
        ),
    ]
    columns = ["chunk_id", "doc_id", "native_id", "title", "text", "access"]
    chunks = pl.DataFrame(rows, schema=columns, orient="row").with_columns(
        position=pl.lit(0, dtype=pl.Int32), heading_path=pl.lit([], dtype=pl.List(pl.String))
    )
    return load(*build(chunks, llm.embed(passages(chunks))))
