"""Tables of pairs."""

from datasets.pairs import PAIR_COLUMNS, pair_table


def test_pairs_come_sorted_in_the_columns_everyone_reads() -> None:
    table = pair_table([("b", "c", "near", 0.8, "identity"), ("a", "c", "exact", 1, "identity")])
    assert tuple(table.columns) == PAIR_COLUMNS
    assert table["image_id_a"].tolist() == ["a", "b"]
    assert table["score"].dtype == "float64"


def test_no_pairs_are_an_empty_table_of_the_same_types() -> None:
    empty, one = pair_table([]), pair_table([("a", "b", "near", 1.0, "identity")])
    assert len(empty) == 0
    assert empty.dtypes.equals(one.dtypes)
