"""The probes beside transfer and fine-tuning, through a whole run and its use."""

import json
import shutil
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from reports.run import load_run
from reports.tables import read_tables
from sweeper.cli import main
from sweeper.config.load import load_config
from sweeper.plan.collect import collect
from sweeper.plan.ledger import Ledger
from sweeper.plan.plan import Plan
from sweeper.progress import Progress
from sweeper.run import caches, pipeline
from sweeper.stage_times import StageTimes
from sweeper.store.store import Store
from sweeper.strategies import STRATEGIES
from sweeper.use.finished import FinishedRun, read_run
from tests.one_ray import OneRay
from tests.sweeper.run.test_trial import SPEC
from trainables.backbones import build_backbone
from trainables.registry import WeightsError

Captured = pytest.CaptureFixture[str]
PROBES = ["knn", "linear"]
OPTIONS = [
    "grid.strategies=[finetune, transfer, linear, knn]",
    "grid.seeds=[0, 1]",
    "grid.augmentations=[fec-ige]",
    "data.synthetic.images_per_class=6",
    "search.draws=1",
    "explain.examples=1",
    "explain.max_steps=16",
    "explain.baselines=[black]",
    "explain.time_share=null",
    "explain.champions=all",
    "cache.dtype=float32",
    "resources.cpus=1",
]


def run_probes(store: Path, out: Path) -> FinishedRun:
    (out / "results").mkdir(parents=True, exist_ok=True)
    config = load_config("smoke", [f"store={store}", *OPTIONS])
    outcome = pipeline.run_sweep(config, out, "python sweep.py run", Progress())
    assert outcome.cells == {"done": 8}
    return read_run(out)


@pytest.fixture(scope="module")
def run(sweeps: OneRay, tmp_path_factory: pytest.TempPathFactory) -> FinishedRun:
    folder = tmp_path_factory.mktemp("probes")
    return run_probes(folder / "store", folder / "run")


@pytest.fixture(scope="module")
def tables(run: FinishedRun) -> dict[str, pd.DataFrame]:
    return read_tables(run.folder / "results")


def cell_of(strategy: str) -> str:
    return f"grouped/mobilenet/all/fec-ige/{strategy}/seed0"


def test_every_strategy_has_finished_cells_with_proper_probabilities(
    tables: dict[str, pd.DataFrame],
) -> None:
    cells, predictions = tables["cells"], tables["predictions"]
    assert sorted(cells["strategy"]) == sorted(2 * list(STRATEGIES))
    assert np.isfinite(cells["log_loss"]).all()
    scores = np.stack(predictions["probabilities"].to_list())
    np.testing.assert_allclose(scores.sum(axis=1), 1, atol=1e-5)
    assert (scores > 0).all()


def test_hyperparameters_that_do_not_apply_are_null(tables: dict[str, pd.DataFrame]) -> None:
    for table in (tables["cells"], tables["trials"]):
        probe = table["strategy"].isin(PROBES)
        for name in ("lr", "batch_size", "hidden"):
            assert table.loc[probe, name].isna().all()
            assert table.loc[~probe, name].notna().all()


def test_a_probes_candidates_are_kept_and_one_is_chosen(tables: dict[str, pd.DataFrame]) -> None:
    trials = tables["trials"].drop_duplicates("trial").set_index("trial")
    for key, tried in tables["candidates"].groupby("trial"):
        assert trials.loc[key, "strategy"] in PROBES
        assert tried["candidate"].tolist() == list(range(1, len(tried) + 1))
        chosen = tried[tried["chosen"]]
        assert len(chosen) == 1
        assert chosen["val_score"].item() == tried["val_score"].max()
        assert chosen["val_score"].item() == trials.loc[key, "val_score"]
    assert set(tables["candidates"]["trial"]) == set(trials.index[trials["strategy"].isin(PROBES)])


def test_a_probe_is_fitted_once_for_all_seeds(tables: dict[str, pd.DataFrame]) -> None:
    keys = tables["cells"].groupby("strategy")["champion"].nunique()
    assert keys.to_dict() == {"knn": 1, "linear": 1, "transfer": 2, "finetune": 2}


def test_nearest_neighbours_have_no_maps_and_all_others_have_some(
    tables: dict[str, pd.DataFrame],
) -> None:
    assert set(tables["attributions"]["strategy"]) == {"linear", "transfer", "finetune"}


def test_the_page_names_the_strategies_in_one_order_and_shows_the_candidates(
    run: FinishedRun,
) -> None:
    assert load_run(run.folder).strategies == ["knn", "linear", "transfer", "finetune"]
    page = (run.folder / "report" / "index.html").read_text()
    for text in ("linear probe, augmented", "k nearest neighbours, augmented", "l2=0.0001"):
        assert text in page


