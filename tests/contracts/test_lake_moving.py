"""A lake moves whole: from a directory to S3 and back, by a copy that was killed, beside a writer, out of a backup."""

from __future__ import annotations

import hashlib
import json
import signal
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest

from dataalchemy_pipelines.core.errors import WrongInput
from dataalchemy_pipelines.core.outcomes import content_digest, frame
from dataalchemy_pipelines.core.records import DOCUMENTS, RAW_RECORDS, RawRecord
from dataalchemy_pipelines.engine.batch import complete
from dataalchemy_pipelines.engine.landing import land, land_sources
from dataalchemy_pipelines.engine.moving import PART_KEYS, copy
from dataalchemy_pipelines.engine.moving_plan import PARTS, WHOLE, plan_for_backup, plan_of_backup, plan_of_lake
from resources.contracts import Change, TableSpec
from resources.errors import Conflict, Damaged
from resources.lake import LocalLake, ObjectLake, S3Lake, open_lake
from resources.progress import LogProgress
from resources.settings import CHECKOUT, child_environment

MOVER = Path(__file__).parent / "mover.py"
FOREIGN = TableSpec("somebody_elses", pa.schema([("doc_id", pa.string()), ("text", pa.string())]))
PROGRESS = LogProgress()


class Given:
    """A source of these items, each with its name as its text."""

    def __init__(self, *names: str) -> None:
        self._names = names

    def records(self) -> Iterator[RawRecord]:
        """Every item, and one that is empty."""
        for name in self._names:
            yield RawRecord(name, name.encode() * 50, access=("local",))
        yield RawRecord("empty", b"", access=("local",))


def fill(lake: ObjectLake) -> ObjectLake:
    """Some versions of raw records, a table that the project does not know, an object, a pointer, a probe."""
    for number in range(12):
        land(lake, Given(*(f"item-{item}" for item in range(8 + number))), source="one", progress=PROGRESS)
    base = lake.snapshot(RAW_RECORDS)
    base.delta.create_checkpoint()  # type: ignore[attr-defined]
    rows = pa.table({"doc_id": ["1"], "text": ["x"]}, schema=FOREIGN.schema)
    lake.commit(lake.snapshot(FOREIGN), Change(rows=rows))
    lake.put("objects/training_specs/" + hashlib.sha256(b"{}").hexdigest() + ".json", b"{}")
    lake.put("objects/checks/left-behind", b"ok")
    return lake


