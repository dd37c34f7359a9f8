"""Every engine in turn: each part once, errors as they were, a dead worker survived, and the same rows from each."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import polars as pl
import pytest

from dataalchemy_pipelines.core.errors import LostDocuments
from dataalchemy_pipelines.core.outcomes import content_digest, frame
from dataalchemy_pipelines.core.records import CHUNKS, CLUSTERS, SFT_PAIRS, TABLES
from dataalchemy_pipelines.engine import batch, landing, steps
from dataalchemy_pipelines.engine.batch import run_stage
from dataalchemy_pipelines.engine.sources import register, source_of
from dataalchemy_pipelines.synthesis.generate import PairSettings
from dataalchemy_pipelines.transforms.chunk import ChunkSettings
from dataalchemy_pipelines.transforms.recipe import RecipeSettings
from resources.contracts import BatchEngine
from resources.errors import Damaged, DataAlchemyError, Unavailable
from resources.lake import LocalLake
from resources.progress import LogProgress
from resources.spark import AutoEngine, LocalEngine, SparkEngine
from tests.contracts import engine_work

ROOT = str(Path(__file__).parents[2])
SPARK = pytest.param("spark", marks=pytest.mark.spark)
PARALLEL = ["pool", SPARK]
"""Engines whose workers are processes of their own; inline work shares the fate of the process that asked for it."""
STAGE_TABLES = [name for name, spec in TABLES.items() if "row_sha256" in spec.schema.names and name != "training_sets"]


@pytest.fixture(scope="module")
def workers() -> Iterator[pytest.MonkeyPatch]:
    """A pool's workers inherit the path by which they find `engine_work`; Spark's need the variable."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("PYTHONPATH", ROOT)
        yield patch


@pytest.fixture(scope="module")
def pool(workers: pytest.MonkeyPatch) -> Iterator[LocalEngine]:
    """Two processes, kept for all tests of this module."""
    engine = LocalEngine(workers=2)
    yield engine
    engine.close()


@pytest.fixture(scope="module")
def spark(workers: pytest.MonkeyPatch, tmp_path_factory: pytest.TempPathFactory) -> Iterator[SparkEngine]:
    """One session for all tests of this module, since it takes ten seconds to start; its log is put aside."""
    workers.setenv("DATAALCHEMY_CACHE", str(tmp_path_factory.mktemp("cache")))
    for name in ("JAVA_HOME", "PYSPARK_PYTHON", "PYSPARK_DRIVER_PYTHON", "SPARK_LOCAL_IP"):
        workers.setenv(name, "")
        workers.delenv(name)
    engine = SparkEngine(master="local[2]")
    yield engine
    engine.close()


@pytest.fixture
def engine(request: pytest.FixtureRequest) -> BatchEngine:
    """Every engine in turn; a new engine joins here and nowhere else."""
    found: BatchEngine = LocalEngine() if request.param == "inline" else request.getfixturevalue(request.param)
    return found


@pytest.fixture
def lake(tmp_path: Path) -> LocalLake:
    """An empty lake."""
    return LocalLake(root=(tmp_path / "lake").as_uri())


def called(lake: LocalLake) -> list[int]:
    """The numbers of the parts that were worked on, one for each call."""
    return sorted(int(key.rsplit("/", 1)[1][:3]) for key in lake.listing(engine_work.CALLED))


def mapped(engine: BatchEngine, lake: LocalLake, function: str, parts: int) -> list[int]:
    """The results of a function of `engine_work` over numbered parts, sorted, since they come as they are done."""
    results: list[int] = []
    numbers = [json.dumps(number) for number in range(parts)]
    engine.map(
        f"{engine_work.__name__}:{function}",
        numbers,
        lake=lake,
        on_result=lambda text: results.append(json.loads(text)),
    )
    return sorted(results)


