"""What every lake promises, the same on a directory and on a real S3 server."""

from __future__ import annotations

import os
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pyarrow as pa
import pytest

from resources import durable
from resources.contracts import Change, TableSpec
from resources.errors import Conflict, Damaged, NotFound
from resources.lake import LocalLake, ObjectLake, open_lake
from resources.store import ObjectFile

SPEC = TableSpec("things", pa.schema([("doc_id", pa.string()), ("text", pa.string()), ("tags", pa.list_(pa.string()))]))
KEY = "objects/things/" + "0" * 64


def rows(*ids: str, text: str = "x") -> pa.Table:
    """Rows with these ids."""
    return pa.table({"doc_id": list(ids), "text": [text] * len(ids), "tags": [["a"]] * len(ids)}, schema=SPEC.schema)


def ids_of(lake: ObjectLake) -> list[str]:
    """Every id in the table, sorted."""
    return sorted(lake.snapshot(SPEC).read(["doc_id"])["doc_id"].to_pylist())


def test_the_second_writer_of_a_key_loses_and_the_first_value_stays(lake: ObjectLake) -> None:
    assert lake.create(KEY, b"first") is True
    assert lake.create(KEY, b"second") is False
    assert lake.get(KEY) == b"first"


def test_a_key_that_was_never_written_is_not_found(lake: ObjectLake) -> None:
    with pytest.raises(NotFound, match="objects/things"):
        lake.get(KEY)


def test_eight_creators_of_one_key_have_one_winner_and_the_body_is_the_winners(lake: ObjectLake) -> None:
    keys = [f"objects/race/{number:064d}" for number in range(10)]
    for key in keys:
        gate = threading.Barrier(8)

        def create(number: int, key: str = key, gate: threading.Barrier = gate) -> bool:
            gate.wait()
            return lake.create(key, f"writer {number}".encode())

        with ThreadPoolExecutor(8) as pool:
            won = list(pool.map(create, range(8)))
        assert won.count(True) == 1
        assert lake.get(key) == f"writer {won.index(True)}".encode()


def test_listing_and_deleting_know_only_what_lies_in_the_folder(lake: ObjectLake) -> None:
    for name in ("objects/a/1", "objects/a/2", "objects/ab/3"):
        lake.put(name, b"x")
    assert list(lake.listing("objects/a")) == ["objects/a/1", "objects/a/2"]
    lake.delete(["objects/a/1", "objects/a/1", "objects/never/there"])
    assert list(lake.listing("objects/a")) == ["objects/a/2"]


def test_a_table_that_nobody_made_is_empty_and_has_the_right_columns(lake: ObjectLake) -> None:
    snapshot = lake.snapshot(SPEC)
    assert (snapshot.version, snapshot.count(), snapshot.cursor("s")) == (-1, 0, 0)
    assert snapshot.read().schema == SPEC.schema


def test_one_commit_adds_replaces_and_moves_the_cursor(lake: ObjectLake) -> None:
    lake.commit(lake.snapshot(SPEC), Change(rows=rows("1", "2", "3")), cursors={"source:s": 1})
    lake.commit(
        lake.snapshot(SPEC), Change(rows=rows("2", text="new"), replaces=frozenset({"2", "3"})), cursors={"source:s": 2}
    )
    snapshot = lake.snapshot(SPEC)
    assert ids_of(lake) == ["1", "2"]
    assert {row["doc_id"]: row["text"] for row in snapshot.read().to_pylist()} == {"1": "x", "2": "new"}
    assert snapshot.cursor("source:s") == 2
    assert snapshot.count() == 2


def test_files_that_a_worker_wrote_come_in_with_the_commit_and_not_before(lake: ObjectLake) -> None:
    worker = open_lake(lake.address())
    file = worker.write_file(f"{worker.staging(SPEC)}/part.parquet", rows("1", "2"))
    assert ids_of(lake) == []
    lake.commit(lake.snapshot(SPEC), Change(files=[file]))
    assert ids_of(lake) == ["1", "2"]


