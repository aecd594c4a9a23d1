"""Subgroup results travel with a network where the run has them."""

import pandas as pd

from reports.axes import TRAININGS
from reports.tables import CELL
from sweeper.use.evidence import subgroups_of
from sweeper.use.model_card import _subgroups

CELL_ROW = {name: "x" for name in CELL} | {name: 0 for name in TRAININGS}
RESULT = {"metric": "accuracy", "low": 0.5, "high": 0.9, "method": "", "units": 30, "rows": 40}


def row(column: str, level: str | None, value: float, **other: object) -> dict[str, object]:
    known = {"column": column, "level": level, "value": value, "images": 40, "compared": True}
    return {**CELL_ROW, **dict.fromkeys(TRAININGS), **RESULT, **known, **other}


def test_the_subgroups_are_those_of_all_trainings_of_the_configuration() -> None:
    table = pd.DataFrame([row("sex", "F", 0.8), row("sex", "M", 0.7, backbone="another")])
    (found,) = subgroups_of(table, CELL_ROW)
    assert (found["column"], found["level"], found["value"]) == ("sex", "F", 0.8)
    assert subgroups_of(table.iloc[:0], CELL_ROW) == []


def test_the_card_lists_them_and_marks_small_ones() -> None:
    table = pd.DataFrame([row("site", "A|B", 0.81), row("site", None, 0.6, compared=False)])
    text = _subgroups(subgroups_of(table, CELL_ROW))
    assert "| site | A\\|B | 40 | 81 % (95 % interval 50 to 90) |" in text
    assert "| site | unknown * | 40 | 60 %" in text
    assert _subgroups([]) == ""
