"""Who is in the data, and results of subgroups, from the tables of a run to the page."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from reports.page import build_page
from reports.run import Run, load_run
from reports.sections.population import population_of
from reports.sections.subgroups import subgroups_of
from reports.tables import read_tables, write_table
from tests.reports.fake_run import FakeRun, write_fake_run

FAKE = FakeRun(
    policies=("grouped",),
    backbones=("mobilenet",),
    augmented=(False,),
    strategies=("transfer",),
    scenarios={"3": FakeRun().scenarios["3"]},
    attributions=0,
    folds=3,
)


def with_metadata(folder: Path, harm: bool) -> Run:
    """A fake run; with `harm`, sex M are those that were predicted wrongly."""
    write_fake_run(folder, FAKE)
    tables = read_tables(folder / "results")
    rows = tables["predictions"]
    wrong = set(rows.loc[rows["label"] != rows["predicted"], "image_id"])
    tested = list(dict.fromkeys(tables["predictions"]["image_id"]))
    ids = [*tested, *sorted(set(tables["splits"]["image_id"]) - set(tested))]
    rng = np.random.default_rng(0)
    frames = []
    for column in ("sex", "site"):
        at = rng.integers(0, 2, len(ids))
        if column == "sex" and harm:
            at = np.where([one in wrong for one in ids], 1, 0)
        at[:30] = -1
        at[30:35] = 2
        names = np.array(["F", "M", "rare", ""])
        frames.append(
            pd.DataFrame(
                {
                    "image_id": ids,
                    "column": column,
                    "level": names[at],
                    "position": at,
                    "number": np.nan,
                    "binning": "",
                }
            )
        )
    write_table(folder / "results", "metadata", pd.concat(frames, ignore_index=True))
    build_page(folder)
    return load_run(folder)


@pytest.fixture(scope="module")
def harmed(tmp_path_factory: pytest.TempPathFactory) -> Run:
    return with_metadata(tmp_path_factory.mktemp("harmed"), harm=True)


def test_a_subgroup_has_the_accuracy_of_its_predictions_over_all_folds(harmed: Run) -> None:
    table = harmed.tables["subgroups"]
    own = table[(table["column"] == "site") & (table["metric"] == "accuracy")]
    metadata = harmed.tables["metadata"]
    site = metadata[metadata["column"] == "site"].set_index("image_id")["level"]
    rows = harmed.tables["predictions"]
    right = (rows["label"] == rows["predicted"]).groupby(rows["image_id"].map(site)).mean()
    for row in own.to_dict("records"):
        assert row["value"] == pytest.approx(right[row["level"] or ""])
        assert row["low"] <= row["value"] <= row["high"]
    assert own["rows"].sum() == len(rows)
    assert list(own["compared"]) == [True, True, False, False]  # F, M, rare, not known


def test_a_real_gap_is_significant_and_an_invented_one_is_not(harmed: Run) -> None:
    gaps = harmed.tables["gaps"].set_index(["column", "metric"])
    sex, site = gaps.loc[("sex", "accuracy")], gaps.loc[("site", "accuracy")]
    assert float(sex["gap"]) == pytest.approx(1.0, abs=0.05)
    assert float(sex["p"]) < 0.01
    assert float(sex["low"]) > 0
    assert float(site["p"]) > 0.05
    assert set(gaps["family"]) == {2}  # two columns with a pair each


def test_the_page_names_the_gap_and_small_subgroups(harmed: Run) -> None:
    found = subgroups_of(harmed)
    assert found is not None
    (entry,) = found.entries
    assert "sex F against M in accuracy" in entry.conclusion
    sex = next(table for table in entry.tables if table.column == "sex")
    assert [line.name for line in sex.lines] == ["F", "M", "rare", "not known"]
    assert sex.lines[2].note == "small: not compared"


def test_every_image_of_the_split_is_counted_once_in_its_part(harmed: Run) -> None:
    found = population_of(harmed)
    assert found is not None
    for column in found.columns:
        for part, size in enumerate(found.sizes):
            counts = [int(line.counts[part][0].replace("\u2009", "")) for line in column.lines]
            assert sum(counts) == int(size.replace("\u2009", ""))


def test_without_metadata_neither_section_is_there(tmp_path: Path) -> None:
    write_fake_run(tmp_path, FAKE)
    page = build_page(tmp_path).read_text(encoding="utf-8")
    assert 'id="population"' not in page
    assert 'id="subgroups"' not in page