@pytest.fixture
def make(
    request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Callable[[str, str], ObjectLake]:
    """A lake on one of the backends, empty, under a name of its own."""

    def made(kind: str, name: str) -> ObjectLake:
        if kind == "directory":
            return LocalLake(root=(tmp_path / name).as_uri())
        if kind == "versitygw":
            server = request.getfixturevalue("versity_server")
            monkeypatch.setenv("TO_AWS_ACCESS_KEY_ID", server.access_key)
            monkeypatch.setenv("TO_AWS_SECRET_ACCESS_KEY", server.secret_key)
            own = {"key_variable": "TO_AWS_ACCESS_KEY_ID", "secret_variable": "TO_AWS_SECRET_ACCESS_KEY"}
            return S3Lake(root=f"s3://{server.make_bucket()}/{name}", endpoint=server.endpoint, **own)
        one: S3Lake = request.getfixturevalue("s3_lake")
        return S3Lake(root=f"{one.root}/{name}", endpoint=one.endpoint)

    return made


def bodies(lake: ObjectLake) -> dict[str, str]:
    """Every key of a lake with the hash of its bytes."""
    return {key: hashlib.sha256(lake.get(key)).hexdigest() for key in lake.listing("")}


def digests(lake: ObjectLake) -> tuple[str, str, int]:
    """What the tables hold."""
    raw, documents = lake.snapshot(RAW_RECORDS), lake.snapshot(DOCUMENTS)
    return content_digest(raw), content_digest(documents), lake.snapshot(FOREIGN).count()


S3 = pytest.param("minio", marks=pytest.mark.services)
OTHER_S3 = pytest.param("versitygw", marks=pytest.mark.services)


@pytest.mark.parametrize("to", ["directory", S3, OTHER_S3])
@pytest.mark.parametrize("of", ["directory", S3])
def test_a_migrated_lake_has_equal_digests_takes_commits_and_leaves_its_source_untouched(
    make: Callable[[str, str], ObjectLake], of: str, to: str
) -> None:
    source, target = fill(make(of, "from")), make(to, "to")
    target.put("objects/checks/ballast", b"0")  # an empty lake that was maintained is still empty
    before = bodies(source)
    made = copy(plan_of_lake(source), source, target, progress=PROGRESS)
    assert bodies(source) == before
    assert digests(target) == digests(source)
    assert target.snapshot(RAW_RECORDS).version == source.snapshot(RAW_RECORDS).version
    moved = {key: value for key, value in bodies(target).items() if not key.startswith(("copy/", "objects/checks/"))}
    assert len(moved) == made.objects and moved.items() <= before.items()
    assert list(target.listing("objects/checks")) == ["objects/checks/ballast"]
    assert land(target, Given("item-0", "more"), source="two", progress=PROGRESS).new == 3
    assert target.snapshot(RAW_RECORDS).version == source.snapshot(RAW_RECORDS).version + 1
    target.read_log(RAW_RECORDS)


def test_the_same_again_brings_nothing_and_what_came_since_is_brought(tmp_path: Path) -> None:
    source, target = fill(at(tmp_path, "from")), at(tmp_path, "to")
    first = copy(plan_of_lake(source), source, target, progress=PROGRESS)
    assert copy(plan_of_lake(source), source, target, progress=PROGRESS).brought == 0
    land(source, Given("new"), source="two", progress=PROGRESS)
    again = copy(plan_of_lake(source), source, target, progress=PROGRESS)
    assert 0 < again.brought < first.brought
    assert digests(target) == digests(source)


def test_what_was_erased_at_the_source_between_two_attempts_is_gone_from_the_copy(tmp_path: Path) -> None:
    source, target = fill(at(tmp_path, "from")), at(tmp_path, "to")
    source.put("objects/training_data/" + "0" * 32 + ".parquet", b"erase me")
    copy(plan_of_lake(source), source, target, progress=PROGRESS)
    source.delete(["objects/training_data/" + "0" * 32 + ".parquet"])
    copy(plan_of_lake(source), source, target, progress=PROGRESS)
    assert not list(target.listing("objects/training_data"))


def test_a_target_with_something_of_its_own_is_refused_and_keeps_it(tmp_path: Path) -> None:
    source, target = fill(at(tmp_path, "from")), at(tmp_path, "to")
    land(target, Given("mine"), source="mine", progress=PROGRESS)
    before = bodies(target)
    with pytest.raises(WrongInput, match="empty place"):
        copy(plan_of_lake(source), source, target, progress=PROGRESS)
    assert bodies(target) == before


def test_a_migrated_lake_that_was_written_to_is_not_migrated_over(tmp_path: Path) -> None:
    source, target = fill(at(tmp_path, "from")), at(tmp_path, "to")
    copy(plan_of_lake(source), source, target, progress=PROGRESS)
    land(target, Given("mine"), source="mine", progress=PROGRESS)
    land(source, Given("theirs"), source="theirs", progress=PROGRESS)
    with pytest.raises(WrongInput, match="empty place"):
        copy(plan_of_lake(source), source, target, progress=PROGRESS)


@pytest.mark.parametrize("to", ["directory", S3])
def test_a_copy_that_was_killed_goes_on_where_it_was_and_is_refused_until_it_is_whole(
    make: Callable[[str, str], ObjectLake], to: str
) -> None:
    source, target = make("directory", "from"), make(to, "to")
    land(source, Given(*(f"item-{item}" for item in range(3 * PART_KEYS))), source="one", progress=PROGRESS)
    left = killed(source, target)
    assert left > 0, "the copy was done before it was killed"
    assert WHOLE not in set(target.listing("copy"))
    for plan in (plan_of_lake, plan_of_backup):
        with pytest.raises(WrongInput, match="no whole copy"):
            plan(target)
    with pytest.raises(WrongInput, match="no whole copy"):
        land_sources(target, [], progress=PROGRESS)
    made = copy(plan_of_lake(source), source, target, progress=PROGRESS)
    assert made.brought < made.objects, "it began anew"
    assert digests(target) == digests(source)
    assert len(bodies(target)) == made.objects + 2  # and its record: the manifest, and the word that it is whole


def killed(source: ObjectLake, target: ObjectLake) -> int:
    """Copy in a child process, kill it with -9 after its first part; how many objects were left to bring."""
    environment = {**child_environment(), "PYTHONPATH": str(CHECKOUT)}
    command = [sys.executable, str(MOVER), source.address(), target.address()]
    child = subprocess.Popen(command, env=environment, stdout=subprocess.PIPE, text=True)
    assert child.stdout is not None
    for line in child.stdout:
        done, total = map(int, line.split())
        if done:
            child.kill()
            break
    assert child.wait() == -signal.SIGKILL
    return total - done


@pytest.mark.parametrize("to", ["directory", S3])
def test_a_backup_beside_a_writer_holds_no_row_without_what_it_was_made_from(
    make: Callable[[str, str], ObjectLake], to: str
) -> None:
    source = fill(make("directory", "from"))
    stop, commits = threading.Event(), [0]

    def write() -> None:
        writer = open_lake(source.address())
        while not stop.is_set():
            names = [f"item-{item}" for item in range(8)] + [f"written-{item}" for item in range(commits[0] + 1)]
            land(writer, Given(*names), source="one", progress=PROGRESS, confirm_withdrawals=True)
            follow(writer)
            commits[0] += 1

    thread = threading.Thread(target=write)
    thread.start()
    try:
        kept = []
        for number in range(5):
            target, before = make(to, f"backup-{number}"), commits[0]
            copy(plan_for_backup(source, target=target), source, target, progress=PROGRESS)
            kept.append((target, commits[0] - before))
    finally:
        stop.set()
        thread.join()
    assert sum(moved for _, moved in kept) > 0, "nothing was committed meanwhile, so nothing was tested"
    for number, (target, _) in enumerate(kept):
        place = make("directory", f"restored-{number}")
        copy(plan_of_backup(target), target, place, progress=PROGRESS)
        assert digests(place) == digests(target)
        assert dangling(place) == 0


def follow(lake: ObjectLake) -> None:
    """The stage after landing, in small: a document for every raw record that has none."""
    raw = frame(lake.snapshot(RAW_RECORDS).read(["doc_id", "source", "native_id", "version", "outcome", "row_sha256"]))
    base = lake.snapshot(DOCUMENTS)
    had = set(base.read(["doc_id"])["doc_id"].to_pylist())
    new = raw.unique("doc_id").filter(~raw.unique("doc_id")["doc_id"].is_in(list(had)))
    if new.height:
        came = new.select("doc_id", "row_sha256")
        lake.commit(base, Change(rows=complete(new, came, DOCUMENTS, recipe_version="1")))


def dangling(lake: ObjectLake) -> int:
    """Documents without a raw record, and raw records without a payload."""
    raw = frame(lake.snapshot(RAW_RECORDS).read(["doc_id", "payload_key"]))
    documents = set(lake.snapshot(DOCUMENTS).read(["doc_id"])["doc_id"].to_pylist())
    payloads = set(raw["payload_key"].drop_nulls())
    return len(documents - set(raw["doc_id"])) + len(payloads - set(lake.listing("private/objects/raw")))


def test_a_backup_is_made_once_and_only_a_backup_is_restored_from(tmp_path: Path) -> None:
    source, kept, moved = fill(at(tmp_path, "from")), at(tmp_path, "backup"), at(tmp_path, "moved")
    copy(plan_for_backup(source, target=kept), source, kept, progress=PROGRESS)
    copy(plan_of_lake(source), source, moved, progress=PROGRESS)
    with pytest.raises(WrongInput, match="already"):
        plan_for_backup(source, target=kept)
    with pytest.raises(WrongInput, match="no backup"):
        plan_of_backup(moved)
    with pytest.raises(WrongInput, match="no whole copy"):
        plan_of_backup(source)
    place = at(tmp_path, "restored")
    copy(plan_of_backup(kept), kept, place, progress=PROGRESS)
    assert digests(place) == digests(source)
    with pytest.raises(WrongInput, match="empty place"):
        copy(plan_of_backup(kept), kept, fill(at(tmp_path, "used")), progress=PROGRESS)


def test_a_backup_that_was_changed_or_lacks_an_object_is_refused(tmp_path: Path) -> None:
    source, kept = fill(at(tmp_path, "from")), at(tmp_path, "backup")
    copy(plan_for_backup(source, target=kept), source, kept, progress=PROGRESS)
    payload = next(iter(kept.listing("private/objects/raw")))
    body = kept.get(payload)
    kept.put(payload, body[:-1] + b"!")
    with pytest.raises(Damaged, match="differs from its digest"):
        copy(plan_of_backup(kept), kept, at(tmp_path, "one"), progress=PROGRESS)
    kept.delete([payload])
    with pytest.raises(Conflict, match=payload):
        copy(plan_of_backup(kept), kept, at(tmp_path, "two"), progress=PROGRESS)
    kept.put(payload, body)
    (manifest,) = kept.listing(PARTS)
    kept.put(manifest, kept.get(manifest)[:-200])
    with pytest.raises(Damaged, match="manifest"):
        plan_of_backup(kept)


def test_no_text_of_a_document_stands_in_the_record_of_a_copy(tmp_path: Path) -> None:
    source, kept = fill(at(tmp_path, "from")), at(tmp_path, "backup")
    copy(plan_for_backup(source, target=kept), source, kept, progress=PROGRESS)
    record = b"".join(kept.get(key) for key in kept.listing("copy"))
    assert b"item-1" not in record and len(json.loads(kept.get(WHOLE))["tables"]) == 2


def at(tmp_path: Path, name: str) -> Any:
    """A lake in a directory."""
    return LocalLake(root=(tmp_path / name).as_uri())
