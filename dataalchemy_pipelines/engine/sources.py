"""Which sources the lake reads: each has a name, a root, and principals who may read it; kept in the lake itself."""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Sequence
from dataclasses import asdict, replace
from pathlib import Path

from dataalchemy_pipelines.connectors.catalogue import CATALOGUE
from dataalchemy_pipelines.connectors.inbox import lay_in
from dataalchemy_pipelines.core.errors import WrongInput
from dataalchemy_pipelines.core.records import SOURCES, Source
from resources.contracts import Lake

NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}")


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
    found = {source.name: source for source in (_load(lake.get(key)) for key in lake.listing(SOURCES))}
    for name in names:
        if name not in found:
            known = ", ".join(sorted(found)) or "none yet"
            raise WrongInput(
                "No such source", subject=name, fix=f"Known are: {known}. Add one: `dataalchemy ingest PATH`."
            )
    return [found[name] for name in sorted(names or found)]


def _load(body: bytes) -> Source:
    fields = json.loads(body)
    access, exclude = tuple(fields["access"]), tuple(fields["exclude"])
    return Source(fields["name"], fields["root"], access, exclude, fields.get("kind", "folder"))


def send(lake: Lake, source: Source) -> Source:
    """Read the source here and lay it into the lake's inbox, for machines that cannot see this one's files.

    Returns the source as they know it, registered. Raises WrongInput as `register` does.
    """
    sent = replace(source, kind="inbox")
    register(lake, sent)
    lay_in(lake, sent.drops, CATALOGUE[source.kind](lake, source).records())
    return sent


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
        if source.kind != "folder":
            continue  # what sends to an inbox starts a run itself
        root = Path(source.root)
        files = [root] if root.is_file() else sorted(path for path in root.rglob("*") if path.is_file())
        for path in files:
            status = path.stat()
            digest.update(f"{path}\0{status.st_size}\0{status.st_mtime_ns}\n".encode("utf-8", "surrogateescape"))
    return digest.hexdigest()
