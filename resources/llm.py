"""The models of a deployment: a child process with both, started on first use."""

from __future__ import annotations

import base64
import threading
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Any

import dagster as dg
from pydantic import PrivateAttr

from resources.child import ChildProcess
from resources.contracts import Generated, Score
from resources.errors import DataAlchemyError
from resources.progress import LogProgress
from resources.provision import ensure_models, model_entries

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

MODULE = "dataalchemy_pipelines.models"
ROWS = 256
"""Rows of one request to the language model: enough to sort by length, few enough for a line of text."""
TEXTS = 2048


class ProcessLlm(dg.ConfigurableResource[Any]):
    """Both models in one child process on this machine; about 1.3 GB with the base model of models.yaml.

    Calls from several threads wait for each other. After a crash the next call starts a new process.
    """

    _child: ChildProcess | None = PrivateAttr(default=None)
    _lock: threading.RLock = PrivateAttr(default_factory=threading.RLock)
    _asked: int = PrivateAttr(default=0)

    def describe(self) -> str:
        """Both models by name and place; another text means another model. Starts nothing."""
        models = model_entries()
        return "; ".join(f"{name} {' '.join(map(str, models[name].values()))}" for name in sorted(models))

    def embed(self, texts: Sequence[str]) -> NDArray[np.float32]:
        """See `resources.contracts.Llm`. An empty sequence gives shape (0, 0)."""
        import numpy as np

        parts = []
        for some in _parts(texts, TEXTS):
            reply = self._ask({"op": "embed", "texts": some})
            vectors = np.frombuffer(base64.b64decode(reply["vectors"]), dtype="<f4")
            parts.append(vectors.reshape(len(some), reply["dimensions"]))
        return np.concatenate(parts) if parts else np.zeros((0, 0), np.float32)

    def generate(
        self, prompts: Sequence[str], *, adapter: str | None = None, max_new_tokens: int = 96
    ) -> list[Generated]:
        """See `resources.contracts.Llm`."""
        request = {"op": "generate", "adapter": adapter, "max_new_tokens": max_new_tokens}
        return [Generated(**one) for some in _parts(prompts, ROWS) for one in self._ask({**request, "prompts": some})]

    def score(self, pairs: Sequence[tuple[str, str]], *, adapter: str | None = None) -> list[Score]:
        """See `resources.contracts.Llm`."""
        request = {"op": "score", "adapter": adapter}
        return [Score(**one) for some in _parts(pairs, ROWS) for one in self._ask({**request, "pairs": some})]

    def close(self) -> None:
        """End the process and free its memory; the next call starts another."""
        with self._lock:
            if self._child is not None:
                self._child.close()
                self._child = None

    def teardown_after_execution(self, context: dg.InitResourceContext) -> None:
        """Dagster's end of a run."""
        self.close()

    def _ask(self, request: dict[str, Any]) -> Any:
        with self._lock:
            if self._child is None:
                ensure_models(LogProgress())
                self._child = ChildProcess(MODULE)
            self._asked += 1
            number = self._asked
            try:
                self._child.send({"id": number, **request})
                reply = self._child.receive()
            except BaseException as error:
                # What the process itself reports leaves it in step; anything else, Ctrl-C too, may not.
                if not isinstance(error, DataAlchemyError) or not self._child.running:
                    self.close()
                raise
            return reply["result"]


def _parts(rows: Sequence[Any], size: int) -> Iterator[list[Any]]:
    return (list(rows[at : at + size]) for at in range(0, len(rows), size))
