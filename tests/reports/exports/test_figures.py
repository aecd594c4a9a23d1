"""Every exported figure stands on its own, is painted, and says what the page says."""

from __future__ import annotations

import io
import json
import re
from pathlib import Path
from xml.etree import ElementTree

import numpy as np
import pytest
from PIL import Image, ImageColor

import reports
from reports.exports.cell_figures import best_cells
from reports.exports.figures import MOST_CELLS, figures
from reports.exports.png import to_png
from reports.exports.standalone import standalone
from reports.figures.confusion import confusion_matrix
from reports.page import build_page
from reports.run import Run, load_run
from reports.sections import grid
from tests.reports.browser import Browser
from tests.reports.fake_run import FakeRun, write_fake_run

TEMPLATES = Path(reports.__file__).parent / "templates"
SHEETS = ("figures", "style", "cells")  # in the page's order
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
    for block in grid.grid_of(run).blocks:
        texts = [one.text for one in ElementTree.fromstring(drawn[f"grid-{block.policy}"]).iter()]
        tiles = [tile for group in block.groups for line in group.lines for tile in line.tiles]
        for tile in tiles:
            assert (tile.accuracy or tile.state) in texts
    assert "missing" in drawn["grid-grouped"] + drawn["grid-pooled"]


def test_the_best_cell_is_the_one_that_validation_prefers(run: Run) -> None:
    for row in best_cells(run):
        rivals = [
            one["val_score"]
            for one in run.done
            if (one["split_policy"], one["scenario"]) == (row["split_policy"], row["scenario"])
        ]
        assert row["val_score"] == max(rivals)


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
    cells["state"], cells["accuracy"], cells["val_score"] = "missing", None, None
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
    """Each cell of the picture is its colour, laid over that of the empty cells."""
    svg = drawn["confusion-grouped-3"]
    empty, *cells = (
        one for one in ElementTree.fromstring(svg).iter() if one.tag in (f"{SVG}rect", f"{SVG}path")
    )
    below = _laid_over(np.array([255, 255, 255]), empty)
    painted = np.unique(_pixels(to_png(svg)).reshape(-1, 3), axis=0)
    expected = {tuple(np.rint(_laid_over(below, cell))) for cell in cells}
    assert len(expected) > 3
    for colour in expected:
        assert np.abs(painted - colour).max(axis=1).min() <= 1


def _laid_over(below: np.ndarray, shape: ElementTree.Element) -> np.ndarray:
    share = float(shape.attrib["fill-opacity"])
    return share * np.array(ImageColor.getrgb(shape.attrib["fill"])) + (1 - share) * below


_STYLES = (
    *("text-anchor", "font-size", "font-weight", "fill", "fill-opacity", "opacity"),
    *("stroke", "stroke-width", "stroke-dasharray", "stroke-linejoin"),
)
_COMPARE = """() => {
  const styles = %s, found = [];
  const canvas = document.createElement("canvas").getContext("2d", {colorSpace: "srgb"});
  const plain = (value) => {  // colour spaces and roundings differ, the paint does not
    if (!/^(#|rgb|color|oklab)/.test(value)) return value;
    canvas.clearRect(0, 0, 1, 1); canvas.fillStyle = value; canvas.fillRect(0, 0, 1, 1);
    return [...canvas.getImageData(0, 0, 1, 1).data];
  };
  const near = (a, b) => Array.isArray(a) && Array.isArray(b)
    ? a.every((one, i) => Math.abs(one - b[i]) <= 2) : a === b;
  for (const pair of document.querySelectorAll(".pair")) {
    const [page, file] = [...pair.children].map(
      (one) => [...(one.shadowRoot ?? one).querySelectorAll("svg *")]);
    if (page.length !== file.length) found.push(pair.id + ": other elements");
    page.forEach((one, i) => {
      const [a, b] = [getComputedStyle(one), getComputedStyle(file[i])];
      const letters = ["text", "tspan"].includes(one.tagName);
      for (const name of styles)
        if ((letters || !/^(text|font)/.test(name)) &&
            !near(plain(a[name]), plain(b[name])))
          found.push([pair.id, one.outerHTML.slice(0, 80), name, a[name], b[name]].join(" | "));
    });
  }
  return found.slice(0, 5);
}"""


