"""Answers requests on models, one JSON line for each; models are loaded when first asked for.

Request: ``{"id": 1, "op": "embed", "texts": [...]}``, ``{"op": "generate", "prompts", "adapter", "max_new_tokens"}``,
``{"op": "score", "pairs", "adapter"}`` or ``{"op": "describe"}``. Reply: ``{"id": 1, "result": ...}`` or
``{"id": 1, "error": {"kind", "what", "subject", "fix"}}``. Vectors go as base64 of little-endian float32 rows.
"""

from __future__ import annotations

import base64
import json
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass
from functools import cached_property
from pathlib import Path
from typing import IO, Any

from dataalchemy_pipelines.models.adapters import AdapterSwitch, fetch_adapter
from dataalchemy_pipelines.models.canary import Numerics, choose_numerics
from dataalchemy_pipelines.models.embed import embed
from dataalchemy_pipelines.models.generate import generate
from dataalchemy_pipelines.models.load import ChatModel, load_chat_model, load_embedder, model_folder
from dataalchemy_pipelines.models.score import score
from resources.contracts import Lake
from resources.errors import DataAlchemyError, Misconfigured

Request = Mapping[str, Any]


@dataclass(frozen=True)
class ModelPlace:
    """What the process needs to know: the lake with the adapters, the cache, models.yaml, and the device for torch."""

    lake: Lake
    cache: Path
    device: str
    models_file: Path | None = None


class ModelServer:
    """Both models and the operations on them."""

    def __init__(self, place: ModelPlace) -> None:
        self._place = place
        self._operations: dict[str, Callable[[Request], Any]] = {
            "describe": self._describe,
            "embed": self._embed,
            "generate": self._generate,
            "score": self._score,
        }

    def serve(self, requests: IO[str], replies: IO[str]) -> None:
        """Answer until the requests end. An error of ours is a reply; any other ends the process with its trace."""
        for line in requests:
            replies.write(json.dumps(self.answer(json.loads(line))) + "\n")
            replies.flush()

    def answer(self, request: Request) -> dict[str, Any]:
        """The reply to one request."""
        try:
            operation = self._operations.get(request["op"])
            if operation is None:
                fix = f"Choose one of {', '.join(self._operations)}."
                raise Misconfigured("No such operation on models", subject=str(request["op"]), fix=fix)
            return {"id": request["id"], "result": operation(request)}
        except DataAlchemyError as error:
            kind = type(error).__name__
            return {
                "id": request["id"],
                "error": {"kind": kind, "what": error.what, "subject": error.subject, "fix": error.fix},
            }

    @cached_property
    def _numerics(self) -> Numerics:
        return choose_numerics(self._place.device)

    @cached_property
    def _chat(self) -> ChatModel:
        origin = model_folder("base", cache=self._place.cache, models_file=self._place.models_file)
        return load_chat_model(origin, self._numerics)

    @cached_property
    def _switch(self) -> AdapterSwitch:
        return AdapterSwitch(self._chat.model)

    @cached_property
    def _embedder(self) -> tuple[Any, Any]:
        origin = model_folder("embedder", cache=self._place.cache, models_file=self._place.models_file)
        return load_embedder(origin, self._numerics)

    def _describe(self, _: Request) -> dict[str, Any]:
        origin = self._chat.origin
        return {"base": origin.source.name, "digest": origin.digest, "numerics": self._numerics.describe()}

    def _embed(self, request: Request) -> dict[str, Any]:
        model, tokenizer = self._embedder
        vectors = embed(model, tokenizer, request["texts"], numerics=self._numerics)
        return {"dimensions": vectors.shape[1], "vectors": base64.b64encode(vectors.astype("<f4").tobytes()).decode()}

    def _generate(self, request: Request) -> list[dict[str, Any]]:
        loaded = self._with_adapter(request)
        return [asdict(one) for one in generate(loaded, request["prompts"], max_new_tokens=request["max_new_tokens"])]

    def _score(self, request: Request) -> list[dict[str, Any]]:
        pairs = [(prompt, completion) for prompt, completion in request["pairs"]]
        return [asdict(one) for one in score(self._with_adapter(request), pairs)]

    def _with_adapter(self, request: Request) -> ChatModel:
        digest = request.get("adapter")
        self._switch.use(fetch_adapter(self._place.lake, digest, self._place.cache) if digest else None)
        return self._chat
