"""The paper's tables: the numbers of the run, in CSV that is read back and LaTeX that compiles."""

from __future__ import annotations

import csv
import io
import re
import shutil
import subprocess
from pathlib import Path

import pandas as pd
import pytest

from reports.exports.latex import escape, latex_table
from reports.exports.metrics import EXPORTED, PaperTable, cells_csv, paper_tables, table_csv
from reports.exports.names import FileNames
from reports.independent_images import independent_images
from reports.run import Run, load_run
from reports.statistics import share_interval
from reports.tables import CELL, SCHEMAS
from tests.reports.fake_run import FakeRun, write_fake_run

SHOWN = [metric.name for metric in EXPORTED]

LATEX = shutil.which("pdflatex")
DOCUMENT = r"""\documentclass{article}
\usepackage[utf8]{inputenc}
\usepackage{booktabs}
\begin{document}
%s
\end{document}
"""


def _run(folder: Path, fake: FakeRun) -> Run:
    return load_run(write_fake_run(folder, fake))


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Run:
    fake = FakeRun(policies=("pooled", "grouped"), failed=1, missing=1, trials=2, epochs=3)
    return _run(tmp_path_factory.mktemp("run"), fake)


def _with_intervals(run: Run) -> Run:
    """The same with a table of intervals, a tenth to either side of each metric."""
    rows = [
        {**{name: row[name] for name in CELL}, "label": "", "metric": metric}
        | {"low": row[metric] - 0.1, "high": row[metric] + 0.1}
        for row in run.done
        for metric in SHOWN
    ]
    return Run(run.info, run.tables | {"intervals": pd.DataFrame(rows)})


def test_there_is_one_table_for_each_policy_scenario_and_strategy(run: Run) -> None:
    tables = list(paper_tables(run))
    assert len({table.name for table in tables}) == len(tables) == 2 * 3 * 2
    assert tables[0].name == "grouped-1-transfer"
    assert all(len(table.lines) == 5 * 2 for table in tables)


def test_the_csv_has_the_cells_numbers(run: Run) -> None:
    cells = run.tables["cells"]
    for table in paper_tables(run):
        for row in csv.DictReader(io.StringIO(table_csv(table))):
            own = cells[
                (cells["split_policy"] == table.policy)
                & (cells["scenario"] == table.scenario)
                & (cells["strategy"] == table.strategy)
                & (cells["backbone"] == row["backbone"])
                & (cells["augmentation"] == row["augmentation"])
            ].iloc[0]
            assert row["state"] == own["state"]
            for metric in SHOWN:
                if own["state"] == "done":
                    assert float(row[metric]) == pytest.approx(own[metric], abs=1e-6)
                else:
                    assert row[metric] == ""


def test_a_cell_without_a_result_keeps_its_row(run: Run) -> None:
    states = [line.state for table in paper_tables(run) for line in table.lines]
    assert (states.count("failed"), states.count("missing")) == (1, 1)
    text = "".join(latex_table(table) for table in paper_tables(run))
    assert rf"\multicolumn{{{len(SHOWN)}}}{{c}}{{failed}}" in text
    assert rf"\multicolumn{{{len(SHOWN)}}}{{c}}{{missing}}" in text


def test_accuracy_without_a_recorded_interval_has_that_of_its_independent_images(run: Run) -> None:
    """And not of copies."""
    bare = Run(run.info, run.tables | {"intervals": run.tables["intervals"].iloc[:0]})
    pictures = independent_images(bare)
    for table in paper_tables(bare):
        for line in table.lines:
            if line.state == "done":
                n = pictures[table.policy, table.scenario, line.augmentation]
                value = line.values["accuracy"]
                assert line.pictures == n
                assert value.interval == share_interval(value.value, n)


def test_intervals_of_the_run_go_before_our_own_and_cover_every_metric(run: Run) -> None:
    for table in paper_tables(_with_intervals(run)):
        for line in table.lines:
            for value in line.values.values():
                assert value.interval
                assert value.interval.low == pytest.approx(value.value - 0.1)


