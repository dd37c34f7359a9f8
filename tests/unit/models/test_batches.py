"""Batches hold every row once, within the budget."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from dataalchemy_pipelines.models.batches import batches_by_length, pad_right


@given(st.lists(st.integers(1, 300)), st.integers(1, 1000), st.integers(1, 8))
def test_every_row_comes_once_and_no_batch_of_several_exceeds_the_budget(
    lengths: list[int], budget: int, rows: int
) -> None:
    batches = list(batches_by_length(lengths, token_budget=budget, max_rows=rows))
    assert sorted(row for batch in batches for row in batch) == list(range(len(lengths)))
    for batch in batches:
        assert len(batch) <= rows
        assert len(batch) == 1 or len(batch) * max(lengths[row] for row in batch) <= budget


def test_padding_stands_on_the_right() -> None:
    assert pad_right([[1, 2, 3], [4]], 0, "cpu").tolist() == [[1, 2, 3], [4, 0, 0]]