def test_every_exported_figure_is_painted_as_the_page_paints_it(
    run: Run, tmp_path: Path, browser: Browser
) -> None:
    """Element by element: what the page's style sheets compute, the file says in attributes."""
    sheets = "\n".join((TEMPLATES / f"{name}.css").read_text() for name in SHEETS)
    wide = FakeRun(backbones=("resnet50",), scenarios={"wide": _names(20), "vast": _names(60)})
    drawn = [*figures(run), *figures(load_run(write_fake_run(tmp_path / "run", wide)))]
    pairs = "".join(
        f'<div class="pair" id="{number}-{name}"><div>{figure}</div>'
        '<div><template shadowrootmode="open"><style>:host { all: initial }</style>'
        f"{standalone(figure).partition('?>')[2]}</template></div></div>"
        for number, (name, figure) in enumerate(drawn)
    )
    colours = ":root { --paper: #ffffff; --ink: #000000; }"
    page = tmp_path / "page.html"
    page.write_text(
        f"<!doctype html><meta charset='utf-8'><style>{sheets} {colours}</style>{pairs}"
    )
    browser.open(page)
    assert browser.evaluate("document.querySelectorAll('.pair').length") == len(drawn) > 20
    script = _COMPARE % json.dumps([_camel(name) for name in _STYLES])
    assert browser.evaluate(f"({script})()") == []


def _names(count: int) -> list[str]:
    return [f"class {number}" for number in range(count)]


def _camel(name: str) -> str:
    first, *rest = name.split("-")
    return first + "".join(word.title() for word in rest)


def test_class_names_end_before_the_cells(drawn: dict[str, str]) -> None:
    root = ElementTree.fromstring(drawn["confusion-grouped-3"])
    anchors = [one.get("text-anchor") for one in root.iter(f"{SVG}text")]
    assert anchors.count("end") == len(FakeRun().scenarios["3"])
    assert anchors.count("middle") > len(FakeRun().scenarios["3"])


def test_letters_leave_marks_with_and_without_fonts_on_the_machine() -> None:
    blank = to_png(TEXT.format(""))
    for system_fonts in (True, False):
        assert (_pixels(to_png(TEXT.format("accuracy 96.6"), system_fonts)) < 128).any()
        assert to_png(TEXT.format("accuracy 96.6"), system_fonts) != blank


@pytest.mark.parametrize("system_fonts", [True, False])
@pytest.mark.parametrize("names", [("骨折", "骨裂"), ("골절", "정상"), ("こっせつ", "せいじょう")])
def test_names_in_other_scripts_are_legible_whatever_fonts_there_are(
    names: tuple[str, str], system_fonts: bool
) -> None:
    """Two names are two pictures, and neither is that of letters that no font has."""
    one, other = (to_png(TEXT.format(name), system_fonts) for name in names)
    none = to_png(TEXT.format("\U0010fffd" * len(names[0])), system_fonts)
    assert len({one, other, none}) == 3
    assert (_pixels(one) < 128).any()


@pytest.mark.parametrize("anchor", ["start", "middle", "end"])
def test_a_drawn_name_lies_where_its_text_would(anchor: str) -> None:
    text = TEXT.replace('x="4"', f'x="80" text-anchor="{anchor}"').format("骨折")
    columns = np.flatnonzero((_pixels(to_png(text, False)) < 128).any(axis=(0, 2))) / 2
    first, last = {"start": (80, 108), "middle": (66, 94), "end": (52, 80)}[anchor]
    assert abs(columns.min() - first) < 4
    assert abs(columns.max() - last) < 4


def test_long_names_of_wide_letters_have_room_in_the_confusion_matrix() -> None:
    svg = standalone(confusion_matrix(["螺旋形骨折粉碎", "b"], {("b", "b"): 1}, "t"))
    pixels = _pixels(to_png(svg, False))
    assert (pixels[:, :4] == 255).all()  # nothing touches the left edge


def test_a_huge_figure_is_drawn_smaller_and_not_refused() -> None:
    svg = '<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 20 20000"/>'
    assert max(Image.open(io.BytesIO(to_png(svg))).size) <= 8001
