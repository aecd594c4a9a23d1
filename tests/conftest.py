"""What tests of several packages share."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from hypothesis import settings

from tests.reports.browser import CHROMIUM, Browser

if TYPE_CHECKING:
    from tests.one_ray import OneRay

settings.register_profile("unhurried", deadline=None)  # how fast a machine is, is no claim
settings.load_profile("unhurried")

_MARKS = {"one_ray": "ray", "browser": "browser"}  # of a test that uses the fixture


@pytest.hookimpl(tryfirst=True)  # before tests are chosen by their marks
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Mark tests by their fixtures. Files with whole runs come first: where pytest-xdist spreads
    the files over processes, no long one is left for the end."""
    weights: dict[Path, int] = {}
    for item in items:
        for fixture, mark in _MARKS.items():
            if fixture in getattr(item, "fixturenames", ()):
                item.add_marker(mark)
        weight = sum(item.get_closest_marker(mark) is not None for mark in ("chaos", "ray"))
        weights[item.path] = max(weights.get(item.path, 0), weight)
    items.sort(key=lambda item: -weights[item.path])


@pytest.fixture(scope="session")
def one_ray(tmp_path_factory: pytest.TempPathFactory) -> Iterator[OneRay]:
    """The Ray that this process's tests share, started once a test wants it."""
    from tests.one_ray import OneRay  # seconds to import, and many tests need no Ray

    shared = OneRay(tmp_path_factory.mktemp("ray"))
    yield shared
    shared.end()


@pytest.fixture(scope="module")
def ray_session(one_ray: OneRay) -> None:
    """A quiet Ray: two processors, no GPU, able to import the project and its tests."""
    one_ray.start()


@pytest.fixture(scope="session")
def browser(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Browser]:
    """Chromium, started once; where there is none the test is skipped, but not in CI."""
    if CHROMIUM is None and not os.environ.get("CI"):
        pytest.skip("no Chromium here, and this is not CI")
    with Browser(tmp_path_factory.mktemp("profile")) as started:
        yield started
