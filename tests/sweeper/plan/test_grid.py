"""The cells of a run."""

from sweeper.plan.grid import Cell, build_grid
from trainables.registry import BACKBONES


def paper_grid() -> list[Cell]:
    strategies = ["transfer", "finetune"]
    return build_grid(["grouped"], list(BACKBONES), "123", [False, True], strategies, [0])


def test_the_papers_grid_has_sixty_cells_all_distinct() -> None:
    cells = paper_grid()
    assert len(cells) == len(set(cells)) == 60
    assert cells[0] == Cell("grouped", next(iter(BACKBONES)), "1", False, "transfer", 0)


def test_no_two_cells_share_an_id() -> None:
    cells = build_grid(
        ["pooled", "grouped"], ["vgg16"], "12", [False, True], ["transfer", "finetune"], [0, 1]
    )
    assert len({cell.id for cell in cells}) == len(cells) == 32


def test_folds_are_counted_from_one_and_named_in_the_id() -> None:
    cells = build_grid(["grouped"], ["vgg16"], "1", [False], ["transfer"], [0, 1], folds=3)
    assert [(cell.seed, cell.fold) for cell in cells] == [(s, f) for s in (0, 1) for f in (1, 2, 3)]
    assert cells[1].id == "grouped/vgg16/1/plain/transfer/seed0/fold2"
    assert len({cell.id for cell in cells}) == 6


def test_the_first_repeat_has_the_id_that_it_has_alone() -> None:
    """A run that is given more repeats keeps its cells."""
    first, second = build_grid(["grouped"], ["vgg16"], "1", [False], ["transfer"], [0], 2)
    assert first.id == "grouped/vgg16/1/plain/transfer/seed0"
    assert second.id == "grouped/vgg16/1/plain/transfer/seed0/repeat2"


def test_without_folds_the_id_names_none() -> None:
    (cell,) = build_grid(["grouped"], ["vgg16"], "1", [True], ["finetune"], [7])
    assert cell.id == "grouped/vgg16/1/augmented/finetune/seed7"


def test_a_cells_columns_name_the_weights_of_its_own_backbone() -> None:
    cell = Cell("pooled", "vgg16", "1", True, "finetune", 4)
    assert cell.columns({"vgg16": "none", "resnet50": "imagenet"}) == {
        "split_policy": "pooled",
        "backbone": "vgg16",
        "weights": "none",
        "scenario": "1",
        "augmented": True,
        "strategy": "finetune",
        "seed": 4,
        "repeat": 1,
        "fold": 0,
    }
