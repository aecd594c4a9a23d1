"""The page in a real browser: no console message, every cell there, links open their cell."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
from pathlib import Path

import pytest

from reports.page import build_page
from tests.reports.fake_run import FakeRun, write_fake_run

CHROMIUM = (
    shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
)
FLAGS = (
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--enable-logging=stderr",
    "--v=0",
)

pytestmark = pytest.mark.skipif(
    CHROMIUM is None and not os.environ.get("CI"), reason="no Chromium here, and this is not CI"
)


def _open(page: Path, fragment: str, profile: Path) -> tuple[str, list[str]]:
    """The page's DOM after its script ran, and all console lines."""
    assert CHROMIUM is not None, "CI must have Chromium"
    done = subprocess.run(
        [
            CHROMIUM,
            *FLAGS,
            f"--user-data-dir={profile}",
            "--dump-dom",
            f"{page.as_uri()}{fragment}",
        ],
        capture_output=True,
        text=True,
        timeout=60,
        check=True,
    )
    return done.stdout, [line for line in done.stderr.splitlines() if "CONSOLE" in line]


def test_sixty_cells_open_without_a_console_message(tmp_path: Path) -> None:
    page = build_page(write_fake_run(tmp_path, FakeRun(failed=1, missing=1, trials=2, epochs=8)))
    dom, console = _open(page, "#cell-7", tmp_path / "profile")
    assert console == []
    assert len(re.findall(r"<td[^>]* data-cell=", dom)) == 60
    assert re.search(r'id="controls">', dom), "the script must have shown the filter"
    opened = re.findall(r'<details class="cell \w+" open="">', dom)
    assert len(opened) == 1, "a link to a cell opens that cell"


def test_a_console_error_would_be_seen(tmp_path: Path) -> None:
    page = tmp_path / "broken.html"
    page.write_text("<!doctype html><title>x</title><script>missing()</script>", encoding="utf-8")
    _, console = _open(page, "", tmp_path / "profile")
    assert any("missing is not defined" in line for line in console)
