"""Hyperparameter draws: identified by their cell, and by nothing else."""

from sweeper.space import Hyperparameters, draw_hyperparameters

PUBLISHED = Hyperparameters(1e-3, 16, (512, 128))
SPACE = {"lr": [1e-3, 1e-4, 1e-5], "batch_size": [8, 16, 32], "hidden": [[256, 128], [512, 128]]}


def draws(count: int, cell: str = "grouped/vgg16/1/plain/transfer/seed0") -> list[Hyperparameters]:
    return draw_hyperparameters(cell, PUBLISHED, SPACE, count)


def test_draw_0_is_the_published_setting() -> None:
    assert draws(1) == [PUBLISHED]
    assert draws(6)[0] == PUBLISHED


def test_draws_are_distinct_and_inside_the_space() -> None:
    drawn = draws(18)
    assert len(set(drawn)) == 18
    assert all(one.lr in SPACE["lr"] and list(one.hidden) in SPACE["hidden"] for one in drawn)


def test_more_draws_keep_the_earlier_ones() -> None:
    many = draws(12)
    assert all(draws(count) == many[:count] for count in range(1, 12))


def test_another_cell_gets_other_draws() -> None:
    cells = [f"cell{i}" for i in range(20)]
    assert len({tuple(draws(5, cell)) for cell in cells}) > 15


def test_another_hyperparameters_values_do_not_change_a_draw() -> None:
    wider = {**SPACE, "batch_size": list(range(100, 164)), "lr": SPACE["lr"]}
    rates = [one.lr for one in draw_hyperparameters("cell", PUBLISHED, wider, 6)]
    longer = {**wider, "hidden": [[1], [2], [3]]}
    assert [one.lr for one in draw_hyperparameters("cell", PUBLISHED, longer, 6)] == rates


def test_a_small_space_gives_fewer_draws() -> None:
    space = {"lr": [1e-3, 1e-4], "batch_size": [16], "hidden": [[512, 128]]}
    assert len(draw_hyperparameters("cell", PUBLISHED, space, 9)) == 2
    elsewhere = Hyperparameters(0.5, 4, ())
    assert len(draw_hyperparameters("cell", elsewhere, space, 9)) == 3


def test_no_hidden_layers_are_written_none() -> None:
    assert Hyperparameters(1.0, 2, ()).hidden_text == "none"
    assert PUBLISHED.hidden_text == "512-128"
