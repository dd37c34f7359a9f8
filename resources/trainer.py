"""Training of a deployment: a child process that reads its spec from the lake and leaves the adapter there."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import dagster as dg

from resources.child import ChildProcess
from resources.contracts import Progress
from resources.errors import DataAlchemyError
from resources.provision import ensure_models

MODULE = "dataalchemy_pipelines.training"


class ProcessTrainer(dg.ConfigurableResource[Any]):
    """Trains in a child process on this machine, which ends when this one does, by Ctrl-C too."""

    def describe(self) -> str:
        """See `resources.contracts.Trainer`."""
        return "a child process"

    def train(self, spec_key: str, *, progress: Progress) -> Mapping[str, Any]:
        """See `resources.contracts.Trainer`. Raises what the training reports: Missing, Misconfigured, NotFound, ..."""
        ensure_models(progress)
        child = ChildProcess(MODULE, "--spec", spec_key)
        try:
            for message in child.messages():
                if "result" in message:
                    result: Mapping[str, Any] = message["result"]
                    return result
                note = "loss {loss:.3f}, {tokens_per_s:.0f} tokens/s, {memory_mb:.0f} MB".format(**message)
                progress.step("train", message["step"], message["total"], unit="steps", note=note)
        finally:
            child.close()
        raise DataAlchemyError("Training ended without a result", subject=spec_key, fix="Run it again; it resumes.")
