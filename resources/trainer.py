"""Training of a deployment: a child process, or a Job of a cluster, that reads its spec from the lake and leaves the
adapter there. Both tell how far they are as JSON lines."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from contextlib import closing
from pathlib import Path
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
        with closing(ChildProcess(MODULE, "--spec", spec_key)) as child:
            return _followed(child.messages(), spec_key, progress)


class JobTrainer(dg.ConfigurableResource[Any]):
    """Trains as a Job, on the node, GPU and image that its template names. It goes when this process is stopped."""

    namespace: str
    template: str

    def describe(self) -> str:
        """See `resources.contracts.Trainer`."""
        return f"a Job in {self.namespace}"

    def train(self, spec_key: str, *, progress: Progress) -> Mapping[str, Any]:
        """See `resources.contracts.Trainer`. Raises what the training reports, and Unavailable, Missing of its Job."""
        from resources.job import Job  # the cluster's library takes a second, and only this deployment has it

        with closing(Job.start(Path(self.template), self.namespace, spec_key)) as job:
            return _followed(job.messages(progress), spec_key, progress)


def _followed(messages: Iterable[Mapping[str, Any]], spec_key: str, progress: Progress) -> Mapping[str, Any]:
    """Show each step until the result comes."""
    for message in messages:
        if "result" in message:
            result: Mapping[str, Any] = message["result"]
            return result
        note = "loss {loss:.3f}, {tokens_per_s:.0f} tokens/s, {memory_mb:.0f} MB".format(**message)
        progress.step("train", message["step"], message["total"], unit="steps", note=note)
    raise DataAlchemyError("Training ended without a result", subject=spec_key, fix="Run it again; it resumes.")
