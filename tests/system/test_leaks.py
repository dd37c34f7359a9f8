"""Nothing planted stands anywhere outside `private/`: tables, logs, archives, databases, names and printed lines."""

from __future__ import annotations

import gzip
import io
import json
import os
import shutil
import sqlite3
import subprocess
import sys
import tarfile
import zipfile
import zlib
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from dataalchemy_pipelines.cli.demo import NOT_DOCUMENTS
from resources.contracts import Change, TableSpec
from resources.lake import LocalLake
from tests.system.leak_scan import Finding, scan, scan_text

ROOT = Path(__file__).parents[2]
SAMPLES = ROOT / "samples"
NEEDLE = "Möwe-4711 geheim"
HARMLESS = "Everyone may read this"
SPEC = TableSpec("planted", pa.schema([("doc_id", pa.string()), ("note", pa.string())]))

Plant = Callable[[Path, str], None]


def plain(folder: Path, value: str) -> None:
    (folder / "notes.txt").write_text(f"the word is {value}, keep it", encoding="utf-8")


def over_two_lines(folder: Path, value: str) -> None:
    (folder / "notes.txt").write_text(f"the word is {value.upper()}".replace(" ", "\n  "), encoding="utf-8")


def utf16(folder: Path, value: str) -> None:
    (folder / "notes.txt").write_text(f"the word is {value}", encoding="utf-16")


def big_endian(folder: Path, value: str) -> None:
    (folder / "odd.bin").write_bytes(b"\x01" + f"the word is {value}".encode("utf-16-be"))


def escaped_json(folder: Path, value: str) -> None:
    inner = json.dumps({"note": value})
    (folder / "log.json").write_text(f"{json.dumps({'a': 1})}\n{json.dumps({'stats': inner})}\n", encoding="ascii")


def parquet(folder: Path, value: str) -> None:
    table = pa.table({"n": [1, 2], "text": ["x" * 200, f"{value} {'y' * 200}"]})
    pq.write_table(table, folder / "part.parquet", compression="gzip", write_statistics=False, use_dictionary=False)


def nested_parquet(folder: Path, value: str) -> None:
    kind = pa.list_(pa.struct([("kind", pa.string()), ("raw", pa.binary())]))
    rows = [[{"kind": "a", "raw": b""}], [{"kind": "b", "raw": value.encode()}], None]
    pq.write_table(
        pa.table({"items": pa.array(rows, kind)}), folder / "part.parquet", compression="gzip", write_statistics=False
    )


def delta_log(folder: Path, value: str) -> None:
    """A commit's own statistics, which other writers fill with text."""
    log = folder / "tables" / "t" / "_delta_log"
    log.mkdir(parents=True)
    stats = json.dumps({"numRecords": 1, "minValues": {"text": value}})
    (log / f"{0:020}.json").write_text(json.dumps({"add": {"path": "p.parquet", "stats": stats}}), encoding="utf-8")


def delta_checkpoint(folder: Path, value: str) -> None:
    """A real table whose only trace of the value in the log is a checkpoint, which is Parquet."""
    lake = LocalLake(root=(folder / "lake").as_uri())
    rows = pa.table({"doc_id": [value], "note": ["n"]}, schema=SPEC.schema)
    lake.commit(lake.snapshot(SPEC), Change(rows=rows))
    from deltalake import DeltaTable

    at = folder / "lake" / "tables" / SPEC.name
    table = DeltaTable(str(at))
    table.alter.set_table_description(value)
    table.create_checkpoint()
    for path in [*(at / "_delta_log").glob("*.json"), *at.glob("parts/*")]:
        path.unlink()


