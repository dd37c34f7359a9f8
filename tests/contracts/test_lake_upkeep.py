"""A lake is kept small without a row lost, doubled or unreadable: merging, sweeping beside writers, clocks, ballast."""

from __future__ import annotations

import json
import os
import subprocess
import threading
import time
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pyarrow as pa
import pytest

from resources import upkeep
from resources.actions import SMALL_FILES
from resources.contracts import Change, TableSpec
from resources.errors import Conflict, Misconfigured, Unavailable
from resources.lake import LocalLake, ObjectLake, open_lake
from resources.upkeep import BALLAST, BALLAST_BYTES, Keeper

SPEC = TableSpec("kept", pa.schema([("doc_id", pa.string()), ("text", pa.string())]))
PARTS, LOG = "tables/kept/parts", "tables/kept/_delta_log"
ROUNDS = 20
TEN_DAYS_S = 10 * 86_400


def add(lake: ObjectLake, name: str, *, replaces: frozenset[str] = frozenset()) -> None:
    """One small commit."""
    rows = pa.table({"doc_id": [name], "text": [f"CANARY {name}"]}, schema=SPEC.schema)
    lake.commit(lake.snapshot(SPEC), Change(rows=rows, replaces=replaces))


def content(lake: ObjectLake) -> list[tuple[str, str]]:
    """Every row, sorted, as a reader who has just come sees them."""
    rows = open_lake(lake.address()).snapshot(SPEC).read().to_pylist()
    return sorted((row["doc_id"], row["text"]) for row in rows)


def age(lake: LocalLake, folder: str, seconds: float) -> None:
    """Set the time of every file below a folder back, or forward where it is negative."""
    then = time.time() - seconds
    for path in (lake.path / folder).rglob("*"):
        if path.is_file():
            os.utime(path, (then, then))


@pytest.fixture
def directory(tmp_path: Path) -> LocalLake:
    """A lake whose files' times can be set."""
    return LocalLake(root=(tmp_path / "lake").as_uri())


def test_sixty_small_commits_leave_few_files_one_log_entry_each_and_every_row_once(lake: ObjectLake) -> None:
    for number in range(60):
        add(lake, f"row-{number}", replaces=frozenset({f"row-{number - 1}"}) if number % 7 == 6 else frozenset())
    gone = {f"row-{number - 1}" for number in range(60) if number % 7 == 6}
    kept = sorted({f"row-{number}" for number in range(60)} - gone)
    snapshot = lake.snapshot(SPEC)
    assert [name for name, _ in content(lake)] == kept
    assert len(snapshot.files()) <= SMALL_FILES + 1
    log = [key for key in lake.listing(LOG) if key.endswith(".json")]
    assert len(log) == snapshot.version + 1 == 61, "the table's making, and one entry for each commit"
    assert b"CANARY" not in b"".join(lake.get(key) for key in lake.listing(LOG))


def test_a_merge_says_that_it_changed_no_data(lake: ObjectLake) -> None:
    for number in range(SMALL_FILES + 2):
        add(lake, f"row-{number}")
    newest = max(key for key in lake.listing(LOG) if key.endswith(".json"))
    actions = [json.loads(line) for line in lake.get(newest).splitlines()]
    changes = [one[kind]["dataChange"] for one in actions for kind in ("add", "remove") if kind in one]
    assert changes.count(True) == 1
    assert changes.count(False) == SMALL_FILES + 2, "so many small files went, and one came"


def test_opening_reads_the_log_from_its_last_checkpoint_on(lake: ObjectLake) -> None:
    for number in range(25):
        add(lake, f"row-{number}")
    before = content(lake)
    for version in range(15):  # what came before the checkpoint is not needed any more
        lake.put(f"{LOG}/{version:020}.json", b"")
    assert content(lake) == before
    assert len(lake.repair(SPEC)) == 15, "they go alone: what the checkpoint holds is not given up for them"
    assert content(lake) == before
    add(lake, "after")
    assert len(content(lake)) == 26


