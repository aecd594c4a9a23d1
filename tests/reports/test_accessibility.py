"""The page can be used by keyboard and by ear, in light and dark, on a phone: axe-core's rules."""

from __future__ import annotations

from pathlib import Path

import pytest

from reports.page import build_page
from tests.reports.axe import LOOKS, needs_axe, violations
from tests.reports.browser import Browser
from tests.reports.fake_run import FakeRun, write_fake_run

pytestmark = needs_axe

EVERYTHING = FakeRun(
    policies=("pooled", "grouped"),
    backbones=("resnet50",),
    scenarios={"1": ["Avulsion <b>fracture</b>", "Spiral"]},
    failed=1,
    missing=1,
    trials=2,
    epochs=5,
    random_weights=True,
    interrupted=True,
)
OPEN = "document.querySelectorAll('details').forEach((one) => { one.open = true; })"
COMPARE = """(() => {
  [...document.querySelectorAll(".listing input")].slice(0, 2).forEach((box) => box.click());
  document.getElementById("compare-chosen").click();
})()"""


@pytest.fixture(scope="module")
def page(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return build_page(write_fake_run(tmp_path_factory.mktemp("all"), EVERYTHING))


@pytest.mark.parametrize(("width", "dark"), LOOKS)
def test_axe_finds_nothing_with_everything_open(
    page: Path, browser: Browser, width: int, dark: bool
) -> None:
    browser.open(page, width=width, dark=dark)
    browser.evaluate(OPEN)
    browser.evaluate(COMPARE)
    assert violations(browser) == []


def test_axe_would_find_a_picture_without_words_and_pale_text(page: Path, browser: Browser) -> None:
    browser.open(page)
    browser.evaluate(
        "document.querySelector('main').insertAdjacentHTML('afterbegin', "
        '\'<img src="data:,"><p style="color:#ccc;background:#fff">hardly to be read</p>\')'
    )
    found = {one.partition(":")[0] for one in violations(browser)}
    assert found == {"image-alt", "color-contrast"}


@pytest.mark.parametrize("width", [390, 1280])
def test_nothing_is_wider_than_the_window(page: Path, browser: Browser, width: int) -> None:
    browser.open(page, width=width)
    browser.evaluate(OPEN)
    assert browser.evaluate("document.documentElement.scrollWidth") == width


def test_everything_that_acts_is_reached_by_the_tab_key(page: Path, browser: Browser) -> None:
    browser.open(page)
    unreachable = browser.evaluate(
        "[...document.querySelectorAll('a, button, select, input, summary')]"
        ".filter((one) => one.tabIndex < 0).map((one) => one.outerHTML)"
    )
    assert unreachable == []
