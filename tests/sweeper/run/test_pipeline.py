"""The whole way on a tiny grid: run, run again, run more, be killed, go on."""

import json
import shutil
import signal
import subprocess
import sys
import time
from contextlib import suppress
from pathlib import Path

import pandas as pd
import psutil
import pytest
from safetensors.torch import load_file
from sklearn.metrics import accuracy_score, f1_score

from reports.tables import read_tables
from sweeper.config.load import load_config
from sweeper.progress import Progress
from sweeper.results.tables import Outcome
from sweeper.run import pipeline
from sweeper.store.store import Store
from tests.one_ray import OneRay
from tests.same_tables import assert_same_tables

ROOT = Path(__file__).parents[3]
TINY = str(Path(__file__).parents[1] / "tiny.yaml")


def run(store: Path, out: Path, *overrides: str) -> Outcome:
    config = load_config(TINY, [f"store={store}", *overrides])
    (out / "results").mkdir(parents=True, exist_ok=True)
    return pipeline.run_sweep(config, out, "python sweep.py run tiny.yaml", Progress())


@pytest.fixture(scope="module")
def unbroken(
    sweeps: OneRay, tmp_path_factory: pytest.TempPathFactory
) -> tuple[Path, Path, Outcome]:
    folder = tmp_path_factory.mktemp("unbroken")
    outcome = run(folder / "store", folder / "run")
    return folder / "store", folder / "run", outcome


def tables(out: Path) -> dict[str, pd.DataFrame]:
    return read_tables(out / "results")


def stamps(store: Path, kind: str) -> dict[str, int]:
    return {str(p): p.stat().st_mtime_ns for p in store.glob(f"{kind}/*/artifact.json")}


def no_ray(*_: object) -> None:
    raise AssertionError("Ray was started though nothing is missing")


def test_every_cell_of_the_grid_is_done(unbroken: tuple[Path, Path, Outcome]) -> None:
    _, out, outcome = unbroken
    assert outcome.cells == {"done": 8}
    assert outcome.trials == {"done": 16}
    assert (out / "report" / "index.html").read_text().count("data-cell") >= 8


def test_cells_hold_the_metrics_of_their_predictions(
    unbroken: tuple[Path, Path, Outcome],
) -> None:
    found = tables(unbroken[1])
    keys = ["scenario", "augmented", "strategy"]
    for key, rows in found["predictions"].groupby(keys):
        cell = found["cells"].set_index(keys).loc[key]
        assert cell["accuracy"] == accuracy_score(rows["label"], rows["predicted"])
        f1 = f1_score(rows["label"], rows["predicted"], average="weighted", zero_division=0)
        assert cell["f1"] == pytest.approx(f1)
        assert cell["n_test"] == len(rows)
    counts = found["confusion"].groupby(keys)["count"].sum()
    assert counts.to_dict() == found["cells"].set_index(keys)["n_test"].to_dict()


def test_the_champion_has_the_best_validation_accuracy(
    unbroken: tuple[Path, Path, Outcome],
) -> None:
    found = tables(unbroken[1])
    keys = ["scenario", "augmented", "strategy"]
    best = found["trials"].groupby(keys)["val_score"].max()
    assert best.to_dict() == found["cells"].set_index(keys)["val_score"].to_dict()


def test_only_champions_are_evaluated(unbroken: tuple[Path, Path, Outcome]) -> None:
    store, out, _ = unbroken
    champions = set(tables(out)["cells"]["champion"])
    assert len(stamps(store, "evaluations")) == len(champions) < len(stamps(store, "trials"))


def test_predictions_are_of_the_split_s_test_rows(unbroken: tuple[Path, Path, Outcome]) -> None:
    found = tables(unbroken[1])
    keys = ["scenario", "augmented", "image_id", "copy"]
    test = found["splits"].query("part == 'test'")[keys]
    for _, rows in found["predictions"].groupby("strategy"):
        rows = rows[keys]
        assert set(rows.itertuples(index=False)) == set(test.itertuples(index=False))


