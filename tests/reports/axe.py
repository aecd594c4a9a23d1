"""axe-core in the open page: what it holds against it. `make axe` installs it."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from tests.reports.browser import Browser

AXE = Path(__file__).parents[2] / "node_modules" / "axe-core" / "axe.min.js"

needs_axe = pytest.mark.skipif(
    not AXE.exists() and not os.environ.get("CI"),
    reason="axe-core is not installed (make axe), and this is not CI",
)

LOOKS = [(1280, False), (1280, True), (390, False), (390, True)]
"""Width in px and whether in dark colours: laptop and phone."""

_RUN = """
axe.run({ resultTypes: ["violations"] }).then((found) => found.violations.flatMap((rule) =>
  rule.nodes.map((node) => `${rule.id}: ${node.html.slice(0, 200)} ${node.failureSummary}`)))"""


def violations(browser: Browser) -> list[str]:
    """Every violation of any of axe's rules, best practices included, with its element."""
    browser.evaluate(AXE.read_text(encoding="utf-8") + "\n;0")
    found: list[str] = browser.evaluate(_RUN)
    return found