@pytest.mark.parametrize(
    ("engine", "parts"),
    [
        ("inline", 1),
        ("pool", 1),
        ("pool", 21),
        pytest.param("spark", 1, marks=pytest.mark.spark),
        pytest.param("spark", 21, marks=pytest.mark.spark),
    ],
    indirect=["engine"],
)
def test_each_part_is_called_once_and_every_result_is_handed_on(
    engine: BatchEngine, lake: LocalLake, parts: int
) -> None:
    assert mapped(engine, lake, "count", parts) == [number * 2 for number in range(parts)]
    assert called(lake) == list(range(parts))


@pytest.mark.parametrize("engine", ["pool", SPARK], indirect=True)
def test_no_parts_are_no_work(engine: BatchEngine, lake: LocalLake) -> None:
    assert mapped(engine, lake, "count", 0) == []
    assert called(lake) == []


ANY = [("inline", 1), ("pool", 2), pytest.param("spark", 2, marks=pytest.mark.spark)]


@pytest.mark.parametrize(("engine", "parts"), ANY, indirect=["engine"])
def test_an_error_of_ours_comes_out_of_a_worker_as_it_was(engine: BatchEngine, lake: LocalLake, parts: int) -> None:
    with pytest.raises(Damaged) as raised:
        mapped(engine, lake, "refuse_the_first", parts)
    error = raised.value
    assert (error.what, error.subject, error.fix) == ("A file cannot be trusted", "part number 0", "Write it anew.")


@pytest.mark.parametrize(("engine", "parts"), ANY, indirect=["engine"])
def test_so_does_an_error_of_the_work_on_documents(engine: BatchEngine, lake: LocalLake, parts: int) -> None:
    with pytest.raises(LostDocuments, match="three documents"):
        mapped(engine, lake, "lose_documents", parts)


@pytest.mark.parametrize("engine", PARALLEL, indirect=True)
def test_the_first_error_ends_the_work_and_the_engine_works_on(engine: BatchEngine, lake: LocalLake) -> None:
    try:
        with pytest.raises(DataAlchemyError):
            mapped(engine, lake, "refuse_the_first", 40)
        at_the_error = set(called(lake))
    finally:
        lake.put(engine_work.GO, b"go")
    assert max(at_the_error, default=0) < 16, "what waits for the word can't have ended"
    assert mapped(engine, lake, "count", 3) == [0, 2, 4]
    assert len(called(lake)) < 30, "parts that had not begun were worked on all the same"


@pytest.mark.parametrize("engine", PARALLEL, indirect=True)
def test_a_worker_that_is_killed_is_an_error_that_may_be_tried_again(engine: BatchEngine, lake: LocalLake) -> None:
    with pytest.raises(Unavailable):
        mapped(engine, lake, "die_at_the_second", 4)
    assert mapped(engine, lake, "count", 3) == [0, 2, 4]


def test_what_is_small_never_starts_spark(lake: LocalLake) -> None:
    engine = AutoEngine(spark_above_parts=3)
    try:
        assert mapped(engine, lake, "count", 3) == [0, 2, 4]
        assert "_spark" not in engine.__dict__
    finally:
        engine.close()


