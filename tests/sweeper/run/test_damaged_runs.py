"""A store with damaged artifacts, each kind in another way: the next run rebuilds all of them."""

import io
import json
import os
import random
import shutil
from collections.abc import Callable
from contextlib import redirect_stderr
from dataclasses import dataclass, replace
from pathlib import Path

import pandas as pd
import pytest
from pyarrow.fs import FileSystem

from datasets.file_sums import FileSum
from sweeper.progress import Progress
from sweeper.run import pipeline
from sweeper.store import sums
from sweeper.store.store import KINDS, Store
from sweeper.store.sums import sizes_in
from sweeper.use.finished import FinishedRun
from tests.same_tables import assert_same_tables
from tests.sweeper.conftest import Bucket, run_small

# Drawn images have no listings and tags, a run with one seed no agreement between seeds, and trials
# that are over no checkpoints.
_ABSENT = ("listings", "tags", "seed_agreements", "checkpoints")
DRAWN = [kind for kind in KINDS if kind not in _ABSENT]
TURN = int(os.environ.get("SWEEPER_FUZZ", "0"))  # other files, damaged in other ways


def truncate(file: Path, record: Path) -> None:
    file.write_bytes(file.read_bytes()[:-7])


def flip(file: Path, record: Path) -> None:
    data = bytearray(file.read_bytes())
    data[len(data) // 2] ^= 1
    file.write_bytes(data)


def remove(file: Path, record: Path) -> None:
    """Truncate it if it is the only one: an artifact without files is removed, and not damaged."""
    if list(file.parent.iterdir()) == [file]:
        truncate(file, record)
    else:
        file.unlink()


def empty_record(file: Path, record: Path) -> None:
    record.write_bytes(b"")


def garbage_record(file: Path, record: Path) -> None:
    record.write_bytes(b"\x00garbage{")


DAMAGES: list[Callable[[Path, Path], None]] = [truncate, flip, remove, empty_record, garbage_record]


def damage_each_kind(store: Path, spared: str) -> None:
    """One file of each kind, but none of the trial `spared`."""
    for number, kind in enumerate(DRAWN):
        name = "record.json" if kind == "trials" else "*"  # what a finished run reads of a trial
        files = sorted(path for path in store.glob(f"{kind}/*/*/**/{name}") if path.is_file())
        files = [file for file in files if spared not in file.parts]
        file = random.Random(f"{kind}{TURN}").choice(files)
        key = file.relative_to(store).parts[1]
        DAMAGES[(number + 2 * TURN) % len(DAMAGES)](file, store / kind / key / "artifact.json")


def alter_weights(store: Path) -> str:
    """Of a trial whose evaluation is to be made again: only a worker looks at them. Its key."""
    record = min(store.glob("evaluations/*/artifact.json"))
    key = str(json.loads(record.read_text())["made_from"]["trial"])
    shutil.rmtree(record.parent)
    (weights,) = store.glob(f"trials/{key}/*/weights.safetensors")
    flip(weights, record)
    return key


@dataclass
class Mended:
    """A damaged copy of the finished store, after a run on it: what the run printed, and `altered`,
    the trial whose weights were."""

    store: Path
    run: Path
    altered: str
    told: list[str]


@pytest.fixture(scope="module")
def mended(finished_run: FinishedRun, tmp_path_factory: pytest.TempPathFactory) -> Mended:
    folder = tmp_path_factory.mktemp("mended")
    store = Path(shutil.copytree(finished_run.config.store, folder / "store"))
    altered = alter_weights(store)
    damage_each_kind(store, spared=altered)
    with redirect_stderr(io.StringIO()) as told:
        assert run_small(str(store), folder / "run").cells == {"done": 4}
    return Mended(store, folder / "run", altered, told.getvalue().splitlines())


def test_a_report_of_a_finished_run_decodes_nothing(
    finished_run: FinishedRun, tmp_path: Path, decoded: list[str]
) -> None:
    run = replace(finished_run, folder=shutil.copytree(finished_run.folder, tmp_path / "run"))
    pipeline.rebuild_report(run, "python sweep.py report", Progress())
    assert_same_tables(finished_run.folder, run.folder)
    assert len(pd.read_parquet(run.folder / "results" / "pictures.parquet")) > 0
    assert decoded == []


def test_a_run_on_a_damaged_store_ends_with_the_same_tables(
    finished_run: FinishedRun, mended: Mended
) -> None:
    assert_same_tables(finished_run.folder, mended.run)


def test_every_artifact_is_whole_again(mended: Mended) -> None:
    store = Store(str(mended.store))
    assert store.damaged() == set()
    records = list(mended.store.glob("*/*/artifact.json"))
    assert {path.parts[-3] for path in records} >= set(DRAWN)
    for path in records:
        assert store.verified(path.parts[-3], path.parts[-2]) is not None


def test_what_the_run_found_damaged_is_told_a_line_each_and_kept(mended: Mended) -> None:
    told = [line for line in mended.told if line.startswith("damaged: ")]
    assert len(told) == len(DRAWN)
    kept = {path.relative_to(mended.store / "damaged") for path in mended.store.glob("damaged/*/*")}
    assert len(kept) == len(DRAWN) + 1


def test_what_a_worker_finds_damaged_is_mended_by_the_same_run(mended: Mended) -> None:
    """The driver reads records only; the worker that evaluates is the first to read weights."""
    assert (mended.store / "damaged" / "trials" / mended.altered).is_dir()
    assert not any(mended.altered in line for line in mended.told)
    attempts = list((mended.store / "trials" / mended.altered).glob("*/weights.safetensors"))
    assert len(attempts) == 1


def test_a_whole_sweep_runs_on_s3_and_a_second_one_computes_nothing(
    finished_run: FinishedRun,
    s3_bucket: Bucket,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("SWEEPER_CACHE", str(tmp_path / "cache"))
    address, hashed = s3_bucket(), list[str]()
    of_file = sums._sum

    def sum_of(filesystem: FileSystem, path: str) -> FileSum:
        hashed.extend([path] if filesystem.type_name == "s3" else [])
        return of_file(filesystem, path)

    monkeypatch.setattr(sums, "_sum", sum_of)
    assert run_small(address, tmp_path / "run").cells == {"done": 4}
    kinds = [path.split("/")[3] for path in hashed]  # below bucket-0/some/prefix
    assert not {"pooled", "prefix"} & set(kinds)  # whoever writes a table knows its sums
    assert_same_tables(finished_run.folder, tmp_path / "run")
    store = Store(address)
    before = sizes_in(store.filesystem, store.root)
    assert set(DRAWN) <= {name.partition("/")[0] for name in before}

    monkeypatch.setattr(pipeline, "ray_session", lambda *_: 1 / 0)
    assert run_small(address, tmp_path / "again").cells == {"done": 4}
    assert_same_tables(tmp_path / "run", tmp_path / "again")
    assert sizes_in(store.filesystem, store.root) == before
    about = json.loads((tmp_path / "again" / "results" / "run.json").read_text())
    assert about["config"]["store"] == address
