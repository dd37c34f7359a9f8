"""Dense search."""

from __future__ import annotations

import io
import pickle

import numpy as np
import pytest

from dataalchemy_pipelines.retrieval.vectors import cosines, pack, unpack
from resources.errors import Damaged, Misconfigured


def unit(count: int, size: int = 16) -> np.ndarray[tuple[int, int], np.dtype[np.float32]]:
    drawn = np.random.default_rng(3).normal(size=(count, size))
    return (drawn / np.linalg.norm(drawn, axis=1, keepdims=True)).astype(np.float32)


def test_cosines_come_back_within_a_thousandth() -> None:
    vectors = unit(50)
    np.testing.assert_allclose(cosines(unpack(pack(vectors)), vectors[7]), vectors @ vectors[7], atol=1e-3)


def test_vectors_that_are_not_of_unit_length_are_refused() -> None:
    with pytest.raises(Misconfigured):
        pack(2 * unit(3))
    with pytest.raises(Misconfigured):
        pack(np.full((2, 4), np.nan, dtype=np.float32))


def test_a_pickle_is_never_opened() -> None:
    file = io.BytesIO()
    np.save(file, np.array([{"a": 1}], dtype=object), allow_pickle=True)
    for body in (file.getvalue(), pickle.dumps([1]), b""):
        with pytest.raises(Damaged):
            unpack(body)
