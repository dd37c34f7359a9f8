"""Does the thousandth small ingest take longer than the first? python -m bench.small_ingests --count 1000

One ingest is one new file in a registered folder and a run of the `refine` job, all of it: the listing, parsing in a
child, cleaning, signing, clusters, chunks, every check, and Dagster's own history. `--through stages` leaves Dagster
out and calls the functions below it. `--store minio` starts a MinIO and works on that; else the lake is a directory.
"""

from __future__ import annotations

import argparse
import json
import random
import statistics
import sys
import tempfile
import time
from collections.abc import Callable
from contextlib import ExitStack
from pathlib import Path

from bench.servers import MinioServer
from dataalchemy_pipelines.cli.jobs import run_job
from dataalchemy_pipelines.cli.screen import Screen
from dataalchemy_pipelines.core.outcomes import balances, content_digest, landing_balances
from dataalchemy_pipelines.core.records import RAW_RECORDS, STAGES, TABLES
from dataalchemy_pipelines.engine import steps
from dataalchemy_pipelines.engine.batch import run_stage
from dataalchemy_pipelines.engine.checks import inputs_unaccounted
from dataalchemy_pipelines.engine.landing import land_sources
from dataalchemy_pipelines.engine.sources import register, source_of
from dataalchemy_pipelines.transforms.chunk import ChunkSettings
from dataalchemy_pipelines.transforms.lexicon import FUNCTION_WORDS
from dataalchemy_pipelines.transforms.recipe import RecipeSettings
from resources.lake import LocalLake, ObjectLake, S3Lake
from resources.progress import LogProgress
from resources.settings import Settings, export
from resources.spark import LocalEngine

SAMPLE = 10
WORDS = [*FUNCTION_WORDS["en"].split(), "invoice", "broker", "queue", "certificate", "cluster", "restarts", "rejects"]


def measure(count: int, through: str, folder: Path, lake: ObjectLake) -> dict[str, object]:
    """Seconds of the first ten and of the last ten of ``count`` ingests, in the mean, and their ratio.

    ``processor_ratio`` is the same of this process's own processor time, which other work on the machine moves less.
    """
    documents = folder / "documents"
    documents.mkdir()
    register(lake, source_of(documents, name="bench", access=("local",)))
    settings = Settings.read(DATAALCHEMY_DATA_PATH=str(folder))
    ingest = _job(settings, lake) if through == "job" else _stages(lake)
    _write(documents, 0)
    ingest()  # the first one loads the program; it is not counted
    seconds, own = [], []
    for number in range(1, count + 1):
        _write(documents, number)
        began, worked = time.perf_counter(), time.process_time()
        ingest()
        seconds.append(time.perf_counter() - began)
        own.append(time.process_time() - worked)
        if number % 50 == 0:
            sys.stderr.write(
                f"{number} {statistics.mean(seconds[-SAMPLE:]):.3f} {statistics.mean(own[-SAMPLE:]):.3f}\n"
            )
    assert lake.snapshot(TABLES["chunks"]).count() >= count, "an ingest that made nothing proves nothing"
    first, last = statistics.mean(seconds[:SAMPLE]), statistics.mean(seconds[-SAMPLE:])
    return {
        "through": through,
        "lake": type(lake).__name__,
        "count": count,
        "first_ten_s": round(first, 3),
        "last_ten_s": round(last, 3),
        "ratio": round(last / first, 2),
        "processor_ratio": round(statistics.mean(own[-SAMPLE:]) / statistics.mean(own[:SAMPLE]), 2),
        "median_s": round(statistics.median(seconds), 3),
        "largest_s": round(max(seconds), 3),
    }


def _write(folder: Path, number: int) -> None:
    """A document unlike all others, of some 300 words."""
    draw = random.Random(number)
    sentences = [f"{' '.join(draw.choices(WORDS, k=12)).capitalize()}." for _ in range(24)]
    text = "\n\n".join(" ".join(sentences[start : start + 6]) for start in range(0, 24, 6))
    (folder / f"{number:05}.md").write_text(f"# Note {number}\n\n{text}\n", encoding="utf-8")


def _job(settings: Settings, lake: ObjectLake) -> Callable[[], None]:
    screen = Screen(as_json=False)
    screen.step = lambda *args, **kwargs: None  # type: ignore[method-assign]
    return lambda: run_job(settings, "refine", screen, lake=lake, engine=LocalEngine()) and None


def _stages(lake: ObjectLake) -> Callable[[], None]:
    """What the assets and checks of `refine` do, one after the other."""
    engine, progress = LocalEngine(), LogProgress()

    def ingest() -> None:
        land_sources(lake, [], progress=progress)
        landing_balances(lake.snapshot(RAW_RECORDS))
        assert not any(inputs_unaccounted(lake)[1].values())
        run_stage(steps.parse_stage(), lake=lake, engine=engine, progress=progress)
        run_stage(steps.clean_stage(RecipeSettings()), lake=lake, engine=engine, progress=progress)
        run_stage(steps.sign_stage(), lake=lake, engine=engine, progress=progress)
        steps.settle_clusters(lake, progress)
        run_stage(steps.chunk_stage(ChunkSettings()), lake=lake, engine=engine, progress=progress)
        for source, target in STAGES:
            if lake.snapshot(target).version >= 0:
                balances(lake, source, target)
                content_digest(lake.snapshot(target))

    return ingest


def main() -> None:
    """Print one JSON line."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--count", type=int, default=1000)
    parser.add_argument("--through", choices=["job", "stages"], default="job")
    parser.add_argument("--store", choices=["directory", "minio"], default="directory")
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="small-ingests-") as name, ExitStack() as stack:
        folder = Path(name)
        lake: ObjectLake = LocalLake(root=(folder / "lake").as_uri())
        if arguments.store == "minio":
            server = stack.enter_context(MinioServer(folder / "minio"))
            export(AWS_ACCESS_KEY_ID=server.access_key, AWS_SECRET_ACCESS_KEY=server.secret_key)
            lake = S3Lake(root=f"s3://{server.make_bucket()}/lake", endpoint=server.endpoint)
        sys.stdout.write(json.dumps(measure(arguments.count, arguments.through, folder, lake)) + "\n")


if __name__ == "__main__":
    main()
