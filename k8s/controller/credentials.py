"""The credentials Secret: which keys a stack needs, which are missing, which are too short. Values never leave here."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from k8s.controller.spec import StackSpec

ACCESS_KEY, SECRET_KEY = "AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"
KV_PASSWORD, POSTGRES_PASSWORD = "DATAALCHEMY_KV_PASSWORD", "DATAALCHEMY_POSTGRES_PASSWORD"
_BYTES = {ACCESS_KEY: 16, SECRET_KEY: 32, KV_PASSWORD: 32, POSTGRES_PASSWORD: 32}
_READ_BY = {"lake": (ACCESS_KEY, SECRET_KEY), "cache": (KV_PASSWORD,), "postgres": (POSTGRES_PASSWORD,)}
_LEAST = {ACCESS_KEY: 3, SECRET_KEY: 8}
"""What MinIO refuses to start with is shorter than this."""


@dataclass(frozen=True)
class Held:
    """A Secret's values, and the uid by which the cluster tells it from another of the same name."""

    values: Mapping[str, str] = field(default_factory=dict)
    uid: str = ""


def made_here(spec: StackSpec, *, has_history: bool = False) -> tuple[str, ...]:
    """Keys of stores that the operator runs: it makes a value where there is none.

    ``has_history``: PostgreSQL has data, and in them a password that a new value would not open.
    """
    bundled = []
    if spec.storage.external is None:
        bundled += [ACCESS_KEY, SECRET_KEY]
    if spec.cache.external is None:
        bundled.append(KV_PASSWORD)
    if _own_postgres(spec) and not has_history:
        bundled.append(POSTGRES_PASSWORD)
    return tuple(bundled)


def history_lost(spec: StackSpec, existing: Mapping[str, str], *, has_history: bool) -> bool:
    """Whether the password that PostgreSQL's data were made with is gone."""
    return _own_postgres(spec) and has_history and not existing.get(POSTGRES_PASSWORD)


def _own_postgres(spec: StackSpec) -> bool:
    return spec.dagster.enabled and spec.dagster.postgres.external is None


def given(spec: StackSpec) -> tuple[str, ...]:
    """Keys of stores that somebody else runs: only a person has their values. A cache without password is allowed."""
    wanted = []
    if spec.storage.external is not None:
        wanted += [ACCESS_KEY, SECRET_KEY]
    if spec.dagster.enabled and spec.dagster.postgres.external is not None:
        wanted.append(POSTGRES_PASSWORD)
    return tuple(wanted)


def missing(keys: tuple[str, ...], existing: Mapping[str, str]) -> tuple[str, ...]:
    """Those of ``keys`` that have no value yet; an empty value is none."""
    return tuple(key for key in keys if not existing.get(key))


def too_short(spec: StackSpec, existing: Mapping[str, str]) -> tuple[str, ...]:
    """Keys whose values the bundled S3 server refuses."""
    if spec.storage.external is not None:
        return ()
    return tuple(key for key, least in _LEAST.items() if 0 < len(existing.get(key, "")) < least)


def made(keys: tuple[str, ...], random_hex: Callable[[int], str]) -> dict[str, str]:
    """A value for each key. Hex, so that no parser's quoting touches it."""
    return {key: random_hex(_BYTES[key]) for key in keys}


def revisions(held: Held) -> dict[str, str]:
    """Tells by component whether a value that it starts with has changed; Dagster takes the whole Secret.

    With the uid, which only those know who may read the Secret, so that a weak value can't be guessed.
    """
    read_by = {**_READ_BY, "dagster": tuple(sorted(held.values))}
    return {component: _digest(held, keys) for component, keys in read_by.items()}


def _digest(held: Held, keys: tuple[str, ...]) -> str:
    text = "\0".join([held.uid, *(f"{key}={held.values[key]}" for key in keys if key in held.values)])
    return hashlib.sha256(text.encode()).hexdigest()[:16]