def test_seeds_are_averaged_in_one_row(tmp_path: Path) -> None:
    run = _run(tmp_path, FakeRun(backbones=("resnet50",), seeds=(0, 1, 2), trials=1, epochs=2))
    table = next(iter(paper_tables(run)))
    assert [line.repeats for line in table.lines] == ["3 seeds", "3 seeds"]
    cells = run.tables["cells"]
    own = cells[(cells["scenario"] == "1") & (cells["strategy"] == "transfer")]
    plain = own[~own["augmented"].astype(bool)]
    assert table.lines[0].values["f1"].value == pytest.approx(plain["f1"].mean())


def test_all_cells_are_in_one_csv_a_line_each(run: Run) -> None:
    text = cells_csv(run)
    rows = list(csv.DictReader(io.StringIO(text)))
    assert len(rows) == len(run.cells) == len(text.splitlines()) - 1
    assert list(rows[0]) == SCHEMAS["cells"].names
    assert {row["n_test"] for row in rows if row["state"] == "done"} <= {
        str(int(n)) for n in run.tables["cells"]["n_test"].dropna()
    }


@pytest.mark.parametrize(
    ("text", "set_as"),
    [
        ("50 % & more_", r"50 \% \& more\_"),
        ("a\\b{c}", r"a\textbackslash{}b\{c\}"),
        ("x^2 ~ $y#", r"x\textasciicircum{}2 \textasciitilde{} \$y\#"),
        ("49\u201372", "49--72"),
        ("two\nlines", "two lines"),
    ],
)
def test_special_characters_are_escaped(text: str, set_as: str) -> None:
    assert escape(text) == set_as


def _hostile(folder: Path) -> list[PaperTable]:
    run = _run(
        folder,
        FakeRun(
            backbones=("net_50%", "a&b\\c{d}~^$#", '<"quoted">'),
            scenarios={"50% & more_": ["a", "b"]},
            compare=None,
            trials=1,
            epochs=2,
        ),
    )
    return list(paper_tables(_with_intervals(run)))


def test_a_latex_table_has_as_many_cells_in_every_row(tmp_path: Path) -> None:
    for table in _hostile(tmp_path):
        lines = latex_table(table).splitlines()
        rows = [line for line in lines if line.endswith(r"\\")]
        assert len(rows) == 1 + len(table.lines)
        assert {len(re.findall(r"(?<!\\)&", row)) for row in rows} == {1 + len(SHOWN)}
        assert [line.strip() for line in lines if "rule" in line] == [
            r"\toprule",
            r"\midrule",
            r"\bottomrule",
        ]


@pytest.mark.skipif(LATEX is None, reason="no pdflatex here")
def test_latex_compiles_and_fits_the_page_whatever_the_names(tmp_path: Path, run: Run) -> None:
    tables = [*_hostile(tmp_path), next(iter(paper_tables(_with_intervals(run))))]
    (tmp_path / "d.tex").write_text(DOCUMENT % "".join(map(latex_table, tables)), encoding="utf-8")
    done = subprocess.run(
        [str(LATEX), "-interaction=nonstopmode", "-halt-on-error", "d.tex"],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert done.returncode == 0, done.stdout[-800:]
    assert "Overfull" not in done.stdout


def test_file_names_are_safe_and_given_once() -> None:
    names = FileNames()
    assert names.make("grouped", "Hand & wrist", "transfer") == "grouped-hand-wrist-transfer"
    assert names.make("grouped", "hand/wrist", "transfer") == "grouped-hand-wrist-transfer-2"
    assert names.make("../..", "中") == "unnamed"
    assert len(names.make("x" * 300)) <= 100


def test_a_table_says_what_its_intervals_cover(run: Run) -> None:
    for table in paper_tables(run):
        rows = list(csv.DictReader(io.StringIO(table_csv(table))))
        assert {row["covers"] for row in rows if row["accuracy"]} <= {"images"}
        assert "intervals (choice of test images, for these trained networks)" in latex_table(table)