def zipped(folder: Path, value: str) -> None:
    with zipfile.ZipFile(folder / "a.zip", "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("inner/notes.txt", f"the word is {value} " + "x" * 300)


def name_in_a_zip(folder: Path, value: str) -> None:
    inner = io.BytesIO()
    with zipfile.ZipFile(inner, "w") as archive:
        archive.writestr(f"{value}.txt", b"nothing")
    (folder / "a.gz").write_bytes(gzip.compress(inner.getvalue()))


def gzipped_tar(folder: Path, value: str) -> None:
    body = f"the word is {value}".encode()
    with tarfile.open(folder / "a.tar.gz", "w:gz") as archive:
        member = tarfile.TarInfo("notes.txt")
        member.size = len(body)
        archive.addfile(member, io.BytesIO(body))


def sqlite_text(folder: Path, value: str) -> None:
    with sqlite3.connect(folder / "runs.db") as database:
        database.execute('create table "event ""logs""" (id integer, body text)')
        database.execute('insert into "event ""logs""" values (1, ?)', (json.dumps({"message": value}),))
    database.close()


def sqlite_blob(folder: Path, value: str) -> None:
    """As Dagster keeps its snapshots: compressed."""
    with sqlite3.connect(folder / "runs.db") as database:
        database.execute("create table snapshots (id integer, body blob)")
        database.execute("insert into snapshots values (1, ?)", (zlib.compress(value.encode() + b"x" * 99),))
    database.close()


def sqlite_in_an_archive(folder: Path, value: str) -> None:
    sqlite_blob(folder, value)
    (folder / "a.gz").write_bytes(gzip.compress((folder / "runs.db").read_bytes()))
    (folder / "runs.db").unlink()


def sqlite_not_yet_moved(folder: Path, value: str) -> None:
    """A value that so far stands in the write-ahead file alone, as after kill -9."""
    database = sqlite3.connect(folder / "live.db")
    database.execute("pragma journal_mode=wal")
    database.execute("create table t (body blob)")
    database.execute("insert into t values (?)", (zlib.compress(value.encode() + b"x" * 99),))
    database.commit()
    for name in ("live.db", "live.db-wal"):
        shutil.copyfile(folder / name, folder / name.replace("live", "killed"))
    database.close()
    (folder / "live.db").unlink()


def safetensors(folder: Path, value: str) -> None:
    header = json.dumps({"__metadata__": {"note": value}, "t": {"dtype": "F32", "shape": [1], "data_offsets": [0, 4]}})
    body = len(header).to_bytes(8, "little") + header.encode() + b"\0\0\x80?"
    (folder / "adapter.safetensors").write_bytes(body)


def numpy_strings(folder: Path, value: str) -> None:
    np.savez_compressed(folder / "index.npz", words=np.array(["some", value]))


def file_name(folder: Path, value: str) -> None:
    (folder / f"{value}.txt").write_bytes(b"nothing")


def quoted_folder_name(folder: Path, value: str) -> None:
    at = folder / f"source={value.replace(' ', '%20').replace('ö', '%C3%B6')}"
    at.mkdir()
    (at / "x").write_bytes(b"nothing")


PLANTS: list[Plant] = [
    plain, over_two_lines, utf16, big_endian, escaped_json, parquet, nested_parquet, delta_log, delta_checkpoint,
    zipped, name_in_a_zip, gzipped_tar, sqlite_text, sqlite_blob, sqlite_in_an_archive, sqlite_not_yet_moved,
    safetensors, numpy_strings, file_name, quoted_folder_name,
]  # fmt: skip


@pytest.mark.parametrize("plant", PLANTS, ids=lambda plant: plant.__name__)
def test_the_scan_finds_what_was_planted_and_nothing_where_nothing_was(plant: Plant, tmp_path: Path) -> None:
    for name, value in (("guilty", NEEDLE), ("innocent", HARMLESS)):
        (tmp_path / name).mkdir()
        plant(tmp_path / name, value)
    assert any(tmp_path.joinpath("guilty").rglob("*"))
    found = scan([tmp_path / "guilty"], ["not this one", NEEDLE])
    assert {finding.what for finding in found} == {"value 1"}
    assert all("guilty" in finding.where for finding in found)
    assert scan([tmp_path / "innocent"], ["not this one", NEEDLE]) == []


@pytest.mark.parametrize("plant", [parquet, nested_parquet, zipped, gzipped_tar, sqlite_blob, numpy_strings])
def test_what_is_packed_would_not_be_found_without_opening_it(plant: Plant, tmp_path: Path) -> None:
    """So the test above shows that the scan opens containers, not that bytes lie about."""
    plant(tmp_path, NEEDLE)
    bodies = [path.read_bytes() for path in tmp_path.iterdir()]
    assert not [body for body in bodies for code in ("utf-8", "utf-16-le", "utf-32-le") if NEEDLE.encode(code) in body]


def test_a_private_folder_is_left_out_only_where_nobody_else_may_enter(tmp_path: Path) -> None:
    private = tmp_path / "lake" / "private"
    private.mkdir(parents=True)
    plain(private, NEEDLE)
    private.chmod(0o700)
    assert scan([tmp_path], [NEEDLE]) == []
    assert scan([private], [NEEDLE]) == [Finding(str(private / "notes.txt"), "value 0")]
    private.chmod(0o750)
    assert scan([tmp_path], [NEEDLE]) == [Finding(str(private), "a private folder with mode 750")]


def test_a_scan_for_nothing_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="nothing to look for"):
        scan([tmp_path], ["good", " "])


