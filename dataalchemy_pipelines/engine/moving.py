"""A lake copied to another place, whole: each table at one version, each object verified, the source untouched.

What is copied, and at which moment, is decided by a plan (`engine/moving_plan.py`). A copy keeps a record of itself in
the folder `copy/` of its target: parts while it works, so that the next attempt goes on where this one ended, and at
the end one manifest with every key and its sha256, and `copy/whole.json`, which says that nothing is missing.
"""

from __future__ import annotations

import hashlib
import json
import secrets
from collections.abc import Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass

from dataalchemy_pipelines.core.errors import WrongInput
from dataalchemy_pipelines.engine.moving_plan import PARTS, PROBES, RECORD, WHOLE, Entry, Plan, entries_of, state_of
from resources.contracts import Lake, Progress
from resources.errors import Conflict, Damaged, NotFound

WORKERS = 8
PART_KEYS = 200
"""Keys whose copies are noted at once: after a kill at most so many are compared again."""


@dataclass(frozen=True)
class Copied:
    """What a copy holds now, and how much of it this attempt had to bring."""

    objects: int
    size_bytes: int
    brought: int
    tables: dict[str, dict[str, int | str | None]]


def copy(plan: Plan, source: Lake, target: Lake, *, progress: Progress) -> Copied:
    """Bring everything that is planned into ``target``, read each object back, and open every table there.

    Keys are immutable in a lake, so what an earlier attempt has verified is not read again. Raises WrongInput where the
    target holds anything of its own, Conflict where the source was cleaned meanwhile, Damaged where bytes differ.
    """
    there, known = set(target.listing("")), _known(target)
    _refuse_strangers(there, plan, known, target)
    target.delete([WHOLE])
    target.delete(sorted((known.keys() & there) - set(plan.keys)))  # gone at the source since the attempt before
    done = {key: known[key] for key in plan.keys if key in there and known.get(key) is not None}
    brought = 0
    progress.step("copy", len(done), len(plan.keys), unit="objects")
    with ThreadPoolExecutor(WORKERS) as pool:
        for part in _parts([key for key in plan.keys if key not in done]):
            place = f"{PARTS}/{secrets.token_hex(16)}.jsonl"
            target.put(place, "".join(json.dumps({"key": key}) + "\n" for key in part).encode())
            entries = list(pool.map(lambda key: _brought(key, plan, source=source, target=target), part))
            target.put(place, _lines(entries))
            done |= {entry.key: entry for entry in entries}
            brought += len(entries)
            progress.step("copy", len(done), len(plan.keys), unit="objects")
    _compare_tables(plan, target)
    return _finish(plan, target, {key: entry for key, entry in done.items() if entry is not None}, brought=brought)


def _known(target: Lake) -> dict[str, Entry | None]:
    """What earlier attempts noted: keys with their digests where verified, None where only begun."""
    known: dict[str, Entry | None] = {}
    for key in target.listing(PARTS):
        for entry in entries_of(target.get(key)):
            known[entry.key] = entry if entry.sha256 else known.get(entry.key)
    return known


def _refuse_strangers(there: set[str], plan: Plan, known: Mapping[str, Entry | None], target: Lake) -> None:
    strange = [key for key in there - set(plan.keys) - known.keys() if not key.startswith((f"{RECORD}/", PROBES))]
    if strange:
        raise WrongInput(
            "The target holds something that is not of this source",
            subject=f"{target.describe()} ({len(strange)} objects, {min(strange)} is one)",
            fix="Choose an empty place.",
        )


def _parts(keys: list[str]) -> Iterator[list[str]]:
    return (keys[start : start + PART_KEYS] for start in range(0, len(keys), PART_KEYS))


def _brought(key: str, plan: Plan, *, source: Lake, target: Lake) -> Entry:
    """Copy one object, unless it is there already, and read it back."""
    try:
        body = source.get(key)
    except NotFound:
        fix = "Run the same command again; it continues with the source as it is now."
        raise Conflict("The source was cleaned while it was copied", subject=key, fix=fix) from None
    sha256 = hashlib.sha256(body).hexdigest()
    if plan.digests.get(key, sha256) != sha256:
        fix = "Use another backup; this one was changed after it was made."
        raise Damaged("An object differs from its digest", subject=f"{key} in {source.describe()}", fix=fix)
    if not target.create(key, body):
        fix = "Choose an empty place."
        raise WrongInput("The target holds something else", subject=f"{key} in {target.describe()}", fix=fix)
    if hashlib.sha256(target.get(key)).hexdigest() != sha256:
        fix = "Look at the target's disk, then run the same command again."
        raise Damaged("An object came back otherwise than written", subject=f"{key} in {target.describe()}", fix=fix)
    return Entry(key, sha256, len(body))


def _compare_tables(plan: Plan, target: Lake) -> None:
    for folder, state in plan.tables.items():
        found = state_of(target, folder)
        if found != state:
            raise Damaged(
                "A table is not what it was at the source",
                subject=f"{folder}: version {found.version} for {state.version}, {found.rows} rows for {state.rows}",
                fix="Delete the copy and make it anew.",
            )


def _finish(plan: Plan, target: Lake, done: Mapping[str, Entry], *, brought: int) -> Copied:
    """Write the manifest, then the word that the copy is whole; the parts before it are no longer needed."""
    manifest = _lines([done[key] for key in plan.keys])
    sha256 = hashlib.sha256(manifest).hexdigest()
    place = f"{PARTS}/{sha256}.jsonl"
    target.put(place, manifest)
    size = sum(done[key].size_bytes for key in plan.keys)
    tables = {folder: asdict(state) for folder, state in plan.tables.items()}
    whole = {
        "format": 1,
        "purpose": plan.purpose,
        "at": plan.at,
        "objects": len(plan.keys),
        "size_bytes": size,
        "tables": tables,
    }
    target.put(WHOLE, json.dumps({**whole, "manifest": sha256}, sort_keys=True).encode())
    target.delete([key for key in target.listing(PARTS) if key != place])
    return Copied(len(plan.keys), size, brought, tables)


def _lines(entries: list[Entry]) -> bytes:
    return "".join(json.dumps(asdict(entry)) + "\n" for entry in entries).encode()
