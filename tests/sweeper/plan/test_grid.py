"""The cells of a run."""

from typing import Any

from reports.axes import AXES
from sweeper.config.load import load_config
from sweeper.plan.grid import Cell, build_grid

BACKBONES = ["efficientnetb3", "resnet50", "vgg16", "mobilenet", "inceptionv3"]


def grid(*overrides: str) -> list[Cell]:
    return build_grid(load_config("smoke", overrides))


def cell(**entries: Any) -> Cell:
    first = grid()[0].entries
    return Cell.of({**first, **entries})


def test_the_papers_grid_has_sixty_cells_of_a_policy_all_distinct() -> None:
    cells = build_grid(load_config("paper"))
    assert len(cells) == len(set(cells)) == 120
    assert {one.backbone for one in cells} == set(BACKBONES)
    grouped = [one for one in cells if one.split_policy == "grouped"]
    assert len(grouped) == 60
    assert cells[0].id == "pooled/efficientnetb3/1/none/transfer/seed0"


def test_no_two_cells_share_an_id() -> None:
    cells = grid("split.policies=[pooled, grouped]", "grid.seeds=[0, 1]")
    assert len({one.id for one in cells}) == len(cells) == 16


def test_folds_are_counted_from_one_and_named_in_the_id() -> None:
    cells = grid("grid.seeds=[0, 1]", "split.folds=3", "grid.strategies=[transfer]")
    plain = [one for one in cells if one.augmentation == "none"]
    assert [(one.seed, one.fold) for one in plain] == [(s, f) for s in (0, 1) for f in (1, 2, 3)]
    assert plain[1].id == "grouped/mobilenet/all/none/transfer/seed0/fold2"


def test_the_first_repeat_has_the_id_that_it_has_alone() -> None:
    """A run that is given more repeats keeps its cells."""
    alone, more = grid(), grid("split.repeats=2")
    assert {one.id for one in alone} < {one.id for one in more}
    assert cell(repeat=2).id == "grouped/mobilenet/all/none/transfer/seed0/repeat2"


def test_a_cells_columns_name_the_weights_of_its_own_backbone() -> None:
    one = cell(backbone="vgg16", augmentation="fec-ige", seed=4)
    columns = one.columns({"vgg16": "none", "resnet50": "imagenet"})
    assert columns == {**one.entries, "weights": "none", "augmented": True}


def test_every_axis_is_an_attribute_and_a_place_in_the_point() -> None:
    one = cell()
    assert [getattr(one, axis.name) for axis in AXES] == list(one.point)
    assert one.at(strategy="finetune").strategy == "finetune"
    assert one.at(seed=3).configuration == one.configuration


def test_a_strategy_without_recipes_has_its_cells_once() -> None:
    cells = grid("grid.strategies=[linear, transfer]", "grid.recipes=[modern, paper]")
    recipes = {
        name: {one.recipe for one in cells if one.strategy == name}
        for name in ("linear", "transfer")
    }
    assert recipes == {"linear": {"modern"}, "transfer": {"modern", "paper"}}
