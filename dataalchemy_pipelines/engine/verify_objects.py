"""How each object of the lake proves itself: by the digest in its key, by a manifest beside it, or by being read.

Every kind of key that a stage writes is a line here. A key of no known kind is counted and said, never passed over.
"""

from __future__ import annotations

import hashlib
import io
import json
import re
from collections import defaultdict
from collections.abc import Callable, Iterator, Sequence, Set
from dataclasses import dataclass, field

import polars as pl

from resources.contracts import Lake, Progress
from resources.errors import NotFound

_NAMED = re.compile(r"[0-9a-f]{64}")
_APART = ("tables/", "private/tables/", "pointers/", "copy/", "damaged/", "inbox/", "objects/checks/")
"""Looked at elsewhere, or not the lake's own: tables, pointers, records of copies, what a repair moved aside."""


@dataclass
class Examined:
    """One kind of object: how many there are, and which of them are not what they must be."""

    kind: str
    count: int = 0
    wrong: list[str] = field(default_factory=list)


Proof = Callable[[Lake, str, bytes], bool]


def _by_key(lake: Lake, key: str, body: bytes) -> bool:
    """The key ends in the sha256 of the bytes."""
    found = _NAMED.search(key.rsplit("/", 1)[1])
    return found is not None and hashlib.sha256(body).hexdigest() == found[0]


def _by_manifest(lake: Lake, key: str, body: bytes) -> bool:
    """A manifest beside it names the file's sha256; the digests of all its files make the folder's name."""
    folder, _, name = key.rpartition("/")
    if name == "manifest.json":
        hashes = json.loads(body)["files"]
        there = {other.rsplit("/", 1)[1] for other in lake.listing(folder)}
        digest = hashlib.sha256("".join(sorted(hashes.values())).encode()).hexdigest()
        return hashes.keys() <= there and digest == folder.rsplit("/", 1)[1]
    files = json.loads(lake.get(f"{folder}/manifest.json"))["files"]
    return bool(hashlib.sha256(body).hexdigest() == files.get(name))


def _by_checkpoint(lake: Lake, key: str, body: bytes) -> bool:
    """The manifest of a checkpoint names the sha256 of its state; a state without one is of a training that stopped."""
    folder, _, name = key.rpartition("/")
    if name == "manifest.json":
        return bool(hashlib.sha256(lake.get(f"{folder}/state.safetensors")).hexdigest() == json.loads(body)["sha256"])
    return True


def _by_reading(lake: Lake, key: str, body: bytes) -> bool:
    """It is JSON, or Parquet, as its name says."""
    if key.endswith(".parquet"):
        return pl.read_parquet(io.BytesIO(body)).width > 0
    return isinstance(json.loads(body), dict)


PROOFS: dict[str, Proof] = {
    "private/objects/raw": _by_key,
    "private/objects/listings": _by_key,
    "private/objects/questions": _by_key,
    "private/sources": _by_reading,
    "objects/adapters": _by_manifest,
    "objects/checkpoints": _by_checkpoint,
    "objects/evaluations": _by_reading,
    "objects/indexes": _by_key,
    "objects/training_data": _by_reading,
    "objects/training_results": _by_reading,
    "objects/training_specs": _by_key,
    "objects/vectors": _by_key,
}
"""Folder -> how an object in it proves itself."""


def examine_objects(lake: Lake, named: Set[str], *, progress: Progress) -> Iterator[Examined]:
    """Every object of the lake, by kind. ``named`` are keys that rows or pointers name: one that is gone is wrong.

    Cost: reads every object once.
    """
    by_kind: dict[str, list[str]] = defaultdict(list)
    keys = sorted({*lake.listing(""), *named})
    for key in keys:
        if not key.startswith(_APART):
            by_kind[next((kind for kind in PROOFS if key.startswith(f"{kind}/")), "")].append(key)
    strange = by_kind.pop("", [])
    done, total = 0, sum(map(len, by_kind.values()))
    for kind, members in sorted(by_kind.items()):
        examined = Examined(kind, len(members))
        for key in members:
            if not _holds(lake, key, PROOFS[kind]):
                examined.wrong.append(key)
            done += 1
            progress.step("objects", done, total, unit="objects")
        yield examined
    if strange:
        yield Examined(f"of no known kind: {_folders(strange)}", len(strange))


def _holds(lake: Lake, key: str, proof: Proof) -> bool:
    try:
        return proof(lake, key, lake.get(key))
    except (NotFound, ValueError, KeyError, TypeError, pl.exceptions.PolarsError):
        return False


def _folders(keys: Sequence[str]) -> str:
    return ", ".join(sorted({key.rpartition("/")[0] for key in keys})[:3])