def test_a_commit_on_a_snapshot_that_is_no_longer_the_newest_is_a_conflict_and_changes_nothing(
    lake: ObjectLake,
) -> None:
    lake.commit(lake.snapshot(SPEC), Change(rows=rows("0")))
    ours, theirs = lake.snapshot(SPEC), lake.snapshot(SPEC)
    lake.commit(theirs, Change(rows=rows("theirs")))
    with pytest.raises(Conflict):
        lake.commit(ours, Change(rows=rows("ours")))
    assert ids_of(lake) == ["0", "theirs"]


def test_two_makers_of_one_table_have_one_winner(lake: ObjectLake) -> None:
    ours, theirs = lake.snapshot(SPEC), lake.snapshot(SPEC)
    lake.commit(theirs, Change(rows=rows("theirs")))
    with pytest.raises(Conflict):
        lake.commit(ours, Change(rows=rows("ours")))
    assert ids_of(lake) == ["theirs"]


def test_four_racers_over_forty_cursors_keep_each_exactly_once(lake: ObjectLake) -> None:
    lake.commit(lake.snapshot(SPEC), Change(rows=rows("start")))
    races: list[int] = []

    def race(number: int) -> None:
        racer = open_lake(lake.address())
        while (cursor := (base := racer.snapshot(SPEC)).cursor("source:s")) < 40:
            try:
                racer.commit(base, Change(rows=rows(f"item-{cursor + 1}")), cursors={"source:s": cursor + 1})
            except Conflict:
                races.append(number)

    with ThreadPoolExecutor(4) as pool:
        list(pool.map(race, range(4)))
    assert ids_of(lake) == sorted(["start", *(f"item-{number}" for number in range(1, 41))])
    assert races, "nobody ever lost, so nothing was tested"


def test_no_text_and_no_predicate_ever_enters_a_log(lake: ObjectLake) -> None:
    lake.commit(lake.snapshot(SPEC), Change(rows=rows("1", "2", text="CANARY-IN-TEXT")))
    lake.commit(lake.snapshot(SPEC), Change(rows=rows("1", text="CANARY-AGAIN"), replaces=frozenset({"1"})))
    log = b"".join(lake.get(key) for key in lake.listing("tables/things/_delta_log"))
    assert b"CANARY" not in log and b"numRecords" in log


def test_an_empty_log_tail_is_refused_and_repair_brings_back_the_last_durable_version(lake: ObjectLake) -> None:
    for number in range(3):
        lake.commit(lake.snapshot(SPEC), Change(rows=rows(str(number))))
    newest = sorted(lake.listing("tables/things/_delta_log"))[-1]
    lake.put(newest, b"")
    with pytest.raises(Exception, match="verify --repair"):
        lake.snapshot(SPEC)
    assert lake.repair(SPEC) == [newest.rsplit("/", 1)[1]]
    assert ids_of(lake) == ["0", "1"]
    lake.commit(lake.snapshot(SPEC), Change(rows=rows("after")))
    assert ids_of(lake) == ["0", "1", "after"]


def test_a_torn_log_entry_is_found_when_the_log_is_read(lake: ObjectLake) -> None:
    lake.commit(lake.snapshot(SPEC), Change(rows=rows("1")))
    lake.commit(lake.snapshot(SPEC), Change(rows=rows("2")))
    newest = sorted(lake.listing("tables/things/_delta_log"))[-1]
    lake.put(newest, lake.get(newest)[:-20])
    with pytest.raises(Exception, match="cannot be trusted"):
        lake.read_log(SPEC)
    lake.repair(SPEC)
    assert ids_of(lake) == ["1"]


def test_a_pointer_to_a_checkpoint_that_is_gone_is_refused_and_mended(lake: ObjectLake) -> None:
    lake.commit(lake.snapshot(SPEC), Change(rows=rows("1")))
    lake.put("tables/things/_delta_log/_last_checkpoint", b'{"version":7,"size":1}')
    with pytest.raises(Exception, match="checkpoint"):
        lake.snapshot(SPEC)
    assert lake.repair(SPEC) == ["_last_checkpoint"]
    assert ids_of(lake) == ["1"]


