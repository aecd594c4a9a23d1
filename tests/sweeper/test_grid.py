"""The cells of a run."""

from sweeper.grid import Cell, build_grid
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
        "fold": 0,
    }
