"""The rules of figures.css become attributes, in the colours of the page."""

from __future__ import annotations

import re
from pathlib import Path
from xml.etree import ElementTree

import pytest

import reports
from reports.exports.standalone import standalone

TEMPLATES = Path(reports.__file__).parent / "templates"
SVG = "{http://www.w3.org/2000/svg}"


def _painted(inside: str, kind: str = "") -> ElementTree.Element:
    """The first element in a figure, as it is exported."""
    return ElementTree.fromstring(standalone(f"<svg class='{kind}'>{inside}</svg>"))[0]


def _light(name: str) -> str:
    """A colour as style.css declares it first, for a light page."""
    found = re.search(rf"--{name}: (#\w+);", (TEMPLATES / "style.css").read_text())
    assert found
    return found[1]


@pytest.mark.parametrize("tone", ["grouped", "stratified", "given"])
def test_a_mark_has_the_colour_that_the_page_declares(tone: str) -> None:
    assert _painted(f"<circle class='mark dot {tone}'/>").get("fill") == _light(tone)


def test_paper_is_white_and_ink_black_whatever_the_page_has() -> None:
    ring = _painted("<circle class='mark ring'/>")
    assert (ring.get("fill"), ring.get("stroke")) == ("#ffffff", "#000000")
    assert _light("paper") != "#ffffff"


def test_a_rule_with_an_ancestor_applies_below_it_alone() -> None:
    assert _painted("<text>1</text>", "confusion s34").get("text-anchor") == "middle"
    assert _painted("<text class='name'>1</text>", "confusion s14").get("font-size") == "11px"
    assert _painted("<text>1</text>", "curves").get("text-anchor") is None


def test_a_style_of_the_element_itself_wins() -> None:
    text = _painted("<text style='font-size: 13px; fill: var(--soft)'>1</text>", "confusion")
    assert (text.get("font-size"), text.get("fill")) == ("13px", _light("soft"))


def test_a_colour_that_the_page_lacks_is_refused() -> None:
    with pytest.raises(KeyError, match="mauve"):
        standalone("<svg><rect fill='var(--mauve)'/></svg>")


def test_the_sheet_of_the_figures_holds_only_what_the_exporter_understands() -> None:
    sheet = re.sub(r"/\*.*?\*/", "", (TEMPLATES / "figures.css").read_text(), flags=re.DOTALL)
    for selectors, body in re.findall(r"([^{}]+)\{([^{}]*)\}", sheet):
        for selector in selectors.split(","):
            assert re.fullmatch(r"([\w.-]+ )?[\w.-]+", selector.strip()), selector
        assert not re.search(r"(?!var)\b[\w-]+\(|--[\w-]+:|!important", body), body
