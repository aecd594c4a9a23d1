"""`docs/reference/tables.md` and the tables agree, column by column, and documented code runs."""

from __future__ import annotations

import ast
import os
import re
from pathlib import Path

import duckdb
import pandas as pd
import pyarrow as pa
import pytest

from datasets.splitting.leaks import KINDS
from reports.derived import write_derived
from reports.metrics import METRICS
from reports.tables import AUDIT_SCHEMAS, CELL, COMPARISON_SCHEMAS, OPEN, SCHEMAS
from tests.reports.fake_run import FakeRun, write_fake_run
from trainables.hyperparameters import HYPERPARAMETERS
from trainables.recipes import RECIPES

DOCS = Path(__file__).parents[2] / "docs"
PAGE = (DOCS / "reference" / "tables.md").read_text(encoding="utf-8")
NOTEBOOK = (DOCS / "how-to" / "notebooks.md").read_text(encoding="utf-8")
HEAD = ["column", "type", "unit", "meaning", "null"]
QUERIES = re.findall(r"```sql\n(.*?)```", PAGE, re.S)
SNIPPETS = re.findall(r"```python\n(.*?)```", NOTEBOOK, re.S)

Columns = list[tuple[str, str]]


_TYPES = {float: "double", int: "int64", str: "string"}


def _rows(text: str) -> list[list[str]]:
    lines = [line for line in text.splitlines() if line.startswith("|")]
    return [[part.strip() for part in line.strip("|").split("|")] for line in lines]


def _documented() -> dict[str, Columns]:
    """Column names and types of each table on the page; *the cell* stands for its columns."""
    cell = _columns(PAGE.split("## The cell\n")[1].split("\n## ")[0], [])
    sections = re.split(r"^### ", PAGE, flags=re.M)[1:]
    return {text.split("\n")[0].strip(): _columns(text, cell) for text in sections}


def _columns(section: str, cell: Columns) -> Columns:
    head, rule, *rows = _rows(section)
    assert head == HEAD
    assert set("".join(rule)) == {"-"}
    found: Columns = []
    for name, kind, _, meaning, null in rows:
        if name == "*the cell*":
            found += cell
            continue
        assert null, f"{name}: when is it null?"
        assert meaning or name in ("epoch", "epoch_s", "scenario", "seed", "augmented", "height")
        found.append((name, kind))
    return found


def _of(schema: pa.Schema) -> Columns:
    return [(field.name, str(field.type).replace("item: ", "")) for field in schema]


def test_every_table_and_column_is_documented_with_its_type_in_order() -> None:
    documented, tables = _documented(), SCHEMAS | AUDIT_SCHEMAS | COMPARISON_SCHEMAS
    assert sorted(documented) == sorted(tables)
    for name, schema in tables.items():
        assert documented[name] == [*_of(schema), *_further(name)], name


def _further(name: str) -> Columns:
    """The columns of an open table behind those of its schema."""
    if name == "leaks":
        return [(kind, "int64") for kind in KINDS]
    if name in OPEN:
        space = RECIPES["paper"].space
        values = {name: one.column(space[name][0]) for name, one in HYPERPARAMETERS.items()}
        return [(name, _TYPES[type(value)]) for name, value in values.items()]
    return []


def test_the_cells_own_columns_are_documented() -> None:
    cell = _columns(PAGE.split("## The cell\n")[1].split("\n## ")[0], [])
    assert [name for name, _ in cell] == list(CELL)


def test_every_metric_is_documented_with_its_unit_and_its_own_meaning() -> None:
    cells = PAGE.split("### cells\n")[1].split("\n### ")[0]
    found = {row[0]: (row[2], row[3]) for row in _rows(cells)}
    for metric in METRICS:
        assert found[metric.name] == (metric.unit, metric.meaning)


def test_columns_that_are_never_null_are_not_null_in_a_run(tmp_path: Path) -> None:
    """Of a run with a failed and a missing cell, as far as the page says `never`."""
    run = write_fake_run(tmp_path, FakeRun(failed=1, missing=1, trials=2, epochs=4))
    names = {name for name in SCHEMAS if (run / "results" / f"{name}.parquet").exists()}
    assert {"cells", "trials", "curves", "splits"} <= names
    for name in ("curves", "predictions", "confusion", "images", "splits", "leaks"):
        frame = pd.read_parquet(run / "results" / f"{name}.parquet")
        for row in _rows(PAGE.split(f"### {name}\n")[1].split("\n## ")[0].split("\n### ")[0])[2:]:
            if row[4] == "never":
                assert frame[row[0]].notna().all(), f"{name}.{row[0]}"


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    fake = FakeRun(policies=("pooled", "grouped"), failed=1, trials=1, epochs=2, attributions=1)
    run = write_fake_run(tmp_path_factory.mktemp("run"), fake)
    write_derived(run / "results")
    return run


@pytest.fixture
def run(folder: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(folder)  # the queries name results/ as a reader in the run's folder would
    return folder


def test_there_are_queries_to_try() -> None:
    assert len(QUERIES) == 3


@pytest.mark.parametrize("query", QUERIES)
def test_a_query_of_the_page_finds_rows(run: Path, query: str) -> None:
    assert os.path.samefile(run, ".")
    found = duckdb.sql(query).df()
    assert len(found)
    assert found.notna().all(axis=None)


def test_the_snippets_for_notebooks_find_rows(run: Path) -> None:
    names: dict[str, object] = {}
    code = [text.replace("runs/demo/results", "results") for text in SNIPPETS]
    assert len(code) == 5
    for text in code:
        *statements, last = ast.parse(text).body
        exec(compile(ast.Module(statements, []), "notebooks.md", "exec"), names)
        assert isinstance(last, ast.Expr)
        found = eval(compile(ast.Expression(last.value), "notebooks.md", "eval"), names)
        assert len(found), text


def test_the_leak_by_query_is_the_leak_by_pandas(run: Path) -> None:
    cells = pd.read_parquet(run / "results" / "cells.parquet")
    wide = cells.pivot_table(
        index=["backbone", "scenario", "augmented", "strategy"],
        columns="split_policy",
        values="accuracy",
    ).dropna()
    expected = (wide["pooled"] - wide["grouped"]).groupby(level="augmented").mean()
    found = duckdb.sql(QUERIES[2]).df().set_index("augmented")["leak"].dropna()
    assert found.to_dict() == pytest.approx(expected.to_dict())


@pytest.mark.parametrize("name", list(SCHEMAS))
def test_pandas_and_duckdb_read_every_table(run: Path, name: str) -> None:
    path = run / "results" / f"{name}.parquet"
    frame = pd.read_parquet(path)
    relation = duckdb.sql(f"SELECT * FROM '{path}'")
    further = [column for column, _ in _further(name)]
    assert relation is not None
    assert list(frame.columns) == relation.columns == [*SCHEMAS[name].names, *further]
    assert len(frame) == len(relation)
