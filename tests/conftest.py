"""What tests of several packages share."""

import os
from collections.abc import Iterator
from pathlib import Path

import pytest
import ray

from tests.reports.browser import CHROMIUM, Browser

ROOT = str(Path(__file__).parents[1])


@pytest.fixture(scope="module")  # a sweep that a test runs in this process starts its own
def ray_session() -> Iterator[None]:
    """A quiet Ray for one test file: two processors, no GPU, able to import the project."""
    with pytest.MonkeyPatch.context() as environment:
        environment.setenv("PYTHONPATH", ROOT, prepend=os.pathsep)
        ray.init(
            address="local",
            num_cpus=2,
            num_gpus=0,
            include_dashboard=False,
            log_to_driver=False,
            logging_level="ERROR",
        )
        yield
        ray.shutdown()


@pytest.fixture(scope="session")
def browser(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Browser]:
    """Chromium, started once; where there is none the test is skipped, but not in CI."""
    if CHROMIUM is None and not os.environ.get("CI"):
        pytest.skip("no Chromium here, and this is not CI")
    with Browser(tmp_path_factory.mktemp("profile")) as started:
        yield started
