"""What tests of the sweeper share: one small finished run."""

from __future__ import annotations

import pytest

from sweeper.config_file import load_config
from sweeper.finished import FinishedRun, read_run
from sweeper.pipeline import run_sweep
from sweeper.progress import Progress


@pytest.fixture(scope="session")
def finished_run(tmp_path_factory: pytest.TempPathFactory) -> FinishedRun:
    """Two cells, a head and a fine-tuned suffix, of two splits each, on drawn radiographs."""
    folder = tmp_path_factory.mktemp("finished")
    wanted = [
        f"store={folder / 'store'}",
        "split.policies=[pooled, grouped]",
        "grid.augmented=[false]",
        "data.synthetic.images_per_class=6",
        "search.draws=1",
        "explain.examples=0",
        "cache.dtype=float32",
    ]
    (folder / "run" / "results").mkdir(parents=True)
    run_sweep(load_config("smoke", wanted), folder / "run", "python sweep.py run", Progress())
    return read_run(folder / "run")
