"""Each class of the headlines: the shares of the predictions, on the page and in the files."""

from __future__ import annotations

import csv
import io
import json
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from reports.derived import tested, write_derived
from reports.derived.operating_points import operating_rows
from reports.diagnoses import diagnoses, wrong_images
from reports.exports.diagnoses import classes_csv, classes_latex, diagnosis_files, wrong_csv
from reports.page import render
from reports.run import Run, load_run
from reports.sections.diagnoses import diagnoses_of
from reports.statistics import wilson
from tests.reports.fake_run import FakeRun, write_fake_run

SMALL = FakeRun(
    policies=("pooled", "grouped"),
    backbones=("vgg16", "resnet50"),
    scenarios={"few": ["a", "b & <c>"], "many": ["a", "b & <c>", "d"]},
    trials=1,
    epochs=2,
    attributions=0,
    compare=None,
)


def _run(folder: Path, fake: FakeRun = SMALL, prevalence: dict[str, float] | None = None) -> Run:
    run = load_run(write_fake_run(folder, fake))
    info = run.info | {"prevalence": prevalence or {}, "operating_point": "Youden's index"}
    (folder / "results" / "run.json").write_text(json.dumps(info))
    write_derived(folder / "results")
    return load_run(folder)


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Run:
    return _run(tmp_path_factory.mktemp("run"), prevalence={"a": 0.02})


def _own(run: Run, one: object) -> pd.DataFrame:
    best = one.headline.best  # type: ignore[attr-defined]
    frame = run.tables["predictions"]
    for name in ("split_policy", "scenario", "backbone", "augmentation", "strategy"):
        frame = frame[frame[name] == best[name]]
    return frame


def test_the_shares_of_a_class_are_those_of_its_predictions(run: Run) -> None:
    for one in diagnoses(run):
        frame, classes = _own(run, one), run.classes(one.headline.scenario)
        logits = np.log(np.stack(frame["probabilities"].to_list()))
        scores = np.exp(logits / one.headline.best["temperature"])
        scores /= scores.sum(axis=1, keepdims=True)
        for point, lines in one.lines.items():
            assert [line.label for line in lines] == classes
            for number, line in enumerate(lines):
                positive = (frame["label"] == line.label).to_numpy()
                called = (frame["predicted"] == line.label).to_numpy()
                if point == "threshold":
                    assert line.threshold is not None
                    called = scores[:, number] >= line.threshold
                expected = {
                    "sensitivity": called[positive],
                    "specificity": ~called[~positive],
                    "ppv": positive[called],
                    "npv": ~positive[~called],
                }
                for name, hits in expected.items():
                    figure = line.figures[name]
                    if not len(hits):
                        assert (figure.value, figure.interval) == (None, None)
                        continue
                    assert figure.value == pytest.approx(hits.mean())
                    assert figure.interval is not None
                    assert figure.interval.low <= figure.value <= figure.interval.high


def test_where_every_image_is_a_group_the_interval_is_wilsons(run: Run) -> None:
    alone = run.tables["images"].assign(group="")
    tables = {name: frame for name, frame in run.tables.items() if name != "images"}
    tables |= {"images": alone}
    cells = tested.tested_cells(tables, run.info["scenarios"], run.policies)
    rows = operating_rows(cells, run.tables["thresholds"], {})
    own = [row for row in rows if not row["augmented"] and row["value"] is not None]
    assert {row["method"] for row in own} == {"Wilson"}
    for row in own:
        wanted = wilson(round(row["value"] * row["units"]), row["units"])
        assert (row["low"], row["high"]) == pytest.approx((wanted.low, wanted.high))


def test_copies_of_an_image_do_not_make_a_share_more_certain(run: Run) -> None:
    wide = 0
    for one in diagnoses(run):
        frame = _own(run, one)
        if frame["copy"].max() > 0:
            for line in one.lines["predicted"]:
                figure = line.figures["sensitivity"]
                rows = frame[frame["label"] == line.label]
                assert figure.groups <= rows["image_id"].nunique() < len(rows)
                wide += 1
    assert wide