def test_a_run_that_lost_a_probe_is_completed_to_the_same_tables(
    run: FinishedRun, tables: dict[str, pd.DataFrame], tmp_path: Path
) -> None:
    store = tmp_path / "store"
    shutil.copytree(run.config.store, store)
    champion = tables["cells"].set_index("strategy").loc["linear", "champion"].iloc[0]
    shutil.rmtree(store / "trials" / champion)
    again = read_tables(run_probes(store, tmp_path / "run").folder / "results")
    both = again, tables
    for name in ("cells", "candidates", "predictions"):
        found, expected = (one[name].drop(columns="train_s", errors="ignore") for one in both)
        pd.testing.assert_frame_equal(found, expected)


@pytest.mark.parametrize("strategy", PROBES)
@pytest.mark.parametrize("form", [[], ["--onnx"]], ids=["torch", "onnx"])
def test_a_probe_predicts_and_is_exported(
    run: FinishedRun, tmp_path: Path, strategy: str, form: list[str], capsys: Captured
) -> None:
    """The export compares its outputs with the trained network's."""
    if form:
        pytest.importorskip("onnxruntime")
    chosen = ["--cell", cell_of(strategy)]
    assert main(["predict", str(run.folder), str(write_image(tmp_path)), *chosen, "--json"]) == 0
    assert strategy in capsys.readouterr().out
    out = tmp_path / "exported"
    assert main(["export", str(run.folder), *chosen, "--out", str(out), *form]) == 0
    head = json.loads((out / "config.json").read_text())["head"]
    assert head == {"knn": "neighbours", "linear": "linear"}[strategy]
    assert (out / "model.onnx").exists() == bool(form)


def write_image(folder: Path) -> Path:
    from PIL import Image

    path = folder / "image.png"
    Image.fromarray(np.full((64, 64), 128, np.uint8)).save(path)
    return path


def test_explaining_a_knn_network_is_refused_in_one_line(
    run: FinishedRun, tmp_path: Path, capsys: Captured
) -> None:
    image = write_image(tmp_path)
    code = main(["predict", str(run.folder), str(image), "--cell", cell_of("knn"), "--explain"])
    assert code == 2
    assert "--explain: a knn network cannot be explained" in capsys.readouterr().err


@pytest.mark.parametrize("strategy", PROBES)
def test_only_rows_and_classes_enter_the_key_of_a_probe(strategy: str) -> None:
    spec = replace(SPEC, strategy=strategy, hyperparameters={})
    without_effect: dict[str, Any] = {
        "seed": 9,
        "epochs": 7,
        "epoch_rows": 5,
        "batchnorm_statistics": "running_average",
    }
    for name, value in without_effect.items():
        assert replace(spec, **{name: value}).key == spec.key
    for name in ("split_key", "table_key", "classes"):
        other: dict[str, Any] = {name: 5 if name == "classes" else "other"}
        assert replace(spec, **other).key != spec.key
    assert len({replace(spec, strategy=one).key for one in (*PROBES, "transfer")}) == 3


def test_a_probe_has_one_trial_however_many_draws_are_planned(tmp_path: Path) -> None:
    config = load_config(
        "smoke", [f"store={tmp_path}", "grid.strategies=[linear]", "search.draws=4"]
    )
    store = Store(config.store)
    ledger = Ledger(Plan(config, collect(config.data, store), store))
    for cell in ledger.plan.cells:
        (spec,) = ledger.trials(cell)
        assert (spec.draw, spec.hyperparameters, spec.epochs, spec.rungs) == (0, {}, 1, ())


def test_a_backbone_whose_weights_cannot_be_had_is_left_out_alone(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def load(spec: Any, weights: Any, calibration: Any) -> Any:
        if spec.name == "resnet50":
            raise WeightsError("weights.resnet50='imagenet': no route")
        return build_backbone(spec)

    monkeypatch.setattr(caches, "load_backbone", load)
    options = ["grid.backbones=[resnet50, mobilenet]", "weights.resnet50=none"]
    config = load_config("smoke", [f"store={tmp_path}", *options])
    store = Store(config.store)
    plan = Plan(config, collect(config.data, store), store)
    made = caches.Caches(plan, Progress(), StageTimes(), lambda: pytest.fail("no Ray needed"))
    assert made.load_backbones(["resnet50", "mobilenet"]) == {
        "resnet50": "weights.resnet50='imagenet': no route"
    }
    assert store.find(*plan.backbones["mobilenet"].place)
    with pytest.raises(WeightsError, match="no route"):
        made.load_backbones(["resnet50"])
