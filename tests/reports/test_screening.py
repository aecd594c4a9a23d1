"""The ranking of a run that only probes backbones."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from reports.axes import configuration_name
from reports.run import Run, load_run
from reports.screening import AT_MOST, screening_of
from reports.sections.screening import shown_of
from reports.tables import SCHEMAS
from tests.reports.fake_run import FakeRun, write_fake_run

BACKBONES = ("vgg16", "mobilenet", "resnet50", "efficientnetb3", "inceptionv3")


def probes(folder: Path, differences: dict[str, tuple[float, float]]) -> Run:
    """A run of linear probes, whose best one is vgg16; `differences`: of the best to another one,
    the ends of the interval."""
    fake = FakeRun(
        policies=("grouped",),
        backbones=BACKBONES,
        scenarios={"all": ["a", "b", "c"]},
        augmented=(False,),
        strategies=("linear",),
        trials=1,
        epochs=1,
        attributions=0,
        compare=None,
    )
    run = load_run(write_fake_run(folder, fake))
    gmacs = dict(zip(BACKBONES, (15.4, 0.6, 4.1, 1.0, 2.9), strict=True))
    for row in run.cells:
        row["val_score"] = -0.1 if row["backbone"] == "vgg16" else -1.0
    tried = {"candidate": 1, "setting": "l2=1", "val_loss": 1.0, "val_accuracy": 0.5}
    run.tables["candidates"] = pd.DataFrame(
        [
            {**tried, "trial": row["champion"], "val_score": -1.0, "chosen": True}
            for row in run.cells
        ],
        columns=SCHEMAS["candidates"].names,
    )
    names = {row["backbone"]: configuration_name(row) for row in run.cells}
    unknown: dict[str, Any] = dict.fromkeys(SCHEMAS["comparisons"].names)
    run.tables["comparisons"] = pd.DataFrame(
        [
            unknown
            | {"metric": "accuracy", "split_policy": "grouped", "scenario": "all"}
            | {"best": names["vgg16"]}
            | {"other": names[other], "difference": (low + high) / 2, "low": low, "high": high}
            for other, (low, high) in differences.items()
        ]
    )
    run.info["backbones"] = {name: {"gmacs": value} for name, value in gmacs.items()}
    run.info["own_settings"] = {
        "store": "kept",
        "data.path": "my images",
        "head.pooling": "avg",
        "backbones.vgg16": {"model": "vgg11"},
        "weights.mobilenet": "none",
        "weights.resnet50": "none",
    }
    return run


def test_a_backbone_is_ruled_out_if_it_is_significantly_behind_the_best(tmp_path: Path) -> None:
    open_to = {"mobilenet": (-0.02, 0.1), "resnet50": (0.0, 0.2)}
    behind = {"efficientnetb3": (0.01, 0.2), "inceptionv3": (0.05, 0.3)}
    found = screening_of(probes(tmp_path, open_to | behind))
    assert found is not None
    ruled_out = {one.backbone for one in found.ranked if one.is_ruled_out}
    assert ruled_out == set(behind)
    assert [one.backbone for one in found.proposed] == ["mobilenet", "resnet50", "vgg16"]
    assert [one.repeats.mean for one in found.ranked] == sorted(
        (one.repeats.mean for one in found.ranked), reverse=True
    )


def test_of_many_the_best_and_the_cheapest_are_proposed(tmp_path: Path) -> None:
    alike = dict.fromkeys(BACKBONES[1:], (-0.1, 0.1))
    found = screening_of(probes(tmp_path, alike))
    assert found is not None
    assert [one.backbone for one in found.proposed] == ["mobilenet", "efficientnetb3", "vgg16"]
    assert len(found.proposed) == AT_MOST


def test_the_command_repeats_what_the_run_was_told(tmp_path: Path) -> None:
    run = probes(tmp_path, dict.fromkeys(BACKBONES[1:], (0.1, 0.2)) | {"mobilenet": (-1.0, 1.0)})
    shown = shown_of(run)
    assert shown is not None
    assert shown.command == (
        "python sweep.py run default --set store=kept --set 'data.path=my images' "
        "--set head.pooling=avg --set 'backbones.vgg16={model: vgg11}' "
        "--set weights.mobilenet=none --set 'grid.backbones=[mobilenet, vgg16]'"
    )
    assert shown.sentence.startswith("Worth fine-tuning, cheapest first: mobilenet and vgg16.")


@pytest.mark.parametrize("strategies", [("transfer",), ("transfer", "finetune")])
def test_a_run_that_trains_heads_has_no_screening(
    tmp_path: Path, strategies: tuple[str, ...]
) -> None:
    fake = FakeRun(backbones=BACKBONES[:2], strategies=strategies, trials=1, attributions=0)
    assert screening_of(load_run(write_fake_run(tmp_path, fake))) is None


def test_the_weights_of_each_backbone_stand_beside_its_rank(tmp_path: Path) -> None:
    run = probes(tmp_path, {name: (-0.02, 0.1) for name in BACKBONES[1:]})
    vintage = {"tag": "tv_in1k", "trained_on": "ImageNet-1k"}
    about = {"weights": "imagenet", "random": False, "vintage": vintage}
    run.info["backbones"]["vgg16"] |= about
    shown = shown_of(run)
    assert shown is not None
    found = {line.backbone: line.vintage for line in shown.lines}
    assert found["vgg16"] == "tv_in1k: ImageNet-1k"
    assert found["resnet50"] == ""  # a run of an earlier version
