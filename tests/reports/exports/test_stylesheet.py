"""Styles come out as a browser computes them."""

from __future__ import annotations

import pytest

from reports.exports.stylesheet import Stylesheet, mix_oklab

SHEET = Stylesheet(
    """
    :root { --paper: #fff; --ink: #111; --hit: #2f7fbf; }  /* light */
    @media (prefers-color-scheme: dark) { :root { --paper: #000; } .mark { fill: red; } }
    svg text { fill: var(--ink); font-size: 10px; }
    .mark { fill: var(--ink); } .mark.ring, .other { fill: var(--paper); }
    .confusion text { font-size: 11px; }
    .hit { fill: color-mix(in oklab, var(--hit) calc(var(--q) * 1%), var(--paper)); }
    .q3 { --q: 26; } summary:hover .mark { fill: blue; } a > .mark { fill: green; }
    """
)
FIGURE = ("svg", frozenset({"confusion"}))


def _declared(*path: tuple[str, str]) -> dict[str, str]:
    return SHEET.declared([(name, frozenset(classes.split())) for name, classes in path])


# What Chromium 142 paints for color-mix(in oklab, FIRST PERCENT%, SECOND).
@pytest.mark.parametrize(
    ("first", "percent", "second", "painted"),
    [
        ("#3aa39a", 37, "#ffffff", "#bcddd9"),
        ("#d1603d", 66, "#ffffff", "#e59880"),
        ("#2f7fbf", 14, "#fffefb", "#e3ecf4"),
        ("#000000", 50, "#ffffff", "#636363"),
        ("#218c83", 61.5, "#141518", "#245b57"),
    ],
)
def test_colours_are_mixed_as_a_browser_mixes_them(
    first: str, percent: float, second: str, painted: str
) -> None:
    mixed = mix_oklab(first, second, percent / 100)
    for i in (1, 3, 5):
        assert abs(int(mixed[i : i + 2], 16) - int(painted[i : i + 2], 16)) <= 1


def test_a_rule_reaches_what_its_selector_names_and_nothing_else() -> None:
    assert _declared(("svg", ""), ("circle", "mark"))["fill"] == "var(--ink)"
    assert _declared(("svg", ""), ("circle", "mark ring pooled"))["fill"] == "var(--paper)"
    assert _declared(("svg", ""), ("circle", "other"))["fill"] == "var(--paper)"
    assert "fill" not in _declared(("svg", ""), ("circle", "ring"))


def test_the_more_special_rule_wins_wherever_it_stands() -> None:
    assert _declared(("svg", "confusion"), ("g", ""), ("text", ""))["font-size"] == "11px"
    assert _declared(("svg", ""), ("text", ""))["font-size"] == "10px"


def test_media_blocks_and_states_are_left_out() -> None:
    assert SHEET.resolve("var(--paper)", {}) == "#fff"
    assert _declared(("a", ""), ("circle", "mark"))["fill"] == "var(--ink)"


def test_variables_products_and_mixes_become_plain_colours() -> None:
    declared = _declared(("rect", "hit q3"))
    mixed = SHEET.resolve(declared["fill"], declared)
    assert mixed == mix_oklab("#2f7fbf", "#fff", 0.26)


def test_a_variable_of_the_caller_takes_the_place_of_the_sheets() -> None:
    sheet = Stylesheet(":root { --paper: #fffefb; }", {"--paper": "#ffffff"})
    assert sheet.resolve("var(--paper)", {}) == "#ffffff"
    assert sheet.resolve("var(--none, 3px)", {}) == "3px"


def test_a_style_that_cannot_be_written_out_is_refused() -> None:
    with pytest.raises(ValueError, match="light-dark"):
        SHEET.resolve("light-dark(#fff, #000)", {})
