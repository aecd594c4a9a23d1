"""The page in a real browser: what its script adds, and that it is whole without."""

from __future__ import annotations

from pathlib import Path

import pytest

from reports.page import build_page
from tests.reports.browser import Browser
from tests.reports.fake_run import FakeRun, write_fake_run

TEXTS = "[...document.querySelectorAll({!r})].map((one) => one.textContent.trim())"
SHOWN = (
    "[...document.querySelectorAll('.listing tbody tr')].filter((row) => !row.hidden)"
    ".map((row) => row.dataset.cell)"
)
FAKE = FakeRun(failed=1, missing=1, trials=2, epochs=8)


@pytest.fixture(scope="module")
def sixty(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return build_page(write_fake_run(tmp_path_factory.mktemp("sixty"), FAKE))


def _choose(browser: Browser, factor: str, value: str) -> None:
    browser.evaluate(
        f"""(() => {{
          const label = [...document.querySelectorAll("#factors label")]
            .find((one) => one.textContent.trim().startsWith({factor!r}));
          const select = label.querySelector("select");
          select.value = [...select.options].find((one) => one.text.startsWith({value!r})).value;
          select.dispatchEvent(new Event("input", {{ bubbles: true }}));
        }})()"""
    )


def _sort(browser: Browser, column: str) -> list[str]:
    """Press a column's heading; what the column then says, top to bottom."""
    found: list[str] = browser.evaluate(
        f"""(() => {{
          const heads = [...document.querySelectorAll(".listing thead th")];
          const head = heads.find((one) => one.textContent === {column!r});
          head.querySelector("button").click();
          const place = heads.indexOf(head) + 1;
          return [...document.querySelectorAll(".listing tbody tr")]
            .map((row) => row.children[place].textContent);
        }})()"""
    )
    return found


def test_sixty_cells_open_without_a_console_message(sixty: Path, browser: Browser) -> None:
    browser.open(sixty, "#cell-7")
    assert browser.console == []
    assert browser.evaluate("document.querySelectorAll('td[data-cell]').length") == 60
    assert not browser.evaluate("document.getElementById('controls').hidden")
    assert browser.evaluate(
        "[...document.querySelectorAll('details.cell[open]')].map((one) => one.dataset.cell)"
    ) == ["cell-7"], "a link to a cell opens that cell"


def test_a_console_error_would_be_seen(tmp_path: Path, browser: Browser) -> None:
    page = tmp_path / "broken.html"
    page.write_text("<!doctype html><title>x</title><script>missing()</script>", encoding="utf-8")
    browser.open(page)
    assert any("missing is not defined" in line for line in browser.console)


def test_a_heading_sorts_and_cells_without_a_result_stay_last(
    sixty: Path, browser: Browser
) -> None:
    browser.open(sixty)
    falling = _sort(browser, "accuracy")
    assert falling[-2:] == ["—", "—"]
    numbers = [float(text) for text in falling[:-2]]
    assert numbers == sorted(numbers, reverse=True)
    assert browser.evaluate(TEXTS.format(".listing [aria-sort=descending]")) == ["accuracy"]
    rising = _sort(browser, "accuracy")
    assert rising == [*reversed(falling[:-2]), "—", "—"]
    assert browser.evaluate(TEXTS.format(".listing [aria-sort=ascending]")) == ["accuracy"]
    names = _sort(browser, "backbone")
    assert names == sorted(names)
    assert _sort(browser, "cell") == [str(number) for number in range(1, 61)]


def test_factors_filter_the_table_and_the_entries_below_it(sixty: Path, browser: Browser) -> None:
    browser.open(sixty)
    _choose(browser, "backbone", "vgg16")
    _choose(browser, "augmentation", "augmented")
    shown = browser.evaluate(SHOWN)
    assert len(shown) == 3 * 2
    entries = "[...document.querySelectorAll('details.cell:not([hidden])')]"
    assert browser.evaluate(f"{entries}.map((one) => one.dataset.cell)") == shown
    said = browser.evaluate("document.getElementById('matching').textContent")
    assert said.startswith("6 of 60 cells: ")
    assert sum(int(part.split()[0]) for part in said.partition(": ")[2].split(", ")) == 6


def test_failed_and_missing_cells_can_be_asked_for(sixty: Path, browser: Browser) -> None:
    browser.open(sixty)
    for state in ("failed", "missing"):
        _choose(browser, "state", state)
        assert len(browser.evaluate(SHOWN)) == 1
        said = browser.evaluate("document.getElementById('matching').textContent")
        assert said == f"1 of 60 cells: 1 {state}"


def test_a_link_to_a_filtered_cell_shows_it(sixty: Path, browser: Browser) -> None:
    browser.open(sixty)
    _choose(browser, "backbone", "vgg16")
    hidden = browser.evaluate("document.querySelector('details.cell[hidden]').dataset.cell")
    browser.evaluate(
        f"new Promise((done) => {{ addEventListener('hashchange', done); "
        f"location.hash = {hidden!r}; }})"
    )
    entry = f"document.querySelector('details[data-cell={hidden}]')"
    assert browser.evaluate(f"[{entry}.open, {entry}.hidden]") == [True, False]


def test_from_the_grid_to_a_cell_and_back(sixty: Path, browser: Browser) -> None:
    browser.open(sixty, "#cell-7")
    browser.evaluate("new Promise((done) => setTimeout(done, 50))")
    browser.evaluate("document.querySelector('details[open] .back').click()")
    assert browser.evaluate("document.activeElement.closest('td').className").startswith("tile")
    assert browser.evaluate("document.activeElement.hash") == "#cell-7"


def test_two_cells_side_by_side(sixty: Path, browser: Browser) -> None:
    browser.open(sixty)
    browser.evaluate(
        "[...document.querySelectorAll('.listing input')].slice(0, 2).forEach((box) => box.click())"
    )
    browser.evaluate("document.getElementById('compare-chosen').click()")
    assert browser.evaluate("document.querySelectorAll('#compare .confusion').length") == 2
    ids = browser.evaluate("[...document.querySelectorAll('[id]')].map((one) => one.id)")
    assert len(ids) == len(set(ids))
    line = browser.evaluate(
        "[...document.querySelectorAll('#compare .beside tr')]"
        ".find((row) => row.children[0].textContent === 'accuracy').innerText.split('\\t')"
    )
    first, second, difference = (float(text.replace("\u2212", "-")) for text in line[1:])
    assert difference == pytest.approx(first - second, abs=0.051)
