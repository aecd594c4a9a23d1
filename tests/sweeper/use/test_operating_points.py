"""Operating points of a chosen network: validation's thresholds, measured on test rows."""

import numpy as np
import pandas as pd
import pytest

from reports.run import load_run_tables
from reports.statistics.temperature import at_temperature
from sweeper.store.store import Store
from sweeper.use.chosen import choose
from sweeper.use.finished import FinishedRun
from sweeper.use.operating_points import OperatingPoint, classes_reached

CELL = "grouped/mobilenet/all/none/transfer/seed0"


def test_the_test_numbers_are_those_of_the_predictions(finished_run: FinishedRun) -> None:
    chosen = choose(finished_run, Store(finished_run.config.store), CELL)
    tables = load_run_tables(finished_run.folder, ("predictions",)).tables
    rows = tables["predictions"]
    names = ("split_policy", "strategy", "seed", "augmentation")
    rows = rows[(rows[list(names)] == pd.Series({n: chosen.row[n] for n in names})).all(axis=1)]
    assert len(rows) == chosen.row["n_test"]
    assert [one.label for one in chosen.points] == chosen.classes
    known = [one for one in chosen.points if one.threshold is not None]
    assert known
    for point in known:
        number = chosen.classes.index(point.label)
        scaled = at_temperature(np.stack(rows["probabilities"].to_list()), chosen.temperature)
        called = scaled[:, number] >= point.threshold
        own = (rows["label"] == point.label).to_numpy()
        if own.any():
            assert point.test["sensitivity"].value == pytest.approx(called[own].mean())
        assert point.test["specificity"].value == pytest.approx(1 - called[~own].mean())


def test_an_image_may_be_of_several_classes_or_of_none() -> None:
    points = [
        OperatingPoint("a", "", 0.3, {}),
        OperatingPoint("b", "", 0.4, {}),
        OperatingPoint("c", "", None, {}),  # validation lacked a side of it
    ]
    assert classes_reached(points, {"a": 0.3, "b": 0.4, "c": 0.3}) == ["a", "b"]
    assert classes_reached(points, {"a": 0.2, "b": 0.1, "c": 0.7}) == []