def test_a_second_run_starts_no_ray_and_gives_the_same_tables(
    unbroken: tuple[Path, Path, Outcome], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    store, out, _ = unbroken
    monkeypatch.setattr(pipeline, "ray_session", no_ray)
    run(store, tmp_path)
    for name, table in tables(tmp_path).items():
        pd.testing.assert_frame_equal(table, tables(out)[name])


def test_one_more_seed_runs_only_its_own_cells(
    unbroken: tuple[Path, Path, Outcome], tmp_path: Path
) -> None:
    store, _, _ = unbroken
    kinds = ("shards", "backbones", "pooled", "prefix", "trials", "evaluations", "explanations")
    before = {kind: stamps(store, kind) for kind in kinds}
    outcome = run(store, tmp_path, "grid.seeds=[0,1]")
    after = {kind: stamps(store, kind) for kind in kinds}
    assert outcome.cells == {"done": 16}
    for kind in kinds:
        assert before[kind].items() <= after[kind].items()
    for kind in ("shards", "backbones", "pooled", "prefix"):
        assert before[kind] == after[kind]
    assert len(after["trials"]) == 2 * len(before["trials"])


@pytest.mark.chaos
def test_a_run_interrupted_and_then_killed_ends_with_the_same_tables(
    unbroken: tuple[Path, Path, Outcome], tmp_path: Path
) -> None:
    store, out = tmp_path / "store", tmp_path / "run"
    command = [sys.executable, "sweep.py", "run", TINY, "--set", f"store={store}"]
    command += ["--out", str(out)]
    process = subprocess.Popen(
        command,
        cwd=ROOT,
        stdout=subprocess.PIPE,
        text=True,
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),  # nohup would ignore it
    )
    _wait_for(lambda: len(stamps(store, "trials")) >= 1, process)
    process.send_signal(signal.SIGINT)
    said, _ = process.communicate(timeout=60)
    assert process.returncode == 130
    assert f"sweep.py run {TINY}" in said.partition("run again: ")[2]

    interrupted = stamps(store, "trials")
    process = subprocess.Popen(command, cwd=ROOT, stderr=subprocess.PIPE, text=True)
    _wait_for(lambda: len(stamps(store, "trials")) >= len(interrupted) + 2, process)
    for one in (*psutil.Process(process.pid).children(recursive=True), process):
        with suppress(psutil.NoSuchProcess):  # as a machine does that is taken away, Ray included
            one.send_signal(signal.SIGTERM)
    assert process.communicate(timeout=60) == (None, "")
    assert process.returncode == 130
    assert json.loads((out / "results" / "run.json").read_text())["status"] == "interrupted"

    interrupted |= stamps(store, "trials")
    process = subprocess.Popen(command, cwd=ROOT, text=True)
    _wait_for(lambda: len(stamps(store, "trials")) >= len(interrupted) + 2, process)
    process.kill()
    process.wait()

    killed = stamps(store, "trials")
    assert len(interrupted) < len(killed) < 16
    assert run(store, out).cells == {"done": 8}
    assert interrupted.items() <= killed.items() <= stamps(store, "trials").items()
    assert_same_tables(unbroken[1], out)


def test_two_runs_on_one_store_at_once_both_end_with_the_same_tables(
    unbroken: tuple[Path, Path, Outcome], tmp_path: Path
) -> None:
    store = tmp_path / "store"
    for kind in ("backbones", "shards", "pooled", "prefix"):  # so that they meet in the trials
        shutil.copytree(unbroken[0] / kind, store / kind)
    command = [sys.executable, "sweep.py", "run", TINY, "--set", f"store={store}", "--out"]
    both = [subprocess.Popen([*command, str(tmp_path / name)], cwd=ROOT) for name in "ab"]
    assert [process.wait(300) for process in both] == [0, 0]
    for name in "ab":
        assert_same_tables(unbroken[1], tmp_path / name)
    assert Store(str(store)).damaged() == set()


@pytest.mark.parametrize("depth", ["suffix", "all"])
def test_a_finetuning_trial_on_two_workers_is_done(
    unbroken: tuple[Path, Path, Outcome], tmp_path: Path, depth: str
) -> None:
    outcome = run(
        unbroken[0],
        tmp_path,
        "resources.workers_per_trial=2",
        "resources.cpus=2",
        "grid.scenarios=[shafts]",
        "grid.augmentations=[fec-ige]",
        f"finetune.depth={depth}",
        "finetune.draws=1",
        "finetune.epochs=2",
    )
    trials = tables(tmp_path)["trials"].set_index("strategy")
    assert outcome.cells == {"done": 2}
    assert trials.loc["finetune", "workers"] == 2
    trained = _trained(unbroken[0], trials.loc["finetune", "trial"])
    assert any(name.startswith("suffix.prefix.") for name in trained) == (depth == "all")
    assert (trials.loc[["transfer"], "workers"] == 1).all()


def _trained(store: Path, key: object) -> list[str]:
    """Names of a trial's stored weights."""
    return list(load_file(next((store / "trials" / str(key)).glob("*/weights.safetensors"))))


def test_cells_that_cannot_be_cached_train_from_pixels_beside_those_that_can(
    unbroken: tuple[Path, Path, Outcome], tmp_path: Path
) -> None:
    options = ["augmentations.fec-ige.online=true", "grid.scenarios=[holes]", "resources.cpus=2"]
    outcome = run(unbroken[0], tmp_path, *options, "search.draws=1", "search.epochs=2")
    assert outcome.cells == {"done": 4}
    got = tables(tmp_path)
    trials = got["trials"].set_index(["strategy", "augmented"])
    assert trials["data_wait"].between(0, 1).all()
    rows = got["splits"].query("part == 'train'").groupby("augmented")["copy"]
    assert rows.max().eq(0).all()  # no copies: every batch is augmented anew
    assert rows.count().nunique() == 1
    trained = _trained(unbroken[0], trials.loc[("transfer", True), "trial"])
    assert {name.split(".")[0] for name in trained} == {"head"}


def _wait_for(condition: object, process: subprocess.Popen[str], seconds: float = 120) -> None:
    assert callable(condition)
    deadline = time.monotonic() + seconds
    while not condition():
        assert process.poll() is None, "the run ended before it could be disturbed"
        assert time.monotonic() < deadline, "the run did not come far enough"
        time.sleep(0.02)
