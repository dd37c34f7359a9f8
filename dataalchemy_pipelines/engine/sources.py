"""Which sources the lake reads: each has a name, a root, and principals who may read it; kept in the lake itself."""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

from dataalchemy_pipelines.core.errors import WrongInput
from resources.contracts import Lake

FOLDER = "private/sources"
NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}")


@dataclass(frozen=True)
class Source:
    """A folder or file that is read again at each ingestion. Source names are part of every document's id."""

    name: str
    root: str
    access: tuple[str, ...]
    exclude: tuple[str, ...] = ()

    @property
    def key(self) -> str:
        """Its object in the lake."""
        return f"{FOLDER}/{hashlib.sha256(self.name.encode()).hexdigest()[:32]}.json"


def source_of(path: Path, *, name: str | None, access: Sequence[str]) -> Source:
    """The source that a given path is. Raises WrongInput where there is nothing, or no usable name."""
    root = path.expanduser().absolute()
    if not root.exists():
        raise WrongInput("There is no such path", subject=str(path), fix="Give a folder or a file that exists.")
    chosen = name or re.sub(r"[^A-Za-z0-9._-]+", "-", root.name).strip("-._") or "files"
    if not NAME.fullmatch(chosen):
        raise WrongInput(
            "A source cannot be called that", subject=chosen, fix="Use letters, digits, dots, dashes; at most 64."
        )
    return Source(chosen, str(root), tuple(sorted(access)))


def register(lake: Lake, source: Source) -> None:
    """Remember a source; the same again is nothing new. Raises WrongInput when the name reads another root already."""
    body = json.dumps(asdict(source), sort_keys=True).encode()
    if lake.create(source.key, body):
        return
    known = _load(lake.get(source.key))
    if known != source:
        raise WrongInput(
            "This name belongs to another source",
            subject=f"{source.name} reads {known.root} for {', '.join(known.access)}",
            fix="Give this one a name of its own: --source NAME.",
        )


def registered(lake: Lake, names: Sequence[str] = ()) -> list[Source]:
    """The sources of these names, or all, by name. Raises WrongInput on a name that is not known."""
    found = {source.name: source for source in (_load(lake.get(key)) for key in lake.listing(FOLDER))}
    for name in names:
        if name not in found:
            known = ", ".join(sorted(found)) or "none yet"
            raise WrongInput(
                "No such source", subject=name, fix=f"Known are: {known}. Add one: `dataalchemy ingest PATH`."
            )
    return [found[name] for name in sorted(names or found)]


def _load(body: bytes) -> Source:
    fields = json.loads(body)
    return Source(fields["name"], fields["root"], tuple(fields["access"]), tuple(fields["exclude"]))


def look_again(sources: Sequence[Source], cursor: str | None) -> tuple[str, str] | None:
    """The next cursor and the key of the run it asks for, or None where no file came, changed or went.

    Each key is made from the one before, as Dagster starts no second run under a key that it knows: files that return
    to an earlier state are a change like any other.
    """
    before, _, last = (cursor or "").partition(" ")
    seen = dropped(sources)
    if seen == before:
        return None
    key = hashlib.sha256(f"{last} {seen}".encode()).hexdigest()
    return f"{seen} {key}", key


def dropped(sources: Sequence[Source]) -> str:
    """A fingerprint of the sources' files (paths, sizes, times), so that a look costs no reading."""
    digest = hashlib.sha256()
    for source in sources:
        root = Path(source.root)
        files = [root] if root.is_file() else sorted(path for path in root.rglob("*") if path.is_file())
        for path in files:
            status = path.stat()
            digest.update(f"{path}\0{status.st_size}\0{status.st_mtime_ns}\n".encode("utf-8", "surrogateescape"))
    return digest.hexdigest()
