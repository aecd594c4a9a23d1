"""What the checks of maps conclude, against a second computation, and what the page says of it."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from reports.derived import write_derived
from reports.derived.map_verdicts import map_verdict_rows, mean_interval
from reports.page import build_page
from reports.run import load_run
from reports.sections.map_checks import map_checks_of
from reports.tables import CELL, read_tables, write_table
from tests.reports.fake_run import FakeRun, write_fake_run

FAKE = FakeRun(
    policies=("grouped",),
    backbones=("resnet50",),
    scenarios={"bones": ["first", "second"]},
    trials=1,
    epochs=2,
    attributions=0,
    compare=None,
)
RANDOM = np.random.default_rng(0)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_fake_run(tmp_path_factory.mktemp("checked"), FAKE)


def rows(
    folder: Path, check: str, difference: float, images: int, reference: float = 0.2
) -> Iterator[dict[str, Any]]:
    """Checks of the first cell on `images` images with small noise around `difference`."""
    tables = read_tables(folder / "results")
    cell = {str(name): value for name, value in tables["cells"].iloc[0][list(CELL)].items()}
    ids = list(tables["images"]["image_id"].drop_duplicates())[:images]
    against = {"randomisation": ["head", "whole network"]}.get(check, ["random", "edges"])
    for image_id in ids:
        for one in against:
            noise = float(RANDOM.normal(0, 0.02))
            yield {
                **cell,
                "image_id": image_id,
                "method": "grad_cam",
                "check": check,
                "against": one,
                "value": reference + difference + noise,
                "reference": reference,
            }


def conclusions(folder: Path, check: str, difference: float, images: int = 12) -> set[str]:
    tables = read_tables(folder / "results")
    tables["map_checks"] = pd.DataFrame(list(rows(folder, check, difference, images)))
    return {row["conclusion"] for row in map_verdict_rows(tables)}


@pytest.mark.parametrize(
    ("check", "difference", "expected"),
    [
        ("randomisation", 0.0, "depends"),
        ("randomisation", 0.25, "depends in part"),  # 31 % of 0.8 are left
        ("randomisation", 0.7, "does not depend"),
        ("randomisation", 0.16, "undecided"),  # 20 %
        ("deletion", -0.2, "better"),
        ("deletion", 0.2, "worse"),
        ("insertion", 0.2, "better"),
        ("infidelity", 0.0, "undecided"),
    ],
)
def test_a_conclusion_follows_from_the_interval(
    folder: Path, check: str, difference: float, expected: str
) -> None:
    assert conclusions(folder, check, difference) == {expected}


def test_few_images_conclude_nothing(folder: Path) -> None:
    assert conclusions(folder, "randomisation", 0.0, images=4) == {"too few images"}


def test_the_interval_covers_the_mean_of_groups_as_often_as_it_says() -> None:
    """Groups of two equal images: those of single images would be too narrow."""
    generator, covered = np.random.default_rng(1), 0
    for _ in range(300):
        values = np.repeat(generator.normal(0.3, 1, 8), 2)
        interval = mean_interval(values, np.repeat(np.arange(8), 2))
        assert interval is not None
        covered += 0.3 in interval
    assert 0.92 <= covered / 300 <= 0.98


def test_two_groups_have_no_interval() -> None:
    assert mean_interval(np.array([0.1, 0.2, 0.3]), np.array([0, 0, 1])) is None


def test_the_page_says_whether_maps_depend_on_the_weights(folder: Path) -> None:
    found = [*rows(folder, "randomisation", 0.0, 12), *rows(folder, "deletion", -0.2, 12)]
    write_table(folder / "results", "map_checks", found)
    write_derived(folder / "results")
    run = load_run(folder)
    found_cells = map_checks_of(run)
    assert found_cells is not None
    (one,) = found_cells
    (sentence,) = one.sentences
    assert sentence.startswith("grad cam: these maps depend on the trained weights. With all")
    assert "12 images" in sentence
    (shuffled,) = one.shuffled
    assert shuffled.stages[1:4] == ["", "", ""], "no time for these"
    assert shuffled.two_images == "0.20"
    (followed,) = one.followed
    assert "better" in followed.random
    build_page(folder)
    page = (folder / "report" / "index.html").read_text(encoding="utf-8")
    assert sentence.split(" (")[0] in page
    write_table(folder / "results", "map_checks", list(rows(folder, "randomisation", 0.0, 3)))
    write_derived(folder / "results")
    found_cells = map_checks_of(load_run(folder))
    assert found_cells is not None
    (few,) = found_cells
    assert "not enough images" in few.sentences[0]
    assert "3 images" in few.sentences[0]


def test_a_run_without_checks_has_no_section(tmp_path: Path) -> None:
    assert map_checks_of(load_run(write_fake_run(tmp_path, FAKE))) is None
