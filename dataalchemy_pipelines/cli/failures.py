"""Why a run failed, from what Dagster tells of its steps and checks, as one of our errors. Keep Dagster's types out."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from dataalchemy_pipelines.core import errors as core_errors
from resources import errors as resource_errors
from resources.errors import DataAlchemyError

SEE_IT = "`dataalchemy up` shows its log."
SAID = ("kind", "what", "subject", "fix")
OF_THE_HISTORY = frozenset({"OperationalError", "InterfaceError", "DatabaseError", "DagsterPostgresException"})
"""Classes of what the history's database raises inside a run; those of our own stores are turned into ours before."""


@dataclass(frozen=True)
class FailedStep:
    """A step, or the run itself, that failed: what it said, if it was an error of ours, and what class it raised."""

    key: str
    said: Mapping[str, str]
    class_name: str


def error_of(
    steps: Sequence[FailedStep], failed_checks: Sequence[str], history_away: Callable[[str], DataAlchemyError]
) -> DataAlchemyError:
    """The error that ended a run, made again; ``history_away`` makes that of a history that was lost for a reason.

    Raises KeyboardInterrupt where a person stopped it.
    """
    for step in steps:
        if "what" in step.said:
            known: dict[str, type[DataAlchemyError]] = {**vars(core_errors), **vars(resource_errors)}
            kind = known.get(step.said["kind"], DataAlchemyError)
            return kind(step.said["what"], subject=step.said["subject"], fix=step.said["fix"])
        if step.class_name == "DagsterExecutionInterruptedError":
            raise KeyboardInterrupt
        if step.class_name in OF_THE_HISTORY:
            return history_away(step.class_name)
        if step.class_name != "DagsterAssetCheckFailedError":
            return DataAlchemyError("A step failed", subject=f"{step.key} ({step.class_name})", fix=SEE_IT)
    if not failed_checks:
        return DataAlchemyError("The run failed before a step did", subject="run", fix=SEE_IT)
    return core_errors.LostDocuments(
        "A check did not hold, so nothing after it was made",
        subject=", ".join(failed_checks),
        fix="`dataalchemy up` shows the numbers beside the asset.",
    )
