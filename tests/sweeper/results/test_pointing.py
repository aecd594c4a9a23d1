"""The pointing game: hits, and the region where a drawn break lies as the network sees it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from datasets.errors import DataError
from sweeper.config.load import load_config
from sweeper.plan.collect import collect
from sweeper.plan.plan import Plan
from sweeper.results.pointing import MarkedRegions, peak_of
from sweeper.store.store import Store

KIND = {"method": "integrated_gradients", "baseline": "black", "backbone": "mobilenet"}


def _regions(store: Path) -> tuple[MarkedRegions, Plan]:
    settings = [
        f"store={store}",
        "data.synthetic.images_per_class=3",
        "data.synthetic.near_duplicate_fraction=0.4",
    ]
    config = load_config("smoke", settings)
    opened = Store(config.store)
    plan = Plan(config, collect(config.data, opened), opened)
    return MarkedRegions(plan), plan


def test_the_strongest_positive_attribution_decides() -> None:
    values = np.zeros((50, 50), np.float32)
    values[15, 15], values[40, 40] = 1.0, -5.0
    assert peak_of(values.ravel()) == 15 * 50 + 15
    values[30:33, 30:33] = 0.5  # together stronger than one pixel
    assert peak_of(values.ravel()) == 31 * 50 + 31


def test_maps_that_ignore_the_image_hit_as_often_as_those_of_other_images(tmp_path: Path) -> None:
    regions, plan = _regions(tmp_path)
    side, generator = plan.preprocessings[0].image_size, np.random.default_rng(0)
    paths = plan.collection.images[["image_id", "path"]].itertuples(index=False)
    ids = [image_id for image_id, path in paths if "-near-" not in path]
    centred: list[dict[str, Any]] = []
    following: list[dict[str, Any]] = []
    for image_id in ids:
        region = regions._mask(image_id, side, "mobilenet")
        assert region is not None
        inside = np.flatnonzero(region)
        for found, peak in (
            (centred, (side // 2 + generator.integers(-6, 7)) * side + side // 2),
            (following, inside[len(inside) // 2]),
        ):
            values = np.zeros(side * side, np.float32)
            values[peak] = 1
            found.append({"image_id": image_id, "map": values, "converged": True, **KIND})

    def rates(rows: list[dict[str, Any]]) -> tuple[float, float]:
        columns = list(regions.with_columns(rows))
        assert {row["image_id"] for row in columns} == set(ids)
        hits = float(np.mean([row["hit"] for row in columns]))
        return hits, float(np.mean([row["hit_by_others"] for row in columns]))

    hits, by_others = rates(centred)
    assert hits == pytest.approx(by_others, abs=0.1)
    hits, by_others = rates(following)
    assert hits > 0.9
    assert hits > by_others + 0.2


def test_the_order_of_the_rows_is_kept_and_only_maps_of_one_kind_are_compared(
    tmp_path: Path,
) -> None:
    regions, plan = _regions(tmp_path)
    side = plan.preprocessings[0].image_size
    paths = plan.collection.images[["image_id", "path"]].itertuples(index=False)
    first, second, *_ = (image_id for image_id, path in paths if "-near-" not in path)
    region = regions._mask(first, side, "mobilenet")
    assert region is not None
    inside, outside = np.flatnonzero(region)[0], np.flatnonzero(~region)[0]
    maps = np.eye(side * side, dtype=np.float32)[[inside, outside]]
    kinds = [("occlusion", "blurred"), ("grad_cam", ""), ("occlusion", "black")]
    rows = [
        {"image_id": image_id, "map": values, "converged": True, "method": kind[0]}
        | {"baseline": kind[1], "backbone": "mobilenet"}
        for kind in kinds
        for image_id, values in ((first, maps[0]), (second, maps[int(kind == kinds[1])]))
    ]
    found = list(regions.with_columns(rows))
    assert [(row["method"], row["baseline"]) for row in found[::2]] == kinds
    by_others = [row["hit_by_others"] for row in found if row["image_id"] == first]
    assert by_others == [1.0, 0.0, 1.0]


def test_a_drawn_image_has_a_region_and_an_altered_copy_has_none(tmp_path: Path) -> None:
    regions, plan = _regions(tmp_path)
    side = plan.preprocessings[0].image_size
    found = {}
    for image_id, path in plan.collection.images[["image_id", "path"]].itertuples(index=False):
        values = np.zeros((side, side), np.float32)
        row = {
            "image_id": image_id,
            "map": values.ravel(),
            "converged": True,
            **KIND,
        }
        (found[path],) = regions.with_columns([row])
        (unshown,) = regions.with_columns([{**row, "converged": False}])
        found[path]["unshown"] = unshown["hit"]
    near = {path for path in found if "-near-" in path}
    assert len(near) == 10
    for path, columns in found.items():
        assert (columns["marked"] is None) == (columns["hit"] is None) == (path in near)
        assert columns["unshown"] is None
    shares = [columns["marked"] for path, columns in found.items() if path not in near]
    assert 0.02 < min(shares) < max(shares) < 0.6


def test_boxes_of_the_user_take_the_place_of_the_drawn_breaks(tmp_path: Path) -> None:
    _, plan = _regions(tmp_path)
    images = plan.collection.images
    one = images.iloc[0]
    boxes = tmp_path / "boxes.csv"
    half = f"{one['path']},0,0,{one['width'] // 2},{one['height']}"
    boxes.write_text(f"path,x,y,width,height\n{half}\n")
    settings = [f"store={tmp_path}", f"explain.masks={boxes}"]
    settings += [f"data.synthetic.{name}" for name in ("images_per_class=3",)]
    settings += ["data.synthetic.near_duplicate_fraction=0.4"]
    config = load_config("smoke", settings)
    marked = MarkedRegions(Plan(config, plan.collection, plan.store))
    mask = marked._mask(one["image_id"], 64, "mobilenet")
    assert mask is not None
    assert mask[:, :31].all()
    assert not mask[:, 33:].any()
    assert marked._mask(images.iloc[1]["image_id"], 64, "mobilenet") is None
    with pytest.raises(DataError, match=r"explain.masks='gone': no such folder"):
        Plan(load_config("smoke", [*settings, "explain.masks=gone"]), plan.collection, plan.store)
