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

from reports.figures.attribution import SIDE, heat, picture
from reports.figures.confusion import confusion_matrix
from reports.figures.curves import HEIGHT, WIDTH, Curve, learning_curves
from reports.figures.strip import Mark, strip
from reports.figures.svg import Scale, element, round_ticks
from reports.statistics import Interval


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
    values = np.zeros((64, 64), dtype=np.float16)
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
    noise = np.random.default_rng(0).normal(size=height * width).astype(np.float16)
    drawn = heat(noise, height, width)
    assert max(_decoded(drawn).size) <= SIDE
    assert len(drawn) < 25_000
    buffer = io.BytesIO()
    Image.new("RGB", (width, height), "grey").save(buffer, "WEBP")
    assert max(_decoded(picture(buffer.getvalue())).size) <= SIDE


def test_a_map_of_nothing_is_clear_and_not_an_error() -> None:
    flat = np.full(16, np.nan, dtype=np.float16)
    assert np.asarray(_decoded(heat(flat, 4, 4)).convert("RGBA"))[..., 3].max() == 0
