"""A conversation: the index and adapter that are released now, the reader's rights, and answers made once."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from functools import cached_property
from types import TracebackType
from typing import Any

import polars as pl

from dataalchemy_pipelines.core.errors import WrongInput
from dataalchemy_pipelines.core.outcomes import KEPT, frame
from dataalchemy_pipelines.core.records import CHUNKS
from dataalchemy_pipelines.publishing.release import champion
from dataalchemy_pipelines.publishing.release import current as pointed
from dataalchemy_pipelines.retrieval.index import Index, IndexRef, fetch
from dataalchemy_pipelines.serving.answer import Answer, Citation, answer
from resources.contracts import Kv, Lake, Llm

KEPT_S = 7 * 24 * 3600
ANSWERS_VERSION = 2
"""Raise it when the same question would be answered otherwise, since answers are kept."""
LONGEST_QUESTION = 4_000


class Chat:
    """Answers questions of one reader. An answer to the same question on the same index and adapter is kept a week."""

    def __init__(self, resources: Mapping[str, Any], *, principals: Sequence[str]) -> None:
        self._lake: Lake = resources["lake"]
        self._kv: Kv = resources["kv"]
        self._llm: Llm = resources["llm"]
        self._principals = tuple(sorted(principals))

    def __enter__(self) -> Chat:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._llm.close()

    def ask(self, question: str) -> Answer:
        """The answer with its sources. Raises WrongInput where there is no index, or the question is no question."""
        question = question.strip()
        if not question or len(question) > LONGEST_QUESTION:
            raise WrongInput(
                "Not a question", subject=f"{len(question)} characters", fix=f"Ask in 1 to {LONGEST_QUESTION}."
            )
        released = champion(self._lake)
        adapter = released.adapter if released else None
        models, rights = self._llm.describe(), sorted(self._access.items())
        said = json.dumps([ANSWERS_VERSION, question, models, adapter, self._ref.as_value(), self._principals, rights])
        key = f"answers:{hashlib.sha256(said.encode()).hexdigest()}"
        kept = self._kv.get(key)
        if kept is not None:
            fields = json.loads(kept)
            return Answer(**{**fields, "citations": tuple(Citation(**item) for item in fields["citations"])})
        made = answer(question, index=self._index, llm=self._llm, adapter=adapter, principals=self._principals)
        self._kv.set(key, json.dumps(asdict(made)).encode(), ttl_s=KEPT_S)
        return made

    @cached_property
    def _ref(self) -> IndexRef:
        pointer = pointed(self._lake, "index")
        if pointer is None:
            raise WrongInput(
                "There is nothing to ask yet", subject="no index", fix="Run `dataalchemy full-cycle PATH` first."
            )
        return IndexRef(pointer.value["chunks"], pointer.value["vectors"])

    @cached_property
    def _access(self) -> dict[str, list[str]]:
        """Who may read each document now, which may be less than when the index was built."""
        rows = frame(self._lake.snapshot(CHUNKS).read(["doc_id", "access", "outcome"]))
        return dict(rows.filter(pl.col("outcome") == KEPT).select("doc_id", "access").unique("doc_id").iter_rows())

    @cached_property
    def _index(self) -> Index:
        return fetch(self._lake, self._ref).narrowed(self._access)
