"""Every exported figure stands on its own, is painted, and says what the page says."""

from __future__ import annotations

import io
import re
from pathlib import Path
from xml.etree import ElementTree

import numpy as np
import pytest
from PIL import Image

from reports.exports import png
from reports.exports.cell_figures import best_cells
from reports.exports.figures import MOST_CELLS, figures
from reports.exports.png import to_png
from reports.exports.standalone import standalone
from reports.page import build_page
from reports.run import Run, load_run
from reports.sections import grid
from tests.reports.fake_run import FakeRun, write_fake_run

SVG = "{http://www.w3.org/2000/svg}"
TEXT = (
    '<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 160 30"><text x="4" y="20" '
    'font-family="system-ui, sans-serif" font-size="14" fill="#000">{}</text></svg>'
)


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Run:
    fake = FakeRun(policies=("pooled", "grouped"), failed=1, missing=1, trials=2, epochs=6)
    folder = write_fake_run(tmp_path_factory.mktemp("run"), fake)
    build_page(folder)
    return load_run(folder)


@pytest.fixture(scope="module")
def drawn(run: Run) -> dict[str, str]:
    return {name: standalone(figure) for name, figure in figures(run)}


def _pixels(drawing: bytes) -> np.ndarray:
    return np.asarray(Image.open(io.BytesIO(drawing)).convert("RGB")).astype(int)


def test_the_pages_figures_are_all_there(drawn: dict[str, str]) -> None:
    of_cells = [
        f"{kind}-{policy}-{scenario}"
        for policy in ("grouped", "pooled")
        for scenario in "123"
        for kind in ("confusion", "accuracy", "loss")
    ]
    expected = ["effects", "grid-grouped", "grid-pooled", "leak", "paper", *of_cells]
    assert sorted(drawn) == sorted(expected)


def test_no_figure_leans_on_the_page(drawn: dict[str, str]) -> None:
    """No class, variable or function that only the style sheet explains; nothing to fetch."""
    for name, svg in drawn.items():
        assert not re.search(r"\bclass=|\bstyle=|var\(|calc\(|color-mix|currentColor", svg), name
        assert not re.search(r"href|url\(|<script|<style", svg), name


def test_every_mark_and_letter_is_painted_outright(drawn: dict[str, str]) -> None:
    for name, svg in drawn.items():
        root = ElementTree.fromstring(svg)
        assert root.tag == f"{SVG}svg", name
        for shape in root.iter():
            if shape.tag in {f"{SVG}{tag}" for tag in ("circle", "rect", "path", "line")}:
                assert shape.get("fill") or shape.get("stroke"), (name, shape.attrib)
            if shape.tag == f"{SVG}text":
                assert shape.get("font-size"), name
                assert shape.get("font-family"), name


def test_the_grid_figure_has_the_accuracies_of_the_grid(run: Run, drawn: dict[str, str]) -> None:
    for block in grid.build(run).blocks:
        texts = [one.text for one in ElementTree.fromstring(drawn[f"grid-{block.policy}"]).iter()]
        tiles = [tile for group in block.groups for line in group.lines for tile in line.tiles]
        for tile in tiles:
            assert (tile.accuracy or tile.state) in texts
    assert "missing" in drawn["grid-grouped"] + drawn["grid-pooled"]


def test_the_best_cell_is_the_one_that_validation_prefers(run: Run) -> None:
    for row in best_cells(run):
        rivals = [
            one["val_accuracy"]
            for one in run.done
            if (one["split_policy"], one["scenario"]) == (row["split_policy"], row["scenario"])
        ]
        assert row["val_accuracy"] == max(rivals)


def test_hostile_names_stay_text(tmp_path: Path) -> None:
    classes = ['<script>"x"</script>', "a & b", "ünïcode 中", "z" * 90]
    fake = FakeRun(backbones=("resnet50",), scenarios={"a/<b>": classes}, trials=1, epochs=2)
    run = load_run(write_fake_run(tmp_path, fake))
    for name, figure in figures(run):
        assert re.fullmatch(r"[a-z0-9-]+", name)
        svg = standalone(figure)
        ElementTree.fromstring(svg)
        assert "<script" not in svg
        assert len(to_png(svg)) > 500


def test_a_run_in_which_nothing_finished_still_has_its_grid(tmp_path: Path) -> None:
    fake = FakeRun(backbones=("resnet50",), failed=0, missing=0, compare=None, trials=1, epochs=2)
    run = load_run(write_fake_run(tmp_path, fake))
    cells = run.tables["cells"]
    cells["state"], cells["accuracy"], cells["val_accuracy"] = "missing", None, None
    tables = run.tables | {"cells": cells, "effects": run.tables["effects"].iloc[:0]}
    names = [name for name, _ in figures(Run(run.info, tables))]
    assert names == ["grid-pooled"]


def test_a_large_run_has_figures_of_a_bounded_number_of_cells(tmp_path: Path) -> None:
    scenarios = {f"s{i}": ["a", "b"] for i in range(MOST_CELLS + 4)}
    fake = FakeRun(backbones=("resnet50",), scenarios=scenarios, trials=1, epochs=2, compare=None)
    run = load_run(write_fake_run(tmp_path, fake))
    matrices = [name for name, _ in figures(run) if name.startswith("confusion")]
    assert len(matrices) == MOST_CELLS


def test_a_picture_is_as_large_as_its_drawing_twice(drawn: dict[str, str]) -> None:
    root = ElementTree.fromstring(drawn["effects"])
    image = Image.open(io.BytesIO(to_png(drawn["effects"])))
    assert image.size == (2 * int(root.attrib["width"]), 2 * int(root.attrib["height"]))


def test_a_confusion_matrix_is_painted_in_the_pages_colours(drawn: dict[str, str]) -> None:
    fills = {
        one.get("fill")
        for one in ElementTree.fromstring(drawn["confusion-grouped-3"]).iter()
        if one.tag in (f"{SVG}rect", f"{SVG}path")
    }
    pixels = _pixels(to_png(drawn["confusion-grouped-3"])).reshape(-1, 3)
    painted = {f"#{r:02x}{g:02x}{b:02x}" for r, g, b in np.unique(pixels, axis=0)}
    assert len(fills) > 3
    assert fills <= painted


def test_letters_leave_marks_with_and_without_fonts_on_the_machine() -> None:
    blank = to_png(TEXT.format(""))
    for system_fonts in (True, False):
        assert (_pixels(to_png(TEXT.format("accuracy 96.6"), system_fonts)) < 128).any()
        assert to_png(TEXT.format("accuracy 96.6"), system_fonts) != blank


def test_signs_that_the_small_font_lacks_become_ones_it_has() -> None:
    """Else they would all be the same empty box."""
    assert to_png(TEXT.format("49\u201372"), False) == to_png(TEXT.format("49-72"), False)
    assert to_png(TEXT.format("\u22123.0"), False) == to_png(TEXT.format("-3.0"), False)
    assert to_png(TEXT.format("A"), False) != to_png(TEXT.format("B"), False)


def test_a_machine_without_fonts_is_noticed(monkeypatch: pytest.MonkeyPatch) -> None:
    drawing = to_png(TEXT.format("accuracy"), False)
    monkeypatch.setattr(png, "_has_fonts", lambda: False)
    assert to_png(TEXT.format("accuracy")) == drawing


def test_a_huge_figure_is_drawn_smaller_and_not_refused() -> None:
    svg = '<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 20 20000"/>'
    assert max(Image.open(io.BytesIO(to_png(svg))).size) <= 8001