@pytest.fixture(scope="module")
def mixed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Twenty small files: kept, rejected and quarantined ones, exact and near duplicates, other scripts, an export."""
    root = tmp_path_factory.mktemp("mixed")
    for number in range(12):
        (root / f"manual-{number:02}.md").write_text(manual(number), encoding="utf-8")
    (root / "copy-of-manual.md").write_text(manual(3), encoding="utf-8")
    (root / "manual-04-edited.txt").write_text(manual(4).replace("in spring", "in early spring"), encoding="utf-8")
    (root / "page.html").write_text(f"<h1>Pump</h1><p>{manual(20)}</p><script>x()</script>", encoding="utf-8")
    (root / "utf16.txt").write_text(manual(21), encoding="utf-16")
    (root / "日本語.md").write_text(
        "# 校正\n\n" + "温度計は毎年四月に校正し、証明書を倉庫に保管します。" * 8, encoding="utf-8"
    )
    (root / "empty.txt").write_bytes(b"")
    (root / "broken.pdf").write_bytes(b"%PDF-1.7\nnothing that a reader could use")
    issue = {
        "key": "PUMP-1",
        "fields": {"summary": "Valve sticks", "description": manual(22), "issuetype": {"name": "Bug"}},
    }
    (root / "issues.jsonl").write_text(json.dumps(issue) + "\n", encoding="utf-8")
    return root


def manual(number: int) -> str:
    """A page of its own words, with something personal in it."""
    things = ["pump", "valve", "boiler", "filter", "gauge", "sensor", "motor", "belt", "tank", "hose", "lamp", "fan"]
    thing, other = things[number % 12], things[(number * 5 + 1) % 12]
    return (
        f"# Care of the {thing}, edition {number}\n\nThe {thing} of line {number} is cleaned in spring, and the "
        f"{other} beside it every {number + 3} weeks. Turn the {other} off, wait {number * 7 + 5} minutes, and open "
        f"the cover.\n\n"
        f"## Parts\n\n- seal number {4000 + number * 13}\n- gasket of {number + 2} millimetres\n\n"
        f"Questions about the {thing} go to keeper{number}@works.example, who answers within {number + 1} days. "
        f"A {thing} that leaks is replaced at once, whatever its age, and the old one goes to the workshop.\n"
    )


def refine(root: Path, lake: LocalLake, engine: BatchEngine) -> None:
    """The path from files to pairs, as the assets walk it."""
    register(lake, source_of(root, name="mixed", access=("local",)))
    progress = LogProgress()
    landing.land_sources(lake, [], progress=progress)
    for stage in (steps.parse_stage(), steps.clean_stage(RecipeSettings()), steps.sign_stage()):
        run_stage(stage, lake=lake, engine=engine, progress=progress)
    steps.settle_clusters(lake, progress)
    run_stage(steps.chunk_stage(ChunkSettings()), lake=lake, engine=engine, progress=progress)
    run_stage(steps.pair_stage(lake, PairSettings()), lake=lake, engine=engine, progress=progress)


@pytest.fixture(scope="module")
def inline_lake(mixed: Path, tmp_path_factory: pytest.TempPathFactory) -> LocalLake:
    """What one part in this process makes of the files: what the others are held against."""
    lake = LocalLake(root=(tmp_path_factory.mktemp("inline") / "lake").as_uri())
    refine(mixed, lake, LocalEngine())
    return lake


@pytest.mark.parametrize("engine", PARALLEL, indirect=True)
def test_many_parts_on_any_engine_give_the_rows_of_one_part(
    engine: BatchEngine, lake: LocalLake, mixed: Path, inline_lake: LocalLake, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(landing, "FILE_ROWS", 4)
    monkeypatch.setattr(batch, "PART_DOCUMENTS", 4)
    refine(mixed, lake, engine)
    for name in STAGE_TABLES:
        ours, theirs = lake.snapshot(TABLES[name]), inline_lake.snapshot(TABLES[name])
        assert len(ours.files()) > len(theirs.files()) or name == "clusters", f"{name} was not made in several parts"
        hashes = [sorted(one.read(["row_sha256"])["row_sha256"].to_pylist()) for one in (ours, theirs)]
        assert hashes[0] == hashes[1], name
        assert content_digest(ours) == content_digest(theirs), name


def test_the_files_of_the_comparison_end_in_more_than_one_way(inline_lake: LocalLake) -> None:
    """Equal digests of nothing would prove nothing."""
    tables = {name: frame(inline_lake.snapshot(TABLES[name]).read(["doc_id", "outcome"])) for name in STAGE_TABLES}
    ends = {outcome for table in tables.values() for outcome in table["outcome"]}
    assert ends == {"kept", "rejected", "quarantined", "duplicate_of"}
    assert tables["raw_records"].height == 20
    assert tables[CLUSTERS.name].filter(pl.col("outcome") == "duplicate_of").height >= 2
    assert tables[CHUNKS.name].height >= 15
    assert tables[SFT_PAIRS.name].height >= 15