def test_a_stated_prevalence_changes_predictive_values_by_bayes_rule(run: Run) -> None:
    one = next(iter(diagnoses(run)))
    line = one.lines["threshold"][0]
    sensitivity = line.figures["sensitivity"].value or 0.0
    false_alarms = 1 - (line.figures["specificity"].value or 0.0)
    often = 0.02 * sensitivity
    expected = often / (often + 0.98 * false_alarms)
    assert line.figures["ppv_at_prevalence"].value == pytest.approx(expected)
    assert "ppv_at_prevalence" not in one.lines["threshold"][1].figures


def test_all_wrong_images_and_no_other_are_listed_the_surest_first(run: Run) -> None:
    for one in diagnoses(run):
        frame, found = _own(run, one), wrong_images(run, one.headline)
        wrong = frame[frame["label"] != frame["predicted"]]
        assert sorted((i.label, i.predicted) for i in found) == sorted(
            zip(wrong["label"], wrong["predicted"], strict=True)
        )
        assert [i.confidence for i in found] == sorted((i.confidence for i in found), reverse=True)
        assert all(i.confidence >= i.of_label for i in found)
        rows = list(csv.DictReader(io.StringIO(wrong_csv(run, one))))
        assert [row["path"] for row in rows] == [i.path for i in found]


def test_the_files_have_the_numbers_of_the_table(run: Run) -> None:
    names = [name for name, _ in diagnosis_files(run)]
    assert len(set(names)) == len(names) == 3 * 2 * 2
    for one in diagnoses(run):
        rows = list(csv.DictReader(io.StringIO(classes_csv(one))))
        assert len(rows) == 2 * len(run.classes(one.headline.scenario))
        for row in rows:
            line = next(i for i in one.lines[row["point"]] if i.label == row["class"])
            value = line.figures["sensitivity"].value
            assert float(row["sensitivity"]) == pytest.approx(value, abs=1e-6)
            assert row["prevalence"] == ("0.020000" if row["class"] == "a" else "")
        text = classes_latex(one, "x")
        assert r"b \& \textless{}c\textgreater{}" in text
        assert text.count(r"\\") == 1 + len(run.classes(one.headline.scenario))


def test_the_page_shows_the_most_trusted_policys_headlines(run: Run) -> None:
    content = diagnoses_of(run)
    assert content is not None
    assert [entry.title for entry in content.entries] == [
        "scenario few, grouped split",
        "scenario many, grouped split",
    ]
    assert all("would narrow" in entry.needed for entry in content.entries)
    page = render(run)
    text = page[page.index('<section id="diagnoses">') :].partition("</section>")[0]
    assert "b &amp; &lt;c&gt;" in text
    assert "a 2 %" in text
    for entry in content.entries:
        assert f"All {entry.wrong_all} wrong of {entry.wrong_of} test rows" in text


def test_folds_are_averaged_and_their_intervals_say_what_they_cover(tmp_path: Path) -> None:
    fake = FakeRun(
        policies=("grouped",),
        backbones=("vgg16", "resnet50"),
        scenarios={"few": ["a", "b"]},
        trials=1,
        epochs=2,
        folds=3,
        attributions=0,
        compare=None,
    )
    (one,) = diagnoses(_run(tmp_path, fake))
    frames = [_own(run := load_run(tmp_path), one).query(f"fold == {fold}") for fold in (1, 2, 3)]
    shares = [(own["predicted"] == "a")[own["label"] == "a"].mean() for own in frames]
    figure = one.lines["predicted"][0].figures["sensitivity"]
    assert figure.value == pytest.approx(np.mean(shares))
    assert one.lines["threshold"][0].threshold is None  # each training has its own
    assert run.repeated == {"fold": [1, 2, 3]}
