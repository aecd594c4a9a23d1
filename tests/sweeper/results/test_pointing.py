"""The pointing game: hits, and the region where a drawn break lies as the network sees it."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from sweeper.config.load import load_config
from sweeper.plan.collect import collect
from sweeper.plan.plan import Plan
from sweeper.results.pointing import MarkedRegions, points_into
from sweeper.store.store import Store


def test_the_strongest_positive_attribution_decides() -> None:
    mask = np.zeros((50, 50), bool)
    mask[10:20, 10:20] = True
    values = np.zeros((50, 50), np.float32)
    values[15, 15], values[40, 40] = 1.0, -5.0
    assert points_into(values.ravel(), mask)
    values[30:33, 30:33] = 0.5  # together stronger than one pixel
    assert not points_into(values, mask)


def test_a_drawn_image_has_a_region_and_an_altered_copy_has_none(tmp_path: Path) -> None:
    settings = [
        f"store={tmp_path}",
        "data.synthetic.images_per_class=3",
        "data.synthetic.near_duplicate_fraction=0.4",
    ]
    config = load_config("smoke", settings)
    store = Store(config.store)
    plan = Plan(config, collect(config.data, store), store)
    regions, side = MarkedRegions(plan), plan.image_sizes[0]
    found = {}
    for image_id, path in plan.collection.images[["image_id", "path"]].itertuples(index=False):
        values = np.zeros((side, side), np.float32)
        row = {"image_id": image_id, "map": values.ravel(), "converged": True}
        found[path] = regions.columns(row)
        found[path]["unshown"] = regions.columns({**row, "converged": False})["hit"]
    near = {path for path in found if "-near-" in path}
    assert len(near) == 10
    for path, columns in found.items():
        assert (columns["marked"] is None) == (columns["hit"] is None) == (path in near)
        assert columns["unshown"] is None
    shares = [columns["marked"] for path, columns in found.items() if path not in near]
    assert 0.02 < min(shares) < max(shares) < 0.6
