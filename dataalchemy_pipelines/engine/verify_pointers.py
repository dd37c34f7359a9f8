"""Whether the lake's pointers can be followed: their series whole, and the keys of all that they name."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from dataalchemy_pipelines.publishing.release import CHAMPION, Pointer, entry
from resources.contracts import Lake
from resources.errors import DataAlchemyError

_MADE_OF = {
    "adapter": "objects/adapters/{}/manifest.json",
    "chunks": "objects/indexes/{}.arrow",
    "vectors": "objects/vectors/{}.npy",
}
"""Field of a pointer's value -> key of the object whose digest it holds."""
_KEYS = ("listing", "key", "spec")
"""Fields that hold a key as it is."""


@dataclass
class Pointers:
    """How many pointers there are, those that cannot be followed, and the keys that the others name."""

    count: int = 0
    wrong: list[str] = field(default_factory=list)
    named: set[str] = field(default_factory=set)


def follow(lake: Lake) -> Pointers:
    """Read the newest entry of each pointer, and of the champion also the one to which a rollback returns."""
    series: dict[str, list[str]] = defaultdict(list)
    for key in lake.listing("pointers"):
        series[key.split("/")[1]].append(key.rsplit("/", 1)[1])
    found = Pointers(len(series))
    for name, entries in series.items():
        try:
            standing = list(_standing(lake, name, len(entries)))
        except (DataAlchemyError, ValueError, TypeError):
            found.wrong.append(name)
            continue
        found.named |= {key for pointer in standing for key in _named(pointer.value)}
    return found


def _standing(lake: Lake, name: str, entries: int) -> Iterator[Pointer]:
    """Entries are numbered from 1 without a gap, so their count is the number of the newest."""
    newest = entry(lake, name, entries)
    yield newest
    if name == CHAMPION and newest.previous:
        yield entry(lake, name, newest.previous)


def _named(value: Mapping[str, Any]) -> Iterator[str]:
    yield from (form.format(value[name]) for name, form in _MADE_OF.items() if name in value)
    yield from (value[name] for name in _KEYS if name in value)
