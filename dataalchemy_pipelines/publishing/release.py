"""Pointers that move atomically and back, and the one that names the released adapter. Keep judgement out: gate.py."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

from dataalchemy_pipelines.publishing.gate import Verdict
from resources.contracts import Lake
from resources.errors import Conflict, DataAlchemyError, NotFound

CHAMPION = "champion"
_DIGITS = 12


class NotReleased(DataAlchemyError):
    """The gate did not let the adapter through."""


@dataclass(frozen=True)
class Pointer:
    """One entry of a pointer's series: its number from 1, its value, the entry that a rollback returns to (0: none)."""

    number: int
    value: Mapping[str, Any]
    previous: int


@dataclass(frozen=True)
class Champion:
    """What answers users: the adapter's digest, the evaluation that let it through, the set it learnt from."""

    adapter: str
    evaluation_id: str
    training_set_id: str


def current(lake: Lake, name: str) -> Pointer | None:
    """The newest entry of the pointer, or None before the first. Cost: one listing and one small read."""
    newest = max(lake.listing(f"pointers/{name}/"), default=None)
    return None if newest is None else _read(lake, newest)


def entry(lake: Lake, name: str, number: int) -> Pointer:
    """One entry of the pointer's series. Raises NotFound."""
    return _read(lake, _key(name, number))


def advance(lake: Lake, name: str, value: Mapping[str, Any], *, expected: int) -> Pointer:
    """Point to ``value``, provided that the newest entry is still number ``expected`` (0: none yet).

    Raises Conflict when another writer was first. No entry is ever changed, so the series is also the history.
    """
    return _write(lake, name, Pointer(expected + 1, value, expected))


def rollback(lake: Lake, name: str) -> Pointer:
    """Point to what was there before the current value; a second rollback goes one further back, not forth.

    Raises NotFound when nothing came before, Conflict when another writer was first.
    """
    now = current(lake, name)
    if now is None or now.previous == 0:
        raise NotFound("Nothing to roll back to", subject=name, fix="Release another value first.")
    before = entry(lake, name, now.previous)
    return _write(lake, name, Pointer(now.number + 1, before.value, before.previous))


def champion(lake: Lake) -> Champion | None:
    """The released adapter, or None where none was released yet."""
    pointer = current(lake, CHAMPION)
    return None if pointer is None else Champion(**pointer.value)


def release(lake: Lake, verdict: Verdict, candidate: Champion) -> Pointer:
    """Make the candidate the champion, if the gate let it through; a champion that is it already stays.

    Raises NotReleased with the verdict's sentence, Conflict when another release came in between.
    """
    if not verdict.released:
        raise NotReleased(verdict.sentence, subject=candidate.adapter[:12], fix="Train on more or better pairs.")
    now = current(lake, CHAMPION)
    if now is not None and now.value == asdict(candidate):
        return now
    return advance(lake, CHAMPION, asdict(candidate), expected=now.number if now else 0)


def _write(lake: Lake, name: str, pointer: Pointer) -> Pointer:
    newest = current(lake, name)
    if (newest.number if newest else 0) != pointer.number - 1 or not lake.create(
        _key(name, pointer.number), json.dumps(asdict(pointer), sort_keys=True).encode()
    ):
        raise Conflict("The pointer moved meanwhile", subject=name, fix="Read it and decide anew.")
    return pointer


def _read(lake: Lake, key: str) -> Pointer:
    return Pointer(**json.loads(lake.get(key)))


def _key(name: str, number: int) -> str:
    return f"pointers/{name}/{number:0{_DIGITS}}.json"