def test_a_sweep_beside_a_writer_leaves_every_row_readable_in_twenty_rounds(
    lake: ObjectLake, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(upkeep, "RETENTION", timedelta(seconds=3))
    acknowledged: list[str] = []
    stop = threading.Event()

    def write() -> None:
        writer = open_lake(lake.address())
        while not stop.is_set():
            name = f"row-{len(acknowledged)}"
            add(writer, name, replaces=frozenset(acknowledged[-1:]) if len(acknowledged) % 5 == 4 else frozenset())
            acknowledged.append(name)

    thread = threading.Thread(target=write)
    thread.start()
    removed = unreadable = 0
    try:
        for _ in range(ROUNDS):
            time.sleep(0.5)
            removed += Keeper(lake).sweep(SPEC)
            try:
                content(lake)
            except (FileNotFoundError, pa.ArrowException):
                unreadable += 1
    finally:
        stop.set()
        thread.join()
    replaced = {acknowledged[number - 1] for number in range(4, len(acknowledged), 5)}
    assert removed > 0, "nothing was ever swept, so nothing was tested"
    assert unreadable == 0
    assert [name for name, _ in content(lake)] == sorted(set(acknowledged) - replaced)
    print(f"{len(acknowledged)} commits, {removed} files swept, unreadable 0, lost 0")


def test_a_version_that_was_opened_before_a_sweep_can_still_be_read(lake: ObjectLake) -> None:
    for number in range(SMALL_FILES + 1):
        add(lake, f"row-{number}")
    reader = lake.snapshot(SPEC)
    add(lake, "merging")
    assert {file.key for file in reader.files()}.isdisjoint(file.key for file in lake.snapshot(SPEC).files())
    Keeper(lake).sweep(SPEC)
    assert reader.read().num_rows == SMALL_FILES + 1


@pytest.mark.parametrize("seconds", [TEN_DAYS_S, -TEN_DAYS_S])
def test_a_clock_that_moved_ten_days_makes_a_sweep_remove_no_live_file(directory: LocalLake, seconds: float) -> None:
    for number in range(30):
        add(directory, f"row-{number}")
    before = content(directory)
    age(directory, "tables", seconds)
    swept = Keeper(directory).sweep(SPEC)
    assert bool(swept) is (seconds > 0), "files of merges are old now, and only then"
    assert content(directory) == before
    add(directory, "after")
    assert len(content(directory)) == 31


def test_a_commit_whose_files_a_moved_clock_let_a_sweep_take_is_refused_and_the_table_stays(
    directory: LocalLake,
) -> None:
    add(directory, "first")
    rows = pa.table({"doc_id": ["late"], "text": ["x"]}, schema=SPEC.schema)
    base, staged = directory.snapshot(SPEC), directory.write_file(f"{PARTS}/{'0' * 32}.parquet", rows)
    age(directory, PARTS, TEN_DAYS_S)
    assert Keeper(directory).sweep(SPEC) == 1
    with pytest.raises(Conflict, match="removed before"):
        directory.commit(base, Change(files=[staged]))
    assert [name for name, _ in content(directory)] == ["first"]


def test_a_file_that_a_killed_writer_left_goes_after_a_day_and_not_before(directory: LocalLake) -> None:
    add(directory, "first")
    rows = pa.table({"doc_id": ["lost"], "text": ["x"]}, schema=SPEC.schema)
    orphan = directory.write_file(f"{PARTS}/{'0' * 32}.parquet", rows)
    half = [directory.path / f"{PARTS}/{'1' * 32}.parquet#1", directory.path / f"{LOG}/_commit_5.json.tmp"]
    for path in half:
        path.write_bytes(b"half")
    keeper = Keeper(directory)
    assert (keeper.sweep(SPEC), keeper.sweep_half_made()) == (0, 0)
    for path in (directory.path / orphan.key, *half):
        os.utime(path, (time.time() - 90_000,) * 2)
    assert (keeper.sweep(SPEC), keeper.sweep_half_made()) == (1, 2)
    assert not [path for path in (directory.path / orphan.key, *half) if path.exists()]
    assert len(content(directory)) == 1


def test_entries_of_a_log_past_their_thirty_days_go_and_the_table_stays(directory: LocalLake) -> None:
    for number in range(30):
        add(directory, f"row-{number}")
    before = content(directory)
    age(directory, LOG, 40 * 86_400)
    Keeper(directory).sweep(SPEC)
    left = [key for key in directory.listing(LOG) if key.endswith(".json")]
    assert 0 < len(left) < 12
    assert content(directory) == before


def test_small_files_that_nobody_merged_are_merged_by_upkeep(lake: ObjectLake) -> None:
    rows = [pa.table({"doc_id": [f"row-{n}"], "text": ["x"]}, schema=SPEC.schema) for n in range(40)]
    files = [lake.write_file(f"{PARTS}/{number:032}.parquet", table) for number, table in enumerate(rows)]
    lake.commit(lake.snapshot(SPEC), Change(files=files))
    before = content(lake)
    assert Keeper(lake).merge(SPEC) == 40
    assert len(lake.snapshot(SPEC).files()) == 1
    assert content(lake) == before
    assert Keeper(lake).merge(SPEC) == 0


def test_clocks_that_agree_pass_and_clocks_that_differ_stop_everything(
    lake: ObjectLake, monkeypatch: pytest.MonkeyPatch
) -> None:
    Keeper(lake).check_clocks()
    monkeypatch.setattr(upkeep, "MAX_SKEW", timedelta(0))
    with pytest.raises(Misconfigured, match="clocks"):
        Keeper(lake).check_clocks()


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A filesystem of 40 MB."""
    mount = tmp_path / "small"
    mount.mkdir()
    mounted = subprocess.run(["mount", "-t", "tmpfs", "-o", "size=40m", "tmpfs", str(mount)], capture_output=True)
    if mounted.returncode:
        pytest.skip("a small filesystem needs root")
    yield mount
    subprocess.run(["umount", str(mount)], check=True)


def test_the_ballast_lets_a_full_disk_be_freed_and_comes_back_when_there_is_room(small_disk: Path) -> None:
    lake = LocalLake(root=(small_disk / "lake").as_uri())
    add(lake, "first")
    keeper = Keeper(lake)
    assert keeper.load_ballast() == BALLAST_BYTES
    stuffing = small_disk / "stuffing"
    with pytest.raises(OSError, match="No space"), stuffing.open("wb", buffering=0) as file:
        while True:
            file.write(b"x" * 4096)
    with pytest.raises(Unavailable, match="Make room"):
        add(lake, "refused")
    assert keeper.drop_ballast() == BALLAST_BYTES
    add(lake, "second")
    assert keeper.load_ballast() == 0, "there is no room for it"
    stuffing.unlink()
    assert keeper.load_ballast() == BALLAST_BYTES
    assert BALLAST in set(lake.listing("objects"))
    assert [name for name, _ in content(lake)] == ["first", "second"]


def test_the_ballast_does_not_count_and_a_store_elsewhere_has_none(lake: ObjectLake) -> None:
    add(lake, "first")
    keeper = Keeper(lake)
    before = keeper.sizes()
    assert before["tables"][0] >= 3
    loaded = keeper.load_ballast()
    assert loaded == (BALLAST_BYTES if isinstance(lake, LocalLake) else 0)
    assert keeper.sizes() == before
    assert keeper.drop_ballast() == loaded
