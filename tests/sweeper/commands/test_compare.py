"""`sweep.py compare`: what it prints, its exit code, and what it refuses."""

from __future__ import annotations

from pathlib import Path

import pytest

from sweeper.cli import main
from tests.reports.compare.runs import fake

Captured = pytest.CaptureFixture[str]


def test_a_comparison_is_printed_and_written(tmp_path: Path, capsys: Captured) -> None:
    fake(tmp_path / "a", config={"preprocess": {"contrast": "none"}})
    fake(tmp_path / "b", config={"preprocess": {"contrast": "clahe"}}, key="b", better=0.4)
    out = tmp_path / "out"
    assert main(["compare", str(tmp_path / "a"), str(tmp_path / "b"), "--out", str(out)]) == 0
    text = capsys.readouterr().out
    assert "A = a: 8 of 8 cells done" in text
    assert [line.split() for line in text.splitlines() if line.startswith("preprocess")] == [
        ["preprocess.contrast", "none", "clahe"]
    ]
    assert "B minus A, grouped split, 8 matched configurations: +" in text
    for name in ("compare.html", "results/differences.parquet", "results/settings.parquet"):
        assert (out / name).exists()


def test_runs_without_a_matching_cell_have_exit_code_1(tmp_path: Path, capsys: Captured) -> None:
    fake(tmp_path / "a", backbones=("resnet50",))
    fake(tmp_path / "b", backbones=("vgg16",), config={"search": {"draws": 9}})
    out = str(tmp_path / "out")
    assert main(["compare", str(tmp_path / "a"), str(tmp_path / "b"), "--out", out]) == 1
    assert "No finished cell of B has a counterpart in A" in capsys.readouterr().out


def test_repeats_alone_are_nothing_to_compare(tmp_path: Path, capsys: Captured) -> None:
    for seed, name in enumerate("ab"):
        fake(tmp_path / name, seeds=(seed,), config={"grid": {"seeds": [seed]}}, key=name)
    out = str(tmp_path / "out")
    assert main(["compare", str(tmp_path / "a"), str(tmp_path / "b"), "--out", out]) == 1
    assert "repeats of one configuration" in capsys.readouterr().out


def test_user_errors_are_one_line(tmp_path: Path, capsys: Captured) -> None:
    run = str(fake(tmp_path / "a").name and tmp_path / "a")
    (tmp_path / "old").mkdir()
    fake(tmp_path / "old")
    (tmp_path / "old" / "results" / "cells.parquet").write_bytes(b"no table")
    for arguments, complaint in (
        ([run], f"compare '{run}': expected two runs or more"),
        ([run, run], f"run '{run}': named twice; name each run once"),
        ([run, str(tmp_path / "no")], "no results/run.json of a run in it"),
        ([run, str(tmp_path / "old")], "its tables are damaged or of another version"),
        ([run, str(tmp_path / "old"), "--out", run], "contains a run or an audit"),
    ):
        assert main(["compare", *arguments]) == 2
        captured = capsys.readouterr()
        assert captured.err.startswith("error: ")
        assert captured.err.count("\n") == 1
        assert complaint in captured.err
        assert not captured.out
