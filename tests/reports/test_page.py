"""The page says what the tables say, says what is missing, and needs nothing else."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from dataclasses import replace
from html.parser import HTMLParser
from pathlib import Path

import pandas as pd
import pytest

from reports.detail import MOST_BYTES
from reports.page import build_page, render
from reports.run import load_run
from reports.tables import read_tables, write_table
from tests.reports.fake_run import FakeRun, write_fake_run

SMALL = FakeRun(
    backbones=("resnet50", "vgg16"),
    scenarios={"bones": ["Avulsion fracture", "Spiral <Fracture>"]},
    trials=2,
    epochs=6,
    compare=None,
)


def _page(folder: Path, fake: FakeRun) -> str:
    return build_page(write_fake_run(folder, fake)).read_text(encoding="utf-8")


def _states(page: str) -> list[str]:
    return re.findall(r'data-cell="[^"]*" data-state="(\w+)"', page)


class _Balance(HTMLParser):
    """Collects tags that were not closed, addresses, and the ids links point to."""

    VOID = frozenset({"meta", "link", "input", "br"})

    def __init__(self) -> None:
        super().__init__()
        self.open: list[str] = []
        self.ids: list[str] = []
        self.targets: list[str] = []
        self.addresses: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if tag not in self.VOID:
            self.open.append(tag)
        for name, value in attrs:
            if name == "id":
                self.ids.append(value or "")
            if name == "href" and (value or "").startswith("#"):
                self.targets.append((value or "")[1:])
            elif name in ("href", "src"):
                self.addresses.append(value or "")

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.handle_starttag(tag, attrs)
        if tag not in self.VOID:
            self.open.pop()

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag


@pytest.fixture(scope="module")
def two_policies(tmp_path_factory: pytest.TempPathFactory) -> str:
    fake = FakeRun(policies=("pooled", "grouped"), failed=1, missing=1, trials=3, epochs=20)
    return _page(tmp_path_factory.mktemp("two"), fake)


def test_the_papers_grid_has_sixty_cells_and_fits_the_size_budget(tmp_path: Path) -> None:
    fake = FakeRun(trials=8, epochs=60, attributions=6, map_side=112)
    page = _page(tmp_path, fake)
    assert _states(page) == ["done"] * 60
    assert page.count('<details class="cell ') == 60
    assert len(page.encode()) <= MOST_BYTES


@pytest.mark.parametrize(
    "surroundings",
    [
        {"PYTHONHASHSEED": "1", "TZ": "Asia/Tokyo", "LC_ALL": "C", "COLUMNS": "40"},
        {"PYTHONHASHSEED": "2", "TZ": "America/New_York", "LC_ALL": "C.UTF-8", "PYTHONUTF8": "0"},
    ],
)
def test_the_page_is_the_same_to_the_byte_when_rebuilt_elsewhere(
    tmp_path: Path, surroundings: dict[str, str]
) -> None:
    fake = replace(SMALL, policies=("pooled", "grouped"), seeds=(0, 1), failed=1)
    page = build_page(write_fake_run(tmp_path, fake))
    first = page.read_bytes()
    page.unlink()
    script = "import sys, pathlib, reports.page as page; page.build_page(pathlib.Path(sys.argv[1]))"
    subprocess.run(
        [sys.executable, "-c", script, str(tmp_path)],
        cwd=Path(__file__).parents[2],
        env=os.environ | surroundings,
        check=True,
    )
    assert page.read_bytes() == first


def test_row_order_in_the_tables_does_not_reach_the_page(tmp_path: Path) -> None:
    run = write_fake_run(tmp_path, SMALL)
    first = build_page(run).read_bytes()
    for name, frame in read_tables(run / "results").items():
        if name != "attributions":
            write_table(run / "results", name, frame.iloc[::-1])
    assert build_page(run).read_bytes() == first


def test_html_is_balanced_links_lead_somewhere_and_nothing_is_fetched(two_policies: str) -> None:
    parser = _Balance()
    parser.feed(two_policies)
    assert parser.open == []
    assert len(parser.ids) == len(set(parser.ids))
    assert set(parser.targets) <= set(parser.ids)
    cited = ("10.14569/IJACSA.2024.01506142", "10.48550/arXiv.2505.04720")
    assert set(parser.addresses) == {"data:,", *(f"https://doi.org/{doi}" for doi in cited)}
    assert set(re.findall(r"url\((\w+)", two_policies)) == {"data"}


def test_failed_and_missing_cells_are_said_and_shown(two_policies: str) -> None:
    assert sorted(set(_states(two_policies))) == ["done", "failed", "missing"]
    assert "2 of 120 cells have no result: 1 failed and 1 missing" in two_policies
    assert "RuntimeError: fake &lt;failure&gt;" in two_policies


def test_both_policies_show_the_leak_as_the_mean_paired_difference(two_policies: str) -> None:
    match = re.search(
        r'leakage: pooled minus grouped</span>\s*<span class="big">\+([\d.]+)', two_policies
    )
    assert match
    assert 5 < float(match[1]) < 40
    # 30 augmented cells of each policy, but for those that have no result
    pairs = re.search(r"mean paired difference over (\d+) matched augmented cells", two_policies)
    assert pairs
    assert 28 <= int(pairs[1]) <= 30


def test_one_policy_shows_no_leak_card(tmp_path: Path) -> None:
    assert "pooled minus grouped" not in _page(tmp_path, SMALL)


def test_the_verdict_is_what_validation_chose_under_the_most_honest_policy(
    tmp_path: Path,
) -> None:
    run = write_fake_run(tmp_path, replace(SMALL, policies=("pooled", "grouped")))
    cells = read_tables(run / "results")["cells"]
    own = cells[(cells["split_policy"] == "grouped") & (cells["scenario"] == "bones")]
    chosen = own.sort_values("accuracy").index[0]  # the test set would choose it last
    cells.loc[chosen, "val_score"] = 0.999
    write_table(run / "results", "cells", cells)
    page = build_page(run).read_text(encoding="utf-8")
    lead = re.search(r'<p class="lead">(.*?)</p>', page, re.S)
    assert lead
    assert lead[1].startswith("Best on validation for scenario\u00a0bones: ")
    assert f"{100 * cells.loc[chosen, 'accuracy']:.1f}\u00a0%" in lead[1]


def test_names_from_the_data_are_escaped(tmp_path: Path) -> None:
    page = _page(tmp_path, SMALL)
    assert "Spiral <Fracture>" not in page
    assert "Spiral &lt;Fracture&gt;" in page
    assert "<run>" not in page


def test_random_weights_and_interruption_are_in_plain_sight(tmp_path: Path) -> None:
    page = _page(tmp_path, replace(SMALL, random_weights=True, interrupted=True))
    header = page[page.index("<header>") : page.index("</header>")]
    assert "Random weights" in header
    assert "Interrupted." in header
    assert "python sweep.py run paper --out runs/paper" in header
    clean = _page(tmp_path / "clean", SMALL)
    assert 'class="banner"' not in clean


def test_seeds_are_folded_into_mean_range_and_count(tmp_path: Path) -> None:
    run = write_fake_run(tmp_path, replace(SMALL, seeds=(0, 1, 2)))
    page = build_page(run).read_text(encoding="utf-8")
    assert len(_states(page)) == 8
    assert page.count('<details class="cell ') == 24
    cells = read_tables(run / "results")["cells"]
    first = cells[
        (cells["backbone"] == "resnet50") & ~cells["augmented"] & (cells["strategy"] == "transfer")
    ]
    tile = re.search(r"<td data-cell.*?</td>", page)
    assert tile
    assert f"<b>{100 * first['accuracy'].mean():.1f}</b>" in tile[0]
    low, high = 100 * first["accuracy"].min(), 100 * first["accuracy"].max()
    assert f"{low:.1f}\u2013{high:.1f}" in tile[0]
    assert "3 seeds" in tile[0]


def test_the_paper_is_shown_only_when_the_run_asks_for_it(
    tmp_path: Path, two_policies: str
) -> None:
    assert 'id="paper"' not in _page(tmp_path, SMALL)
    section = two_policies[
        two_policies.index('id="paper"') : two_policies.index('id="explanations"')
    ]
    assert section.count('<th scope="row">') == 60
    assert section.count('class="flag misprint">') == 2
    legend, fit_nine_times = 1, 24  # of the 26 impossible rows
    assert section.count('class="flag copies">') == fit_nine_times + legend


def test_a_run_without_explanations_has_no_gallery(tmp_path: Path) -> None:
    page = _page(tmp_path, replace(SMALL, attributions=0))
    assert 'id="explanations"' not in page
    assert 'class="pictures' not in page


def test_a_run_in_which_nothing_finished_still_has_a_page(tmp_path: Path) -> None:
    run = write_fake_run(tmp_path, SMALL)
    cells = read_tables(run / "results")["cells"]
    numbers = [name for name in cells.columns if cells[name].dtype.kind == "f"]
    cells[numbers], cells["state"] = float("nan"), "missing"
    write_table(run / "results", "cells", cells)
    for name in ("trials", "curves", "predictions", "confusion", "attributions"):
        write_table(
            run / "results", name, pd.DataFrame(columns=read_tables(run / "results")[name].columns)
        )
    page = build_page(run).read_text(encoding="utf-8")
    assert "No cell of this run has a test result yet." in page
    assert set(_states(page)) == {"missing"}


def test_a_single_cell_of_two_classes_has_a_page(tmp_path: Path) -> None:
    one = replace(
        SMALL,
        backbones=("resnet50",),
        scenarios={"two": ["yes", "no"]},
        augmented=(False,),
        strategies=("transfer",),
    )
    page = _page(tmp_path, one)
    assert _states(page) == ["done"]
    assert page.count('<details class="cell ') == 1
    assert "1 cell" in page


def test_many_cells_keep_within_the_budget_and_none_is_lost(tmp_path: Path) -> None:
    many = FakeRun(
        policies=("pooled", "grouped"),
        backbones=tuple(f"net{i}" for i in range(4)),
        scenarios={
            "wide": [f"A long name of a class that goes on, {i}" for i in range(50)],
            "two": ["yes", "no"],
        },
        failed=4,
        missing=3,
        trials=2,
        epochs=6,
        compare=None,
        attributions=0,
    )
    page = render(load_run(write_fake_run(tmp_path, many)), 900_000)
    assert len(page.encode()) <= 900_000
    cells = 2 * 4 * 2 * 4
    assert len(re.findall(r'<tr (?:id="cell-\d+" )?data-cell="cell-', page)) == cells
    in_full = page.count('<details class="cell ')
    assert 10 < in_full < cells
    assert f"{in_full} of {cells} cells are shown in full below" in page
    assert page.count('<details class="cell failed"') == 4
    assert page.count('<details class="cell missing"') == 3
    parser = _Balance()
    parser.feed(page)
    assert set(parser.targets) <= set(parser.ids), "a link to any cell leads somewhere"
    assert len(parser.ids) == len(set(parser.ids))


def test_long_and_hostile_names_stay_text(tmp_path: Path) -> None:
    hostile = "</style></script><img src=x onerror=alert(1)>&quot;" + "long" * 60
    fake = replace(
        SMALL, backbones=(hostile,), scenarios={hostile: [hostile, "b"]}, policies=(hostile,)
    )
    page = _page(tmp_path, fake)
    assert "<img" not in page
    parser = _Balance()
    parser.feed(page)
    assert parser.open == []
    assert page.count("</script>") == page.count("</style>") == 1


def test_the_metrics_of_a_cell_are_those_of_its_row(tmp_path: Path) -> None:
    run = write_fake_run(tmp_path, SMALL)
    cell = read_tables(run / "results")["cells"].iloc[0]
    page = build_page(run).read_text(encoding="utf-8")
    body = page[page.index('id="cell-1"') : page.index('id="cell-2"')]
    shown = dict(re.findall(r'<th scope="row">([^<]+)</th><td class="r">([^<]+)</td>', body))
    assert shown["accuracy"] == f"{100 * cell['accuracy']:.1f}"
    assert shown["macro F1"] == f"{100 * cell['macro_f1']:.1f}"
    assert shown["AUROC"] == f"{100 * cell['auroc']:.1f}"
    gap = 100 * (cell["val_accuracy"] - cell["accuracy"])
    assert shown["optimism"].replace("\u2212", "-") == f"{gap:+.1f}"


def test_a_cell_that_does_not_clear_the_most_common_class_is_pale(tmp_path: Path) -> None:
    run = write_fake_run(tmp_path, SMALL)
    cells = read_tables(run / "results")["cells"]
    cells["accuracy"] = 0.99
    cells.loc[0, "accuracy"] = 0.5
    write_table(run / "results", "cells", cells)
    write_table(run / "results", "predictions", [])  # which say something else
    page = build_page(run).read_text(encoding="utf-8")
    tiles = re.findall(r'class="(tile[^"]*)" style', page)
    assert [("pale" in tile.split()) for tile in tiles].count(True) == 1
    assert len(tiles) == 8


def test_a_folder_that_is_no_run_is_refused(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError, match=r"run\.json"):
        build_page(tmp_path)