@dataclass(frozen=True)
class Home:
    """Where a whole run kept its things, and what it printed."""

    path: Path
    printed: dict[str, str]
    needles: list[str]


COMMANDS = (
    ("ingest", "{documents}", "--source", "samples", "--synthesis"),
    ("ingest", "--json"),
    ("lake", "digest"),
    ("lake", "verify", "--json"),
    ("quarantine", "list"),
    ("export", "ledger"),
    ("export", "clean_documents"),
    ("export", "chunks", "--format", "csv"),
    ("export", "sft_pairs"),
)


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Home:
    """The samples read, cleaned, cut, made into pairs, and exported by the program itself, in a home of its own."""
    path = tmp_path_factory.mktemp("leaks")
    documents, place = path / "documents", path / "home"
    shutil.copytree(SAMPLES, documents, ignore=lambda folder, names: NOT_DOCUMENTS if folder == str(SAMPLES) else ())
    (place / "tmp").mkdir(parents=True)
    environment = {
        **os.environ,
        "PYTHONPATH": str(ROOT),
        "HOME": str(place),
        "TMPDIR": str(place / "tmp"),
        "PROJECT_ROOT": str(place),
        "DATAALCHEMY_CACHE": str(place / "cache"),
    }
    printed = {}
    for command in COMMANDS:
        words = [word.format(documents=documents) for word in command]
        code = "from dataalchemy_pipelines.cli.app import main; main()"
        done = subprocess.run(
            [sys.executable, "-c", code, *words],
            cwd=place,
            env=environment,
            capture_output=True,
            text=True,
            timeout=400,
        )
        assert done.returncode == 0, f"{' '.join(command)}: {done.stderr[-2000:]}"
        printed[" ".join(command)] = done.stdout + done.stderr
    inputs = json.loads((SAMPLES / "expected.json").read_text(encoding="utf-8"))["inputs"]
    needles = sorted({value for wanted in inputs.values() for value in wanted.get("lacks", [])})
    return Home(place, printed, needles)


@pytest.mark.system
def test_the_planted_values_came_in_and_stand_in_private(home: Home) -> None:
    """Else a clean result below would only say that nothing was read."""
    assert len(home.needles) >= 50
    found = {finding.what for finding in scan([home.path / "data" / "lake" / "private"], home.needles)}
    assert len(found) >= 0.8 * len(home.needles)


@pytest.mark.system
def test_no_planted_value_stands_in_the_data_path_the_dagster_home_or_the_logs(home: Home) -> None:
    data = home.path / "data"
    assert any((data / "dagster").rglob("*.db")) and any((data / "lake" / "tables").rglob("*.parquet"))
    assert named(scan([home.path], home.needles), home) == []


@pytest.mark.system
@pytest.mark.parametrize("command", [" ".join(one) for one in COMMANDS])
def test_no_planted_value_is_printed(home: Home, command: str) -> None:
    printed = home.printed[command]
    assert printed, "the command said something"
    assert named(scan_text(command, printed, home.needles), home) == []


def named(found: list[Finding], home: Home) -> list[str]:
    """Findings for a person; the values are invented, so a failing test may say which they are."""
    return [
        f"{finding.where}: {home.needles[int(finding.what.split()[-1])] if 'value' in finding.what else finding.what}"
        for finding in found
    ]