@pytest.mark.parametrize("torn", [b"", b'{"version":1', b"\x00\x00", b"[1]", b'"1"', b"{}", b'{"version":1e999}'])
def test_a_torn_pointer_to_a_checkpoint_is_refused_and_mended(lake: ObjectLake, torn: bytes) -> None:
    lake.commit(lake.snapshot(SPEC), Change(rows=rows("1")))
    lake.put("tables/things/_delta_log/_last_checkpoint", torn)
    with pytest.raises(Damaged, match="verify --repair"):
        lake.snapshot(SPEC)
    with pytest.raises(Damaged, match="verify --repair"):
        lake.read_log(SPEC)
    assert lake.repair(SPEC) == ["_last_checkpoint"]
    assert ids_of(lake) == ["1"]


def test_other_readers_of_delta_open_the_table(lake: ObjectLake) -> None:
    from deltalake import DeltaTable

    lake.commit(lake.snapshot(SPEC), Change(rows=rows("1", "2")))
    found = DeltaTable(lake.table_uri(SPEC), storage_options=lake.storage_options()).to_pyarrow_table()
    assert sorted(found["doc_id"].to_pylist()) == ["1", "2"]


def test_neither_the_description_nor_the_address_nor_the_repr_shows_a_secret(
    lake: ObjectLake, secrets_of: Callable[[ObjectLake], list[str]]
) -> None:
    shown = f"{lake!r} {lake.describe()} {lake.address()} {lake.model_dump()}"
    assert not any(value in shown for value in secrets_of(lake))


def test_a_directory_lake_is_durable_and_its_private_part_is_closed(tmp_path_factory: pytest.TempPathFactory) -> None:
    lake = LocalLake(root=tmp_path_factory.mktemp("lake").joinpath("new").as_uri())
    lake.check()
    assert lake.durability in {"sync attribute", "fsync after commit"}
    assert (lake.path / "private").stat().st_mode & 0o777 == 0o700


def test_a_private_part_that_stood_open_is_closed(tmp_path: Path) -> None:
    (tmp_path / "lake" / "private").mkdir(parents=True, mode=0o755)
    (tmp_path / "lake" / "private").chmod(0o755)
    LocalLake(root=(tmp_path / "lake").as_uri()).check()
    assert (tmp_path / "lake" / "private").stat().st_mode & 0o777 == 0o700


def test_a_folder_that_was_copied_into_place_is_flushed_though_its_root_is_synchronous(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    copied = tmp_path / "lake" / "objects" / "copied"
    copied.mkdir(parents=True)  # before the lake: the attribute is inherited only by what is made later
    assert not durable.is_synchronous(copied)
    lake = LocalLake(root=(tmp_path / "lake").as_uri())
    flushed: list[str] = []
    fsync = os.fsync

    def seen(handle: int) -> None:
        flushed.append(str(Path(f"/proc/self/fd/{handle}").readlink()))
        fsync(handle)

    monkeypatch.setattr(os, "fsync", seen)
    lake.put("objects/copied/thing", b"x")
    assert flushed == [str(copied / "thing"), str(copied)]
    flushed.clear()
    lake.put("pointers/thing", b"x")
    assert bool(flushed) is (lake.durability == "fsync after commit")


def test_a_file_is_read_by_the_thread_that_asked_for_it(lake: ObjectLake, monkeypatch: pytest.MonkeyPatch) -> None:
    """A thread of Arrow's own, still holding what is Python's when the interpreter ends, would abort the process."""
    lake.commit(lake.snapshot(SPEC), Change(rows=rows("1", "2")))
    (file,) = lake.snapshot(SPEC).files()
    readers: set[int] = set()
    readinto = ObjectFile.readinto

    def seen(self: ObjectFile, buffer: bytearray) -> int:
        readers.add(threading.get_ident())
        return readinto(self, buffer)

    monkeypatch.setattr(ObjectFile, "readinto", seen)
    assert lake.read_file(file.key, ["doc_id"]).num_rows == lake.read_file(file.key).num_rows == 2
    assert readers == (set() if isinstance(lake, LocalLake) else {threading.get_ident()})
