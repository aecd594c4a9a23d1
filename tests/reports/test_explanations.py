"""Every cell gets its share of what the page can carry, the gallery first."""

from __future__ import annotations

from pathlib import Path

import pytest

from reports.run import Run, load_run
from reports.sections import explanations
from reports.tables import read_tables, write_table
from tests.reports.fake_run import FakeRun, write_fake_run

FAKE = FakeRun(
    policies=("grouped", "pooled"),
    backbones=("resnet50", "vgg16"),
    scenarios={"bones": ["first", "second", "third"]},
    trials=1,
    epochs=2,
    attributions=6,
    map_side=32,
    compare=None,
)


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Run:
    return load_run(write_fake_run(tmp_path_factory.mktemp("explained"), FAKE))


def test_a_page_with_room_has_every_map(run: Run) -> None:
    atlas = explanations.atlas_of(run)
    assert {len(panels) for panels in atlas.panels.values()} == {6}
    assert set(atlas.left_out.values()) == {0}


def test_a_page_without_room_has_one_of_each_image_of_the_gallery_first(
    run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(explanations, "_MOST_BYTES", 2_000)
    atlas = explanations.atlas_of(run)
    gallery = explanations.gallery_of(run, atlas)
    shown = sum(map(len, atlas.panels.values()))
    assert 0 < shown < 6 * len(atlas.panels)
    assert shown + sum(atlas.left_out.values()) == 6 * len(atlas.panels)
    assert gallery is not None
    assert sum(len(one.right) + len(one.wrong) for one in gallery.classes) == shown


def test_the_gallery_has_each_class_with_what_was_right_and_wrong(run: Run) -> None:
    gallery = explanations.gallery_of(run, explanations.atlas_of(run))
    assert gallery is not None
    assert gallery.policy == "grouped"
    assert [one.name for one in gallery.classes] == ["first", "second", "third"]
    for one in gallery.classes:
        assert all(panel.right for panel in one.right)
        assert not any(panel.right for panel in one.wrong)
        assert len(one.right) + len(one.wrong) == 1, "one map of each image"


def test_maps_that_did_not_converge_are_counted_and_not_shown(tmp_path: Path) -> None:
    folder = write_fake_run(tmp_path, FAKE)
    maps = read_tables(folder / "results")["attributions"]
    maps.loc[[3, 4], "converged"] = False
    maps.loc[4, "n_steps"] = 0
    maps["map"] = [
        m if is_shown else [] for m, is_shown in zip(maps["map"], maps["converged"], strict=True)
    ]
    write_table(folder / "results", "attributions", maps)
    changed = load_run(folder)
    atlas = explanations.atlas_of(changed)
    gallery = explanations.gallery_of(changed, atlas)
    assert gallery is not None
    assert (gallery.maps, gallery.failed, gallery.untried) == (len(maps), 1, 1)
    assert sum(map(len, atlas.panels.values())) == len(maps) - 2


def test_a_run_none_of_whose_maps_converged_says_so(tmp_path: Path) -> None:
    folder = write_fake_run(tmp_path, FAKE)
    maps = read_tables(folder / "results")["attributions"]
    maps["converged"] = False
    maps["map"] = [[] for _ in range(len(maps))]
    write_table(folder / "results", "attributions", maps)
    changed = load_run(folder)
    gallery = explanations.gallery_of(changed, explanations.atlas_of(changed))
    assert gallery is not None
    assert (gallery.failed, gallery.classes) == (gallery.maps, [])


def test_the_pointing_game_counts_each_image_once_against_other_maps(tmp_path: Path) -> None:
    folder = write_fake_run(tmp_path, FAKE)
    maps = read_tables(folder / "results")["attributions"]
    maps["target"] = maps["predicted"]
    maps["baseline"] = "black"
    maps["hit"] = True
    write_table(folder / "results", "attributions", maps)
    changed = load_run(folder)
    gallery = explanations.gallery_of(changed, explanations.atlas_of(changed))
    assert gallery is not None
    (black,) = gallery.pointing
    assert (black.images, black.hits, black.by_others) == (
        maps["image_id"].nunique(),
        3,
        "25.0",
    )
    assert black.interval == "43.9 to 100.0"  # Wilson, 3 of 3
    assert black.is_above_others
    maps["hit_by_others"] = 0.5  # within the interval
    write_table(folder / "results", "attributions", maps)
    centred = explanations.gallery_of(load_run(folder), explanations.atlas_of(load_run(folder)))
    assert centred is not None
    assert not centred.pointing[0].is_above_others
    maps["hit"] = None
    write_table(folder / "results", "attributions", maps)
    unknown = explanations.gallery_of(load_run(folder), explanations.atlas_of(load_run(folder)))
    assert unknown is not None
    assert unknown.pointing == []


def test_the_gallery_shows_the_baseline_that_the_run_names_first(tmp_path: Path) -> None:
    folder = write_fake_run(tmp_path, FAKE)
    maps = read_tables(folder / "results")["attributions"]
    maps["baseline"] = maps["baseline"].map({"black": "random", "random": "black"})
    write_table(folder / "results", "attributions", maps)
    changed = load_run(folder)
    gallery = explanations.gallery_of(changed, explanations.atlas_of(changed))
    assert gallery is not None
    shown = [panel for one in gallery.classes for panel in (*one.right, *one.wrong)]
    assert {panel.source for panel in shown} == {"random baseline, 64 steps"}
