"""Balanced sampling: every class equally often, every row of a class equally often."""

from collections import Counter

import torch
from hypothesis import given
from hypothesis import strategies as st

from tests.trainables.test_loop import TensorRows
from trainables.sampling import BalancedRows, balanced_order


@given(st.lists(st.integers(0, 4), min_size=1, max_size=60), st.integers(0, 99))
def test_a_pass_has_every_class_equally_often_and_no_row_much_more_often(
    labels: list[int], seed: int
) -> None:
    order = balanced_order(torch.tensor(labels), torch.Generator().manual_seed(seed)).tolist()
    classes = Counter(labels[row] for row in order)
    assert set(classes) == set(labels)
    assert set(classes.values()) == {max(Counter(labels).values())}
    counts = Counter(order)
    for label in classes:
        own = [counts[row] for row, other in enumerate(labels) if other == label]
        assert max(own) - min(own) <= 1
        assert min(own) >= 1


def test_which_rows_are_repeated_changes_from_pass_to_pass() -> None:
    labels = torch.tensor([0] * 10 + [1] * 7)
    rows = BalancedRows(TensorRows(torch.arange(17.0)[:, None], labels))
    generator, passes = torch.Generator().manual_seed(0), []
    for _ in range(2):
        batches = list(rows.shuffled(4, generator))
        assert sum(batch.global_size for batch in batches) == 20
        passes.append(Counter(int(x) for batch in batches for x in batch.inputs))
    assert len(rows) == 17
    assert passes[0] != passes[1]
