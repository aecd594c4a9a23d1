"""The files beside the page: all there, the same to the byte, none left from before."""

from __future__ import annotations

from pathlib import Path

import pytest

from reports.exports.files import write_exports
from reports.page import build_page
from tests.reports.fake_run import FakeRun, write_fake_run

SMALL = FakeRun(
    policies=("pooled", "grouped"),
    backbones=("resnet50",),
    scenarios={"bones": ["a", "b"]},
    trials=1,
    epochs=3,
    compare=None,
)


def _exported(folder: Path) -> list[Path]:
    """As at the end of a run: the page first."""
    build_page(write_fake_run(folder, SMALL))
    return write_exports(folder)


def test_the_same_tables_give_the_same_bytes(tmp_path: Path) -> None:
    first = {p.name: p.read_bytes() for p in _exported(tmp_path / "a")}
    again = {p.name: p.read_bytes() for p in _exported(tmp_path / "b")}
    assert first == again
    assert {name.rpartition(".")[2] for name in first} == {"csv", "tex", "svg", "png"}


def test_every_svg_has_its_png_and_every_table_both_forms(tmp_path: Path) -> None:
    paths = _exported(tmp_path)
    stems = {suffix: {p.stem for p in paths if p.suffix == suffix} for suffix in (".svg", ".png")}
    assert stems[".svg"] == stems[".png"] != set()
    tables = {suffix: {p.stem for p in paths if p.suffix == suffix} for suffix in (".csv", ".tex")}
    assert tables[".csv"] - tables[".tex"] == {
        "cells",
        "wrong-pooled-bones",
        "wrong-grouped-bones",
    }
    assert all(p.parent.parent == tmp_path / "report" for p in paths)


def test_files_of_an_earlier_report_go_and_other_files_stay(tmp_path: Path) -> None:
    folder = write_fake_run(tmp_path, SMALL)
    figures = tmp_path / "report" / "figures"
    figures.mkdir(parents=True)
    (figures / "grid-stratified.svg").write_text("<svg/>", encoding="utf-8")
    (figures / "notes.txt").write_text("mine", encoding="utf-8")
    written = {path.name for path in write_exports(folder) if path.parent == figures}
    assert {path.name for path in figures.iterdir()} == written | {"notes.txt"}


def test_a_folder_without_a_run_is_refused(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError, match=r"run\.json"):
        write_exports(tmp_path)
