"""Figures show what they are given, within their frame, at a bounded size."""

from __future__ import annotations

import base64
import io
import math
import re
from xml.etree import ElementTree

import numpy as np
import pytest
from PIL import Image

from reports.figures import search
from reports.figures.attribution import SIDE, heat, picture
from reports.figures.confusion import confusion_matrix
from reports.figures.curves import HEIGHT, WIDTH, Curve, learning_curves
from reports.figures.reliability import reliability_diagram
from reports.figures.roc import Line, unit_curves
from reports.figures.search import Point, search_plot
from reports.figures.strip import Mark, strip
from reports.figures.svg import Scale, element, round_ticks
from reports.statistics import Interval
from reports.statistics.outcomes import Bin


def _decoded(uri: str) -> Image.Image:
    return Image.open(io.BytesIO(base64.b64decode(uri.partition(",")[2])))


def test_text_and_attributes_are_escaped() -> None:
    drawn = element("text", "<b>&", title='"><script>')
    assert ElementTree.fromstring(drawn).text == "<b>&"
    assert "<script>" not in drawn


@pytest.mark.parametrize(("low", "high"), [(0, 1), (-0.14, 0.252), (0, 2.7), (1, 100), (3, 3)])
def test_ticks_are_few_and_within_the_range(low: float, high: float) -> None:
    ticks = round_ticks(low, high, 6)
    assert 1 <= len(ticks) <= 6
    assert all(low - 1e-9 <= tick <= high + 1e-9 for tick in ticks)


def test_a_strip_puts_its_mark_and_whisker_where_the_numbers_are() -> None:
    root = ElementTree.fromstring(
        strip([Mark(0.5, "dot", "", Interval(0.25, 0.75))], Scale(0.0, 1.0))
    )
    line, circle = root.find("line"), root.find("circle")
    assert line is not None
    assert circle is not None
    assert (line.get("x1"), line.get("x2"), circle.get("cx")) == ("25.0%", "75.0%", "50.0%")


def _curve(n: int, **changes: object) -> Curve:
    values = [1 / (1 + epoch) for epoch in range(n)]
    return Curve(list(range(1, n + 1)), values, values, **changes)  # type: ignore[arg-type]


def test_curves_mark_the_champion_and_every_stopped_trial() -> None:
    drawn = learning_curves(
        [
            _curve(9, stopped=True),
            _curve(5, stopped=True),
            _curve(20, champion=True, best_epoch=20),
        ],
        "Loss",
        share=False,
    )
    root = ElementTree.fromstring(drawn)
    kinds = [node.get("class") for node in root.iter()]
    assert kinds.count("stop") == 2
    assert kinds.count("val champion") == kinds.count("train champion") == 1
    assert kinds.count("val thin") == 2
    best = next(node for node in root.iter() if node.get("class") == "best")
    assert float(best.get("cx", "0")) == pytest.approx(WIDTH - 8)


def test_a_diverging_trial_stays_in_the_frame_and_does_not_flatten_the_champion() -> None:
    wild = Curve([1, 2, 3], [1e9, math.inf, math.nan], [1e9, 1e12, math.nan])
    drawn = learning_curves([wild, *[_curve(30, champion=True)] * 1], "Loss", share=False)
    assert not re.search(r"nan|inf", drawn)
    for x, y in re.findall(r"M(-?[\d.]+) (-?[\d.]+)", drawn):
        assert 0 <= float(x) <= WIDTH
        assert 0 <= float(y) <= HEIGHT


def test_a_thousand_epochs_of_another_trial_cost_little() -> None:
    assert len(learning_curves([_curve(1000)], "Loss", share=False)) < 3000


def test_a_confusion_matrix_draws_only_what_happened() -> None:
    drawn = confusion_matrix(["a", "<b>"], {("a", "a"): 3, ("a", "<b>"): 1}, "m")
    root = ElementTree.fromstring(drawn)
    kinds = [node.get("class") or "" for node in root if node.tag != "text"]
    assert kinds == ["empty", "hit q8", "miss q2"]
    assert "75%" in drawn


def test_fifty_long_class_names_still_fit() -> None:
    classes = [f"A very long name of a class, number {i}, of many" for i in range(50)]
    drawn = confusion_matrix(classes, {(name, name): 9 for name in classes}, "m")
    root = ElementTree.fromstring(drawn)
    assert float(root.get("width", "0")) < 900
    assert len(drawn) < 40_000


