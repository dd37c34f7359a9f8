"""Model folders on disk: made whole or not at all, hashed, refused where they could run code.

`manifest.json` holds `{"files": {name: sha256}}`. Hashes are remembered beside size and time of change, so that only
the first load reads a model twice.
"""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import tempfile
from collections.abc import Callable, Mapping
from pathlib import Path

from resources.errors import Damaged, Misconfigured

MANIFEST = "manifest.json"
MEMORY = "hashes"
CODE = frozenset({".bin", ".pt", ".pth", ".pkl", ".pickle", ".ckpt", ".h5", ".msgpack", ".py"})


def sha256_of(path: Path) -> str:
    """The sha256 of a file, in hex. Cost: about one second a gigabyte."""
    with path.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()


def digest_of(hashes: Mapping[str, str]) -> str:
    """One digest for a folder: sha256 over its files' digests, sorted; names do not enter."""
    return hashlib.sha256("".join(sorted(hashes.values())).encode()).hexdigest()


def hashes_of(folder: Path, cache: Path, *, pattern: str = "*") -> dict[str, str]:
    """sha256 by relative name of each file of `folder` but its manifest; unchanged files are not read again."""
    place = f"{folder.resolve()}\0{pattern}"
    memory = cache / MEMORY / f"{hashlib.sha256(place.encode()).hexdigest()[:32]}.json"
    known = json.loads(memory.read_bytes()) if memory.is_file() else {}
    found: dict[str, list[object]] = {}
    for path in sorted(folder.rglob(pattern)):
        name = path.relative_to(folder).as_posix()
        if not path.is_file() or name == MANIFEST:
            continue
        state = path.stat()
        entry = known.get(name, [])
        unchanged = entry[:2] == [state.st_size, state.st_mtime_ns]
        found[name] = [state.st_size, state.st_mtime_ns, entry[2] if unchanged else sha256_of(path)]
    if found != known:
        write_whole(memory, json.dumps(found).encode())
    return {name: str(entry[2]) for name, entry in found.items()}


def verify(folder: Path, expected: Mapping[str, str], cache: Path) -> None:
    """Raises Damaged where a file is missing, changed or not in the manifest."""
    found = hashes_of(folder, cache)
    wrong = sorted(name for name in expected.keys() | found.keys() if expected.get(name) != found.get(name))
    if wrong:
        fix = "Delete this folder of the cache; it is made again."
        raise Damaged("Files differ from their manifest", subject=f"{folder} ({', '.join(wrong[:3])})", fix=fix)


def refuse_code(folder: Path) -> None:
    """Raises Misconfigured where a folder holds pickles or code, or no safetensors: loading must never run anything."""
    names = [path.name for path in folder.rglob("*") if path.is_file()]
    if bad := sorted(name for name in names if Path(name).suffix in CODE):
        fix = "Use a copy of the model that has only safetensors and JSON files."
        raise Misconfigured("The model folder holds files that can run code", subject=f"{folder} ({bad[0]})", fix=fix)
    if not any(name.endswith(".safetensors") for name in names):
        raise Misconfigured("The folder has no safetensors", subject=str(folder), fix="Give a folder that has them.")


def make_once(folder: Path, make: Callable[[Path], None], cache: Path) -> dict[str, str]:
    """Fill `folder` by `make` unless it is there, and return its verified hashes.

    It is made under another name and renamed when whole; of two makers at once the first wins. Raises Damaged.
    """
    if not (folder / MANIFEST).is_file():
        folder.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(prefix=f".{folder.name}-", dir=folder.parent) as temporary:
            fresh = Path(temporary) / "fresh"
            fresh.mkdir()
            make(fresh)
            hashes = {
                path.relative_to(fresh).as_posix(): sha256_of(path) for path in fresh.rglob("*") if path.is_file()
            }
            (fresh / MANIFEST).write_text(json.dumps({"files": hashes}, indent=1, sort_keys=True))
            _rename(fresh, folder)
    expected: dict[str, str] = json.loads((folder / MANIFEST).read_bytes())["files"]
    verify(folder, expected, cache)
    return expected


def write_whole(path: Path, body: bytes) -> None:
    """Write a file so that a reader sees the old or the new content, never a part."""
    path.parent.mkdir(parents=True, exist_ok=True)
    handle, name = tempfile.mkstemp(prefix=f".{path.name}-", dir=path.parent)
    with os.fdopen(handle, "wb") as stream:
        stream.write(body)
    Path(name).replace(path)


def _rename(fresh: Path, folder: Path) -> None:
    try:
        fresh.rename(folder)
    except OSError:
        # A folder without a manifest is a leftover; one with a manifest was made by another process meanwhile.
        if not (folder / MANIFEST).is_file():
            shutil.rmtree(folder)
            fresh.rename(folder)
