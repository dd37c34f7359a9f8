"""The catalogue of sources."""

from __future__ import annotations

from dataalchemy_pipelines.connectors.catalogue import CATALOGUE


def test_every_source_has_a_name_of_its_own_and_can_be_read() -> None:
    names = [name for name, _ in CATALOGUE]
    assert len(names) == len(set(names))
    assert all(callable(getattr(kind, "records", None)) for _, kind in CATALOGUE)
