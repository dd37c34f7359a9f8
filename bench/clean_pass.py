"""How much faster is our clean pass on Spark than a Python UDF a row? python -m bench.clean_pass --megabytes 400

Both sides run in one warm session on the same Parquet files and write Parquet. Ours: `mapInArrow` over file names, the
task reads its file, calls `recipe.clean` and writes. Theirs: Spark reads the files, a UDF cleans each row (clean_row).
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import statistics
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import polars as pl

from bench.clean_row import clean_row
from bench.corpus import write_corpus
from resources.java import use_java

if TYPE_CHECKING:
    import pyarrow as pa
    from pyspark.sql import SparkSession

COLUMNS = ("native_id", "title", "text", "language", "redactions", "outcome", "reason", "content_sha256")
SCHEMA = (
    "native_id string, title string, text string, language string, redactions array<struct<kind:string,count:int>>, "
    "outcome string, reason string, content_sha256 string"
)
WARM_UP_MEGABYTES = 8


def compare(megabytes: float, repeats: int) -> dict[str, float]:
    """Median seconds of each way and their ratio (over 1 = ours is faster), after a warm-up of each."""
    folder = Path(tempfile.mkdtemp(prefix="clean-pass-"))
    try:
        spark = _session()
        warm = write_corpus(folder / "warm", min(megabytes, WARM_UP_MEGABYTES), seed=1)
        files = write_corpus(folder / "documents", megabytes)
        ours_pass(spark, warm, folder / "ours")
        theirs_pass(spark, warm, folder / "theirs")
        assert_equal_rows(folder)
        ours_s = _median_seconds(lambda: ours_pass(spark, files, folder / "ours"), repeats)
        theirs_s = _median_seconds(lambda: theirs_pass(spark, files, folder / "theirs"), repeats)
        rows = assert_equal_rows(folder)
        spark.stop()
    finally:
        shutil.rmtree(folder)
    sizes = {"megabytes": megabytes, "files": len(files), "rows": rows, "cores": len(os.sched_getaffinity(0))}
    speed = {"ours_mb_s": round(megabytes / ours_s, 2), "theirs_mb_s": round(megabytes / theirs_s, 2)}
    return {
        **sizes,
        "ours_s": round(ours_s, 2),
        "row_udf_s": round(theirs_s, 2),
        **speed,
        "ratio": round(theirs_s / ours_s, 2),
    }


def ours_pass(spark: SparkSession, files: list[Path], target: Path) -> None:
    """Only names cross between the JVM and Python."""
    shutil.rmtree(target, ignore_errors=True)
    target.mkdir()

    def clean_files(batches: Iterator[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
        import pyarrow as pa

        from dataalchemy_pipelines.transforms.recipe import RecipeSettings, clean

        for batch in batches:
            for name in batch.column(0).to_pylist():
                rows = clean(pl.read_parquet(name), RecipeSettings())
                rows.write_parquet(target / Path(name).name, compression="zstd")
                yield pa.record_batch([pa.array([rows.height])], names=["rows"])

    names = spark.createDataFrame([(str(file),) for file in files], "name string").repartition(len(files))
    names.mapInArrow(clean_files, "rows long").collect()


def theirs_pass(spark: SparkSession, files: list[Path], target: Path) -> None:
    """Each row goes to Python and back."""
    from pyspark.sql import functions as F

    clean = F.udf(clean_row, SCHEMA)
    frame = spark.read.parquet(*map(str, files))
    cleaned = frame.select("doc_id", clean("native_id", "title", "text", "kind").alias("row")).select("doc_id", "row.*")
    cleaned.write.mode("overwrite").option("compression", "zstd").parquet(str(target))


def assert_equal_rows(folder: Path) -> int:
    """Speed is compared only between equal answers. Returns the rows."""
    both = [
        pl.read_parquet(folder / side / "*.parquet").select("doc_id", *COLUMNS).sort("doc_id")
        for side in ("ours", "theirs")
    ]
    for column in ("doc_id", *COLUMNS):
        assert both[0][column].to_list() == both[1][column].to_list(), f"the two ways differ in {column}"
    return both[0].height


def _median_seconds(run: Callable[[], None], repeats: int) -> float:
    seconds = []
    for _ in range(repeats):
        began = time.perf_counter()
        run()
        seconds.append(time.perf_counter() - began)
    return statistics.median(seconds)


def _session() -> SparkSession:
    from pyspark.sql import SparkSession

    use_java()
    os.environ.update(PYSPARK_PYTHON=sys.executable, PYSPARK_DRIVER_PYTHON=sys.executable, SPARK_LOCAL_IP="127.0.0.1")
    settings = {"spark.driver.memory": "2g", "spark.ui.enabled": "false", "spark.log.level": "ERROR"}
    builder = SparkSession.builder.master("local[*]").appName("clean_pass")
    for name, value in {**settings, "spark.sql.execution.arrow.maxRecordsPerBatch": "1"}.items():
        builder = builder.config(name, value)
    return builder.getOrCreate()


def main() -> None:
    """Print one JSON line."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--megabytes", type=float, default=400)
    parser.add_argument("--repeats", type=int, default=1)
    arguments = parser.parse_args()
    sys.stdout.write(json.dumps(compare(arguments.megabytes, arguments.repeats)) + "\n")


if __name__ == "__main__":
    main()
