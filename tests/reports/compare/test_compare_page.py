"""The page of a comparison can be read on a phone and by ear, and shows what the tables say."""

from __future__ import annotations

import re
from pathlib import Path

import pandas as pd
import pytest

from reports.wording import MINUS
from sweeper.cli import main
from tests.reports.axe import LOOKS, needs_axe, violations
from tests.reports.browser import Browser
from tests.reports.compare.runs import fake

Captured = pytest.CaptureFixture[str]


@pytest.fixture(scope="module")
def out(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Three runs: B is better on the same images, C has others."""
    folder = tmp_path_factory.mktemp("compared")
    fake(folder / "first", config={"preprocess": {"contrast": "none"}})
    fake(folder / "second", config={"preprocess": {"contrast": "clahe"}}, better=0.4, key="b")
    fake(folder / "third", images=lambda one: f"f{one[1:]}", key="c")
    runs = [str(folder / name) for name in ("first", "second", "third")]
    assert main(["compare", *runs, "--out", str(folder / "out")]) == 0
    return folder / "out"


def test_the_page_shows_every_difference_of_the_table(out: Path, browser: Browser) -> None:
    table = pd.read_parquet(out / "results" / "differences.parquet")
    browser.open(out / "compare.html")
    shown = browser.evaluate(
        "[...document.querySelectorAll('#matched table:last-of-type tbody tr:not(.axis)')]"
        ".map((row) => row.cells[1].firstChild.textContent)"
    )
    expected = [f"{100 * value:+.1f}" for value in table["difference"]]
    kinds = table["kind"].isin(["overall", "configuration"])
    wanted = [text for text, is_shown in zip(expected, kinds, strict=True) if is_shown]
    assert [text.replace(MINUS, "-") for text in shown] == [
        "0.0" if float(text) == 0 else text for text in wanted
    ]
    assert not browser.console


@pytest.mark.parametrize(("width", "dark"), LOOKS)
@needs_axe
def test_axe_finds_nothing(out: Path, browser: Browser, width: int, dark: bool) -> None:
    browser.open(out / "compare.html", width=width, dark=dark)
    assert violations(browser) == []
    assert browser.evaluate("document.documentElement.scrollWidth") == width


def test_the_page_needs_no_network(out: Path) -> None:
    page = (out / "compare.html").read_text(encoding="utf-8")
    assert not re.search(r"(?:src|href)=[\"']?(?:https?:)?//", page)
    assert "url(" not in page
