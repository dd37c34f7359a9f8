"""`lake verify`: each damage that it is there for is planted once and found, and a sound lake is said to be sound."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from dataalchemy_pipelines.core.outcomes import frame
from dataalchemy_pipelines.core.records import DOCUMENTS, RAW_RECORDS, RawRecord
from dataalchemy_pipelines.engine.batch import complete
from dataalchemy_pipelines.engine.landing import PAYLOADS, land
from dataalchemy_pipelines.engine.verify import Finding, verify
from dataalchemy_pipelines.publishing.release import advance
from resources.contracts import Change
from resources.lake import LocalLake
from resources.progress import LogProgress

WEIGHTS, CONFIG = b"weights", b"{}"
HASHES = {"adapter_model.safetensors": WEIGHTS, "adapter_config.json": CONFIG}


class Given:
    """Three items."""

    def records(self) -> Iterator[RawRecord]:
        """Each with its name as its bytes."""
        for name in "abc":
            yield RawRecord(name, name.encode(), access=("local",))


@pytest.fixture
def lake(tmp_path: Path) -> LocalLake:
    """A lake with an object of each kind, a table with its stage, and a pointer to each object that one names."""
    lake = LocalLake(root=(tmp_path / "lake").as_uri())
    land(lake, Given(), source="one", progress=LogProgress())
    documents(lake, *"abc")
    hashes = {name: sha256(body) for name, body in HASHES.items()}
    adapter = sha256("".join(sorted(hashes.values())).encode())
    for name, body in {**HASHES, "manifest.json": json.dumps({"files": hashes}).encode()}.items():
        lake.put(f"objects/adapters/{adapter}/{name}", body)
    spec = f"objects/training_specs/{sha256(b'{}')}.json"
    for key, body in (
        (spec, b"{}"),
        (f"objects/indexes/{sha256(b'chunks')}.arrow", b"chunks"),
        (f"objects/vectors/{sha256(b'vectors')}.npy", b"vectors"),
        ("objects/evaluations/" + "1" * 64 + ".json", b"{}"),
        ("objects/checkpoints/" + "2" * 64 + "/00000001/state.safetensors", b"state"),
        (
            "objects/checkpoints/" + "2" * 64 + "/00000001/manifest.json",
            json.dumps({"sha256": sha256(b"state")}).encode(),
        ),
    ):
        lake.put(key, body)
    advance(lake, "candidate", {"adapter": adapter, "spec": spec}, expected=0)
    advance(lake, "index", {"chunks": sha256(b"chunks"), "vectors": sha256(b"vectors")}, expected=0)
    advance(lake, "champion", {"adapter": adapter}, expected=0)
    advance(lake, "champion", {"adapter": adapter}, expected=1)
    return lake


def documents(lake: LocalLake, *names: str) -> None:
    """The stage after landing, for the items of these names."""
    raw = frame(lake.snapshot(RAW_RECORDS).read())
    raw = raw.filter(raw["native_id"].is_in(list(names)))
    made = raw.select("doc_id", "source", "native_id", "version", "outcome", "row_sha256")
    table = complete(made, made.select("doc_id", "row_sha256"), DOCUMENTS, recipe_version="1")
    lake.commit(lake.snapshot(DOCUMENTS), Change(rows=table, replaces=frozenset(raw["doc_id"])))


def sha256(body: bytes) -> str:
    """In hex."""
    return hashlib.sha256(body).hexdigest()


def unsound(lake: LocalLake, *, repair: bool = False) -> list[str]:
    """What cannot be trusted."""
    return [finding.what for finding in found(lake, repair=repair) if not finding.sound]


def found(lake: LocalLake, *, repair: bool = False) -> list[Finding]:
    """Everything that was looked at."""
    return list(verify(lake, LogProgress(), repair=repair))


def one(lake: LocalLake, folder: str, end: str = "") -> str:
    """A key below a folder."""
    return next(key for key in lake.listing(folder) if key.endswith(end))


def test_a_sound_lake_is_sound_and_every_kind_of_object_is_looked_at(lake: LocalLake) -> None:
    assert unsound(lake) == []
    kinds = {finding.what for finding in found(lake) if "objects/" in finding.what}
    assert kinds == {
        *("private/objects/raw", "private/objects/listings", "objects/adapters", "objects/checkpoints"),
        *("objects/evaluations", "objects/indexes", "objects/training_specs", "objects/vectors"),
    }


@pytest.mark.parametrize(
    "folder",
    [
        PAYLOADS,
        "private/objects/listings",
        "objects/adapters",
        "objects/checkpoints",
        "objects/evaluations",
        "objects/indexes",
        "objects/training_specs",
        "objects/vectors",
    ],
)
def test_one_wrong_byte_in_an_object_is_found(lake: LocalLake, folder: str) -> None:
    for key in lake.listing(folder):
        body = lake.get(key)
        lake.put(key, b"\xff" + body[1:])
        assert folder in unsound(lake), key
        lake.put(key, body)
    assert unsound(lake) == []


@pytest.mark.parametrize(
    ("folder", "end"),
    [
        (PAYLOADS, ""),
        ("private/objects/listings", ""),
        ("objects/adapters", "adapter_model.safetensors"),
        ("objects/adapters", "manifest.json"),
        ("objects/indexes", ""),
        ("objects/vectors", ""),
        ("objects/training_specs", ""),
    ],
)
def test_an_object_that_a_row_a_pointer_or_a_manifest_names_and_is_gone_is_found(
    lake: LocalLake, folder: str, end: str
) -> None:
    lake.delete([one(lake, folder, end)])
    assert folder in unsound(lake)


def torn(lake: LocalLake) -> None:
    """The newest entry of a pointer is half there."""
    lake.put(key := one(lake, "pointers/index"), lake.get(key)[:-9])


def gap(lake: LocalLake) -> None:
    """An entry in the middle of a series is gone."""
    lake.delete([one(lake, "pointers/champion")])


@pytest.mark.parametrize("damage", [torn, gap])
def test_a_pointer_that_cannot_be_followed_is_found(lake: LocalLake, damage: Callable[[LocalLake], None]) -> None:
    damage(lake)
    assert "pointers" in unsound(lake)


def test_a_document_that_vanished_from_a_stage_is_found(lake: LocalLake) -> None:
    gone = frame(lake.snapshot(DOCUMENTS).read())["doc_id"][0]
    lake.commit(lake.snapshot(DOCUMENTS), Change(replaces=frozenset({gone})))
    assert unsound(lake) == ["ledger: raw_records to documents"]


def test_a_row_that_differs_from_its_hash_is_found(lake: LocalLake) -> None:
    row = frame(lake.snapshot(DOCUMENTS).read())[:1]
    changed = row.with_columns(title=row["title"].fill_null("another")).to_arrow().cast(DOCUMENTS.schema)
    lake.commit(lake.snapshot(DOCUMENTS), Change(rows=changed, replaces=frozenset(row["doc_id"])))
    assert unsound(lake) == ["documents", "ledger"]


def test_a_table_that_is_damaged_hides_nothing_else_and_is_mended(lake: LocalLake) -> None:
    documents(lake, "a")
    lake.put(sorted(lake.listing("private/tables/documents/_delta_log"))[-1], b"")
    lake.put(one(lake, "objects/vectors"), b"wrong")
    assert unsound(lake) == ["documents", "objects/vectors", "ledger"]
    assert unsound(lake, repair=True) == ["objects/vectors"]


def test_an_object_of_no_known_kind_is_said(lake: LocalLake) -> None:
    lake.put("objects/surprises/1", b"x")
    assert [finding.what for finding in found(lake)][-2] == "of no known kind: objects/surprises"
    assert unsound(lake) == []


def test_a_copy_that_was_not_finished_is_said(lake: LocalLake) -> None:
    lake.put("copy/parts/1.jsonl", b"")
    assert unsound(lake) == ["copy"]