def test_a_map_is_red_where_positive_blue_where_negative_and_clear_where_zero() -> None:
    values = np.zeros((64, 64), dtype=np.float32)
    values[:20], values[-20:] = 1.0, -1.0
    pixels = np.asarray(_decoded(heat(values.ravel(), 64, 64)).convert("RGBA")).astype(int)
    top, middle, bottom = pixels[8, 32], pixels[32, 32], pixels[-8, 32]
    assert top[0] > top[2] + 80
    assert bottom[2] > bottom[0] + 80
    assert top[3] > 240
    assert bottom[3] > 240
    assert middle[3] < 15


@pytest.mark.parametrize("shape", [(224, 224), (300, 200), (7, 5)])
def test_pictures_and_maps_are_small_and_match_in_shape(shape: tuple[int, int]) -> None:
    height, width = shape
    noise = np.random.default_rng(0).normal(size=height * width).astype(np.float32)
    drawn = heat(noise, height, width)
    assert max(_decoded(drawn).size) <= SIDE
    assert len(drawn) < 25_000
    buffer = io.BytesIO()
    Image.new("RGB", (width, height), "grey").save(buffer, "WEBP")
    assert max(_decoded(picture(buffer.getvalue())).size) <= SIDE


def test_a_map_of_nothing_is_clear_and_not_an_error() -> None:
    flat = np.full(16, np.nan, dtype=np.float32)
    assert np.asarray(_decoded(heat(flat, 4, 4)).convert("RGBA"))[..., 3].max() == 0


def test_a_reliability_diagram_shows_bars_gaps_on_both_sides_and_counts() -> None:
    bins = [Bin(0.4, 0.5, 3, 0.45, 0.9), Bin(0.9, 1.0, 12_000, 0.98, 0.5)]
    root = ElementTree.fromstring(reliability_diagram(bins, "m"))
    paths = {node.get("class"): node.get("d") or "" for node in root.iter("path")}
    assert paths["right"].count("M") == paths["rows"].count("M") == 2
    assert paths["gap"].count("M") == paths["gap over"].count("M") == 1
    texts = [node.text for node in root.iter("text") if node.get("class") == "n"]
    assert texts == ["3", "12k"]


def test_curves_name_their_class_and_keep_corners_only() -> None:
    steps = Line("<a>", [0, 0, 0, 0.5, 0.5, 1], [0, 0.25, 0.5, 0.5, 1, 1])
    root = ElementTree.fromstring(unit_curves([steps], "m", diagonal=True))
    (line,) = [node for node in root.iter("path") if node.get("class") == "one"]
    assert line.findtext("title") == "<a>"
    assert len(re.findall(r"[hvl]", line.get("d") or "")) == 4


def test_ten_thousand_rows_in_a_curve_cost_little() -> None:
    noise = np.random.default_rng(0).random(10_000).cumsum()
    line = Line("a", noise / noise[-1], (noise / noise[-1]) ** 0.2)
    assert len(unit_curves([line], "m", diagonal=True)) < 2_000


def test_a_search_shows_every_draw_within_its_frame_and_the_champion_last() -> None:
    points = [
        Point(1e-3, 0.9, 0, 0, "best", champion=True),
        Point(1e-5, 0.1, 1, 1, "cut", stopped=True),
        Point(1e-4, 0.5, 9, 9, "other"),
    ]
    root = ElementTree.fromstring(search_plot(points, (1e-5, 1e-3), "m", str))
    marks = [node for node in root if (node.get("class") or "").startswith("p ")]
    assert [node.findtext("title") for node in marks] == ["cut", "other", "best"]
    assert marks[0].get("class") == "p t1 stopped"
    assert marks[-1].get("class") == "p t0 champion"
    assert float(marks[-1].get("cx", "0")) < search.WIDTH


def test_rungs_are_drawn_where_the_trials_can_reach_them() -> None:
    drawn = learning_curves([_curve(9, champion=True)], "Loss", share=False, rungs=[3, 27])
    kinds = [node.get("class") for node in ElementTree.fromstring(drawn).iter()]
    assert kinds.count("rung") == 1


@pytest.mark.parametrize(("count", "side"), [(14, 34), (15, 20), (50, 14)])
def test_a_matrix_of_up_to_fifty_classes_has_its_counts_and_tells_the_percent(
    count: int, side: int
) -> None:
    names = [f"class {i}" for i in range(count)]
    drawn = confusion_matrix(names, {(names[0], names[1]): 1, (names[0], names[0]): 3}, "m")
    texts = [node.text for node in ElementTree.fromstring(drawn).iter("text")]
    assert f"s{side}" in drawn
    assert texts.count("3") >= 1
    assert "25%" in drawn if side == 34 else "class 0: 1 of 4 (25 %) predicted as class 1" in drawn
