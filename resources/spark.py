"""Engines: one function over many parts, in this process, in a process pool, or on Spark.

A worker opens the lake by its address and calls ``module:function(lake, part)``; only names and counts come back.
"""

from __future__ import annotations

import ctypes
import importlib
import json
import os
import secrets
import signal
import sys
import threading
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import FIRST_EXCEPTION, ProcessPoolExecutor, wait
from concurrent.futures.process import BrokenProcessPool
from contextlib import contextmanager
from functools import cached_property
from multiprocessing import get_context
from pathlib import Path
from typing import TYPE_CHECKING, Any

import dagster as dg
from pydantic import Field, PrivateAttr

from resources import spark_cluster
from resources.contracts import Lake
from resources.errors import DataAlchemyError, Misconfigured, Unavailable
from resources.java import use_java
from resources.lake import open_lake
from resources.progress import LOGGER, LogProgress
from resources.provision import ensure
from resources.settings import Settings, export

if TYPE_CHECKING:
    import pyarrow as pa
    from pyspark.sql import SparkSession

POLL_S = 0.5
WAVE = 8
"""Parts a core in one Spark job: results come when a job ends, so this is how often progress is seen."""
ENGINE_TAG, MODES = "dataalchemy/engine", ("auto", "local", "spark")
CONFIGURATION = {
    "spark.driver.host": "127.0.0.1",
    "spark.driver.bindAddress": "127.0.0.1",
    "spark.ui.showConsoleProgress": "false",
    "spark.log.level": "ERROR",
    "spark.sql.execution.arrow.maxRecordsPerBatch": "1",
    "spark.python.worker.reuse": "true",
}
"""Spark's, unless a deployment says otherwise."""
_PR_SET_PDEATHSIG = 1


def call(function: str, address: str, part: str) -> str:
    """Run one part in a worker: open the lake, find the function, call it."""
    module, _, name = function.partition(":")
    result = getattr(importlib.import_module(module), name)(open_lake(address), part)
    return str(result)


def call_told(function: str, address: str, part: str, *, mark: str) -> str:
    """`call` in a Spark task, of whose error only text comes back: one of ours is told as JSON behind ``mark``."""
    try:
        return call(function, address, part)
    except DataAlchemyError as error:
        kind = f"{type(error).__module__}:{type(error).__qualname__}"
        told = {"kind": kind, "what": error.what, "subject": error.subject, "fix": error.fix}
        raise RuntimeError(f"{mark}{json.dumps(told)}") from None


def die_with_parent() -> None:
    """Ask the kernel to end this worker when its parent is gone, so that kill -9 leaves nothing running."""
    ctypes.CDLL(None, use_errno=True).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C reaches the whole group; the parent decides


class LocalEngine(dg.ConfigurableResource[Any]):
    """In process: one part inline, more in a pool of as many processes as there are cores."""

    workers: int = Field(default=0, ge=0, le=256, description="Processes; 0 is one for each core.")

    def describe(self) -> str:
        """The engine and its width."""
        return f"local, {self._width} processes"

    @property
    def _width(self) -> int:
        return self.workers or len(os.sched_getaffinity(0))

    @cached_property
    def _pool(self) -> ProcessPoolExecutor:
        return ProcessPoolExecutor(self._width, mp_context=get_context("spawn"), initializer=die_with_parent)

    def map(self, function: str, parts: Sequence[str], *, lake: Lake, on_result: Callable[[str], None]) -> None:
        """See `resources.contracts.BatchEngine`. Raises what the function raised, or Unavailable when a worker died."""
        if len(parts) == 1:
            on_result(call(function, lake.address(), parts[0]))
            return
        waiting = {self._pool.submit(call, function, lake.address(), part) for part in parts}
        try:
            while waiting:
                done, waiting = wait(waiting, timeout=POLL_S, return_when=FIRST_EXCEPTION)
                for future in done:
                    on_result(future.result())
        except BrokenProcessPool:
            self.close()
            raise Unavailable(
                "A worker process died",
                subject=function,
                fix="Most often memory ran out; use fewer workers and run again.",
            ) from None
        finally:
            for future in waiting:
                future.cancel()

    def close(self) -> None:
        """End the pool's processes."""
        pool = self.__dict__.pop("_pool", None)
        if pool is not None:
            pool.shutdown(wait=False, cancel_futures=True)

    def teardown_after_execution(self, context: dg.InitResourceContext) -> None:
        """Dagster's own call at the end of a run."""
        self.close()


