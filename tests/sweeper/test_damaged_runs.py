"""A store whose artifacts were damaged, each kind in another way: the next run mends all of it."""

import json
import random
import shutil
from collections.abc import Callable
from pathlib import Path

import pandas as pd
import pytest

from reports.tables import read_tables
from sweeper import pipeline
from sweeper.configuration.file import load_config
from sweeper.progress import Progress
from sweeper.results import Outcome
from sweeper.storage.sums import sizes_in
from sweeper.store import KINDS, Store
from tests.sweeper.conftest import Bucket

TINY = str(Path(__file__).with_name("tiny.yaml"))
SMALLER = [
    "grid.scenarios=[holes]",
    "grid.augmented=[false]",
    "search.draws=1",
    "search.epochs=2",
    "explain.examples=1",
]
MEASURED = ["wall_s", "train_s", "images_per_s", "data_wait", "epoch_s"]


def run(store: str, out: Path) -> Outcome:
    (out / "results").mkdir(parents=True, exist_ok=True)
    config = load_config(TINY, [f"store={store}", *SMALLER])
    return pipeline.run_sweep(config, out, "python sweep.py run tiny.yaml", Progress())


def assert_same_tables(one: Path, other: Path) -> None:
    tables = read_tables(other / "results")
    for name, table in read_tables(one / "results").items():
        same = [column for column in table.columns if column not in MEASURED]
        pd.testing.assert_frame_equal(tables[name][same], table[same])


@pytest.fixture(scope="module")
def finished(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the `store` and the `run` of a sweep."""
    folder = tmp_path_factory.mktemp("finished")
    assert run(str(folder / "store"), folder / "run").cells == {"done": 2}
    return folder


@pytest.fixture
def copy(finished: Path, tmp_path: Path) -> Path:
    """A copy of the finished store to be damaged."""
    return Path(shutil.copytree(finished / "store", tmp_path / "store"))


def truncate(file: Path) -> None:
    file.write_bytes(file.read_bytes()[:-7])


def flip(file: Path) -> None:
    data = bytearray(file.read_bytes())
    data[len(data) // 2] ^= 1
    file.write_bytes(data)


def remove(file: Path) -> None:
    file.unlink()


def empty_record(file: Path) -> None:
    record_of(file).write_bytes(b"")


def garbage_record(file: Path) -> None:
    record_of(file).write_bytes(b"\x00garbage{")


def record_of(file: Path) -> Path:
    return next(parent / "artifact.json" for parent in file.parents if parent.name in KEYS)


KEYS: set[str] = set()
DAMAGES: list[Callable[[Path], None]] = [truncate, flip, remove, empty_record, garbage_record]


@pytest.mark.parametrize("turn", range(2))
def test_a_run_mends_what_was_damaged_and_ends_with_the_same_tables(
    finished: Path, copy: Path, tmp_path: Path, capfd: pytest.CaptureFixture[str], turn: int
) -> None:
    damaged = 0
    for number, kind in enumerate(KINDS):
        KEYS.update(path.name for path in (copy / kind).iterdir())
        files = sorted((copy / kind).glob("*/*/**/*.*"))
        if kind == "trials":  # what a finished run reads of a trial is its record
            files = [file for file in files if file.name == "record.json"]
        file = random.Random(f"{kind}{turn}").choice([file for file in files if file.is_file()])
        DAMAGES[(number + 2 * turn) % len(DAMAGES)](file)
        damaged += 1
    assert run(str(copy), tmp_path / "run").cells == {"done": 2}
    assert_same_tables(finished / "run", tmp_path / "run")
    told = [line for line in capfd.readouterr().err.splitlines() if line.startswith("damaged: ")]
    assert len(told) == damaged == len(list((copy / "damaged").glob("*/*")))
    store = Store(str(copy))
    assert store.damaged() == set()
    for path in copy.glob("*/*/artifact.json"):
        assert store.verified(path.parts[-3], path.parts[-2]) is not None


def test_what_a_worker_finds_damaged_is_mended_by_the_same_run(
    finished: Path, copy: Path, tmp_path: Path
) -> None:
    """The evaluation is to be made again, of weights that only the worker looks at."""
    shutil.rmtree(copy / "evaluations")
    shutil.rmtree(copy / "explanations")
    for file in copy.glob("trials/*/*/weights.safetensors"):
        flip(file)
    assert run(str(copy), tmp_path / "run").cells == {"done": 2}
    assert_same_tables(finished / "run", tmp_path / "run")
    assert len(list((copy / "damaged" / "trials").iterdir())) == 2


def test_a_whole_sweep_runs_on_s3_and_a_second_one_computes_nothing(
    finished: Path,
    s3_bucket: Bucket,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("SWEEPER_CACHE", str(tmp_path / "cache"))
    address = s3_bucket()
    assert run(address, tmp_path / "run").cells == {"done": 2}
    assert_same_tables(finished / "run", tmp_path / "run")
    store = Store(address)
    before = sizes_in(store.filesystem, store.root)
    kinds = {name.partition("/")[0] for name in before}
    assert set(KINDS) <= kinds

    monkeypatch.setattr(pipeline, "ray_session", lambda *_: 1 / 0)
    assert run(address, tmp_path / "again").cells == {"done": 2}
    assert_same_tables(tmp_path / "run", tmp_path / "again")
    assert sizes_in(store.filesystem, store.root) == before
    about = json.loads((tmp_path / "again" / "results" / "run.json").read_text())
    assert about["config"]["store"] == address
