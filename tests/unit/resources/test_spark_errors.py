"""What a Spark task says of its failure, and what is made of that here. Spark itself: tests/contracts."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest

from dataalchemy_pipelines.core.errors import SourceUnavailable
from resources.errors import Conflict, Damaged, DataAlchemyError, Missing, Unavailable
from resources.lake import LocalLake
from resources.spark import SparkEngine, _worker_error, call_told

MARK = "0123456789abcdef"


def told(tmp_path: Path, part: str) -> str:
    """The text that Spark hands over: the task's own, with a traceback before it and Java's frames after it."""
    address = LocalLake(root=(tmp_path / "lake").as_uri()).address()
    with pytest.raises(RuntimeError) as raised:
        call_told(f"{__name__}:fail", address, part, mark=MARK)
    assert raised.value.__suppress_context__, "the first error's traceback may quote text"
    line = f"RuntimeError: {raised.value}"
    return f"[UDF] Traceback:\n  File x\n{line}\n\n\tat org.apache.spark\n{line}"


class PartGone(DataAlchemyError):
    """An error of a module that neither side knows beforehand."""


KINDS: dict[str, type[DataAlchemyError]] = {
    kind.__name__: kind for kind in (Conflict, Damaged, SourceUnavailable, PartGone)
}


def fail(lake: object, part: str) -> str:
    """A step that fails with the kind that its part names."""
    raise KINDS[part]('Some {thing} "broke"', subject="pärt\n1: of 2", fix="Mend it.")


@pytest.mark.parametrize("name", KINDS)
def test_an_error_of_ours_is_the_same_on_the_other_side(tmp_path: Path, name: str) -> None:
    error = _worker_error(RuntimeError(told(tmp_path, name)), MARK)
    assert type(error) is KINDS[name]
    assert isinstance(error, DataAlchemyError)
    assert (error.what, error.subject, error.fix) == ('Some {thing} "broke"', "pärt\n1: of 2", "Mend it.")
    assert error.retryable is KINDS[name].retryable


def test_of_another_error_only_the_class_is_said() -> None:
    error = _worker_error(ValueError("cannot read: the text of a document"), MARK)
    assert type(error) is Unavailable
    assert "ValueError" in str(error) and "text of a document" not in str(error)


class Refusing:
    """A builder of sessions whose context the JVM refuses, as when the cluster allows no pod."""

    def __getattr__(self, name: str) -> Any:
        return lambda *_, **__: self

    def getOrCreate(self) -> None:
        from py4j.protocol import Py4JError

        raise Py4JError("403 Forbidden")


@pytest.mark.spark
@pytest.mark.parametrize(
    ("master", "kind", "mend"),
    [
        ("local[*]", Missing, "openjdk-17"),
        ("k8s://https://kubernetes.default.svc", Unavailable, "that log.*kubectl get events.*rights of runs"),
    ],
)
def test_a_context_that_the_jvm_refuses_is_mended_where_the_master_is(
    master: str, kind: type[DataAlchemyError], mend: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    from pyspark.sql import SparkSession

    monkeypatch.setenv("DATAALCHEMY_CACHE", str(tmp_path))
    for name in ("PYSPARK_PYTHON", "PYSPARK_DRIVER_PYTHON", "SPARK_LOCAL_IP"):
        monkeypatch.setenv(name, "")  # so that what is exported for Spark ends with this test
    monkeypatch.setattr("resources.spark.ensure", lambda *_: None)
    monkeypatch.setattr("resources.spark.use_java", lambda: None)
    monkeypatch.setattr(SparkSession, "builder", Refusing())
    with pytest.raises(kind) as told:
        _ = SparkEngine(master=master)._session
    assert re.search(mend, told.value.fix)
    assert (str(tmp_path / "logs" / "spark.log") in told.value.subject, "Java" in told.value.fix) == (True, False)


def test_a_document_cannot_pretend_to_be_an_error_of_ours() -> None:
    text = 'another mark{"kind": "os:system", "what": "a", "subject": "b", "fix": "c"}'
    assert type(_worker_error(ValueError(text), MARK)) is Unavailable
    text = MARK + '{"kind": "builtins:ValueError", "what": "a", "subject": "b", "fix": "c"}'
    assert type(_worker_error(ValueError(text), MARK)) is DataAlchemyError
