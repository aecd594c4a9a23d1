"""A checklist has the items of its publication, each answered by the run or left as a blank."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from reports.checklists.checklists import checklist, names
from reports.checklists.fillers import FILLERS
from reports.checklists.sheet import BLANK, fill, write_sheet
from reports.derived import write_derived
from reports.figures.flow import draw_flow
from reports.image_flow import flow_of
from reports.page import render
from reports.run import load_run
from sweeper.cli import main
from tests.reports.axe import LOOKS, needs_axe, violations
from tests.reports.browser import Browser
from tests.reports.fake_run import FakeRun, write_fake_run

ITEMS = {"claim": (44, 44), "tripod-ai": (52, 27), "stard-ai": (48, 40), "reforms": (32, 8)}
"""Rows and items of the publications; REFORMS counts its rows and has eight modules."""
RUN = FakeRun(policies=("grouped",), backbones=("resnet50",), trials=1, epochs=2, attributions=0)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    run = write_fake_run(tmp_path_factory.mktemp("run"), RUN)
    write_derived(run / "results")
    return run


def test_the_checklists_are_those_that_are_tested() -> None:
    assert names() == sorted(ITEMS)


@pytest.mark.parametrize("name", ITEMS)
def test_a_checklist_has_the_numbers_of_its_publication_in_order(name: str) -> None:
    numbers = [item.number for item in checklist(name).items]
    whole = list(dict.fromkeys(int(re.sub("[a-z]", "", one)) for one in numbers))
    assert (len(numbers), len(whole)) == ITEMS[name]
    assert whole == list(range(1, len(whole) + 1))
    assert len(set(numbers)) == len(numbers)


@pytest.mark.parametrize("name", ITEMS)
def test_every_item_is_filled_in_by_the_run_or_marked(folder: Path, name: str) -> None:
    sheet = fill(load_run(folder), name)
    assert all(answer.facts or answer.todo for answer in sheet.answers)
    assert all(FILLERS[one] for item in checklist(name).items for one in item.fill)


def test_every_filler_answers_some_item() -> None:
    used = {one for name in ITEMS for item in checklist(name).items for one in item.fill}
    assert used == set(FILLERS)


def test_an_item_that_a_run_cannot_answer_becomes_a_blank(folder: Path) -> None:
    answers = {answer.item.number: answer for answer in fill(load_run(folder), "claim").answers}
    assert not answers["9"].facts, "the fake run has no preprocessing"
    assert answers["9"].todo == answers["9"].item.ask
    assert answers["44"].todo


@pytest.mark.parametrize("name", ITEMS)
def test_page_and_text_hold_every_item(folder: Path, name: str, tmp_path: Path) -> None:
    sheet = fill(load_run(folder), name)
    page, text = (path.read_text(encoding="utf-8") for path in write_sheet(sheet, tmp_path))
    for answer in sheet.answers:
        assert f"**{answer.item.number}. {answer.item.ask}**" in text
    assert text.count(f"- [ ] {BLANK}: ") == page.count('class="todo"')
    assert page.count('class="number"') == len(sheet.answers)


def test_the_flow_adds_up(folder: Path) -> None:
    run = load_run(folder)
    for scenario in run.scenarios:
        flow = flow_of(run, "grouped", scenario)
        assert flow.found == flow.excluded + flow.used + flow.other_classes
        images = run.tables["images"]
        own = images[(images["problem"] == "") & images["class"].isin(run.classes(scenario))]
        assert (flow.used, flow.groups) == (len(own), own["group"].nunique())
        drawn = draw_flow(flow)
        assert all(f">{count}<" in drawn for _, count in flow.parts)


def test_the_report_shows_the_flow(folder: Path) -> None:
    assert '<svg class="flow"' in render(load_run(folder))


@pytest.mark.parametrize(("width", "dark"), LOOKS)
@needs_axe
def test_axe_finds_nothing(
    folder: Path, tmp_path: Path, browser: Browser, width: int, dark: bool
) -> None:
    page, _ = write_sheet(fill(load_run(folder), "claim"), tmp_path)
    browser.open(page, width=width, dark=dark)
    assert violations(browser) == []
    assert browser.evaluate("document.documentElement.scrollWidth") == width


def test_the_command_writes_the_sheets_it_is_asked_for(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["report", str(folder), "--checklist", "claim", "reforms"]) == 0
    out = capsys.readouterr().out
    for name in ("claim", "reforms"):
        assert str(folder / "report" / f"{name}.html") in out
        assert (folder / "report" / f"{name}.md").exists()


def test_wrong_input_of_the_command_is_one_line(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["report", str(tmp_path), "--checklist", "claim"]) == 2
    assert "no results/run.json of a run in it" in capsys.readouterr().err
    with pytest.raises(SystemExit) as stopped:
        main(["report", str(tmp_path), "--checklist", "consort"])
    assert stopped.value.code == 2
    assert "choose from claim" in capsys.readouterr().err.replace("'", "")
