"""Links in the documentation lead somewhere, and every page can be reached from its index."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
PAGES = sorted([*ROOT.glob("*.md"), *ROOT.glob("docs/**/*.md")])
LINK = re.compile(r"\[[^\]]*\]\(([^)\s]+)\)")
NAMED = re.compile(r"(?<![\w/.-])docs/[\w./-]+\.\w+")
SOURCES = ("*.py", "*.yaml", "*.md", "*.sh", "Dockerfile", "Makefile")


def _links(page: Path) -> Iterator[tuple[Path, str]]:
    text = re.sub(r"```.*?```", "", page.read_text(encoding="utf-8"), flags=re.S)
    for target in LINK.findall(text):
        if not target.startswith(("http://", "https://")):
            path, _, anchor = target.partition("#")
            yield (page.parent / path).resolve() if path else page, anchor


def _anchors(page: Path) -> set[str]:
    """As GitHub makes them from headings."""
    titles = re.findall(r"^#+ (.+)$", page.read_text(encoding="utf-8"), re.M)
    return {re.sub(r"[^\w\- ]", "", title.lower()).replace(" ", "-") for title in titles}


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_every_link_of_a_page_leads_to_a_file_and_heading(page: Path) -> None:
    for target, anchor in _links(page):
        assert target.exists(), target
        assert not anchor or anchor in _anchors(target), f"{target}#{anchor}"


def test_every_page_is_reached_from_the_index() -> None:
    listed = {target for target, _ in _links(ROOT / "docs" / "README.md")}
    pages = set((ROOT / "docs").glob("*/**/*.md"))
    assert pages - listed == set()


def test_pages_named_in_sources_exist() -> None:
    folders = ("benchmarks", "configs", "datasets", "docs", "reports", "sweeper", "tests")
    files = [path for name in folders for kind in SOURCES for path in (ROOT / name).rglob(kind)]
    named = {name for path in files for name in NAMED.findall(path.read_text(encoding="utf-8"))}
    assert "docs/explanation/statistics.md" in named
    assert [name for name in sorted(named) if not (ROOT / name).exists()] == []


def test_the_readme_is_short_and_pictures_are_small() -> None:
    assert len((ROOT / "README.md").read_text(encoding="utf-8").splitlines()) <= 120
    pictures = list((ROOT / "docs").rglob("*.png"))
    assert pictures
    assert max(picture.stat().st_size for picture in pictures) < 200_000