class SparkEngine(dg.ConfigurableResource[Any]):
    """On Spark: one `mapInArrow` pass over the names of the parts; text never crosses the JVM."""

    master: str = Field(default="local[*]", description="Spark master.")
    options: dict[str, str] = Field(default_factory=dict, description="Spark's configuration beside ours.")
    memory: str = Field(default="1g", description="Heap of the driver's JVM; it holds names only.")

    def describe(self) -> str:
        """The engine and its master."""
        return f"spark, {self.master}"

    @cached_property
    def _session(self) -> SparkSession:
        ensure("spark-java", LogProgress())
        from py4j.protocol import Py4JError
        from pyspark.errors import PySparkException
        from pyspark.sql import SparkSession

        use_java()
        configuration = {**CONFIGURATION, "spark.driver.memory": self.memory, **self.options}
        host = configuration["spark.driver.host"]
        export(PYSPARK_PYTHON=sys.executable, PYSPARK_DRIVER_PYTHON=sys.executable, SPARK_LOCAL_IP=host)
        log = Settings.read().cache_path / "logs" / "spark.log"
        try:
            with _stderr_in(log):
                builder = SparkSession.builder.master(self.master).appName("dataalchemy")
                session = builder.config(map=configuration).getOrCreate()
        except (PySparkException, Py4JError, OSError):
            raise spark_cluster.not_started(self.master, log) from None
        LOGGER.info("Spark's own pages: %s", session.sparkContext.uiWebUrl or "off")
        return session

    def map(self, function: str, parts: Sequence[str], *, lake: Lake, on_result: Callable[[str], None]) -> None:
        """See `resources.contracts.BatchEngine`. A task that failed is tried again by Spark; its file is an orphan."""
        address, mark = lake.address(), secrets.token_hex(16)  # a document's text can't pretend to be an error of ours

        def run(batches: Iterator[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
            import pyarrow as pa

            from resources.spark import call_told

            for batch in batches:
                for part in batch.column(0).to_pylist():
                    result = call_told(function, address, part, mark=mark)
                    yield pa.record_batch([pa.array([result])], names=["result"])

        session = self._session
        wave = WAVE * session.sparkContext.defaultParallelism
        for start in range(0, len(parts), wave):
            some = [(part,) for part in parts[start : start + wave]]
            frame = session.createDataFrame(some, "part string").repartition(len(some))
            for row in _collect(frame.mapInArrow(run, "result string"), mark=mark):
                on_result(row["result"])

    def close(self) -> None:
        """Stop the session and its JVM."""
        session = self.__dict__.pop("_session", None)
        if session is not None:
            session.stop()

    def teardown_after_execution(self, context: dg.InitResourceContext) -> None:
        """Dagster's own call at the end of a run."""
        self.close()


@contextmanager
def _stderr_in(path: Path) -> Iterator[None]:
    """A program started meanwhile, the JVM with its warnings, keeps this file as its stderr for as long as it runs."""
    path.parent.mkdir(parents=True, exist_ok=True)
    kept = os.dup(2)
    with path.open("wb") as file:
        os.dup2(file.fileno(), 2)
    try:
        yield
    finally:
        os.dup2(kept, 2)
        os.close(kept)


def _collect(frame: Any, *, mark: str) -> list[Any]:
    """Collect in a thread, so that Ctrl-C reaches this one at once and cancels the job."""
    from py4j.protocol import Py4JError
    from pyspark.errors import PySparkException

    box: list[Any] = []

    def work() -> None:
        try:
            box.append(frame.collect())
        except (PySparkException, Py4JError) as error:
            box.append(error)

    thread = threading.Thread(target=work, daemon=True)
    thread.start()
    try:
        while thread.is_alive():
            thread.join(POLL_S)
    except KeyboardInterrupt:
        frame.sparkSession.sparkContext.cancelAllJobs()
        raise
    if isinstance(box[0], PySparkException | Py4JError):
        raise _worker_error(box[0], mark) from None
    return list(box[0])


def _worker_error(error: Exception, mark: str) -> Exception:
    """The error of ours that a task told behind ``mark``, as it was; of any other the class alone, never its text."""
    _, found, rest = str(error).partition(mark)
    if not found:
        return Unavailable(
            "A Spark task failed", subject=type(error).__name__, fix="Spark's pages show the task's log."
        )
    told = json.JSONDecoder().raw_decode(rest)[0]
    module, _, name = told["kind"].partition(":")
    kind = getattr(importlib.import_module(module), name)
    if not (isinstance(kind, type) and issubclass(kind, DataAlchemyError)):
        kind = DataAlchemyError
    return kind(told["what"], subject=told["subject"], fix=told["fix"])


class AutoEngine(dg.ConfigurableResource[Any]):
    """In process for what one machine does at once; Spark from the size on where its start-up no longer counts.

    A run's tag `dataalchemy/engine` of `local` or `spark` decides it for that run.
    """

    spark_above_parts: int = Field(default=256, ge=1, description="Parts from which Spark runs them.")
    spark_master: str = Field(default="local[*]", description="Spark master.")
    spark_options: dict[str, str] = Field(default_factory=dict, description="Spark's configuration beside ours.")
    _mode: str = PrivateAttr(default="auto")

    def describe(self) -> str:
        """The engine of this run, or the rule."""
        if self._mode != "auto":
            return self._chosen(0).describe()
        return f"auto, Spark above {self.spark_above_parts} parts"

    def setup_for_execution(self, context: dg.InitResourceContext) -> None:
        """Dagster's start of a run. Raises Misconfigured on a tag of another value."""
        self._mode = context.run.tags.get(ENGINE_TAG, "auto") if context.run else "auto"
        if self._mode not in MODES:
            fix = f"Tag the run with one of {', '.join(MODES)}."
            raise Misconfigured("No such engine", subject=self._mode, fix=fix)

    @cached_property
    def _local(self) -> LocalEngine:
        return LocalEngine()

    @cached_property
    def _spark(self) -> SparkEngine:
        return SparkEngine(master=self.spark_master, options=self.spark_options)

    def map(self, function: str, parts: Sequence[str], *, lake: Lake, on_result: Callable[[str], None]) -> None:
        """See `resources.contracts.BatchEngine`."""
        self._chosen(len(parts)).map(function, parts, lake=lake, on_result=on_result)

    def _chosen(self, parts: int) -> LocalEngine | SparkEngine:
        if self._mode == "auto":
            return self._spark if parts > self.spark_above_parts else self._local
        return self._spark if self._mode == "spark" else self._local

    def close(self) -> None:
        """Close what was used."""
        for name in ("_local", "_spark"):
            engine = self.__dict__.get(name)
            if engine is not None:
                engine.close()

    def teardown_after_execution(self, context: dg.InitResourceContext) -> None:
        """Dagster's own call at the end of a run."""
        self.close()
