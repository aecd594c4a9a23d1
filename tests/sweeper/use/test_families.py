"""Champions of every strategy and of other families of networks are used like any other."""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from sweeper.cli import main
from sweeper.config.load import load_config
from sweeper.progress import Progress
from sweeper.run import pipeline
from sweeper.run.predictions import read_predictions
from sweeper.store.store import Store
from sweeper.use.chosen import choose
from sweeper.use.finished import FinishedRun, read_run
from sweeper.use.prediction import Predictor, predict
from tests.one_ray import OneRay
from tests.sweeper.conftest import SMALL

pytestmark = pytest.mark.ray
MODELS = {"convnext": "convnext_atto.d2_in1k", "transformer": "vit_tiny_patch16_224"}
STRATEGIES = ("knn", "linear", "transfer", "finetune")
CELLS = [f"grouped/{name}/all/none/{strategy}/seed0" for name in MODELS for strategy in STRATEGIES]


@pytest.fixture(scope="module")
def run(sweeps: OneRay, tmp_path_factory: pytest.TempPathFactory) -> FinishedRun:
    folder = tmp_path_factory.mktemp("families")
    (folder / "run" / "results").mkdir(parents=True)
    changes = [
        *(f"backbones.{name}.model={model}" for name, model in MODELS.items()),
        f"grid.backbones=[{', '.join(MODELS)}]",
        *(f"weights.{name}=none" for name in MODELS),
        f"grid.strategies=[{', '.join(STRATEGIES)}]",
        "grid.augmentations=[none]",
        "split.policies=[grouped]",
        "explain.examples=0",
        "robustness.champions=none",
    ]
    config = load_config("smoke", [f"store={folder / 'store'}", *SMALL, *changes])
    outcome = pipeline.run_sweep(config, folder / "run", "python sweep.py run", Progress())
    assert outcome.cells == {"done": len(CELLS)}
    return read_run(folder / "run")


@pytest.mark.parametrize("cell", CELLS)
def test_a_test_image_gets_the_probabilities_that_the_run_stored(
    run: FinishedRun, cell: str
) -> None:
    store = Store(run.config.store)
    chosen = choose(run, store, cell)
    stored = read_predictions(store, chosen.spec)
    images = pd.read_parquet(run.folder / "results" / "images.parquet").set_index("image_id")
    (root,) = Path(run.config.store).glob("images/*/*/")
    paths = [root / images.loc[image_id, "path"] for image_id in stored["image_id"]]
    found = predict(chosen, store, paths, run.preprocessing(cell.split("/")[1]))
    plain = np.stack(stored["probabilities"]) ** (1 / (chosen.temperature or 1.0))
    expected = plain / plain.sum(axis=1, keepdims=True)
    np.testing.assert_allclose([one.probabilities for one in found], expected, atol=1e-3)


@pytest.mark.parametrize("cell", CELLS)
def test_the_exported_onnx_computes_what_the_trained_network_does(
    run: FinishedRun, cell: str, tmp_path: Path
) -> None:
    runtime = pytest.importorskip("onnxruntime")
    pytest.importorskip("onnxscript")
    out = tmp_path / "out"
    assert main(["export", str(run.folder), "--cell", cell, "--out", str(out), "--onnx"]) == 0
    store = Store(run.config.store)
    predictor = Predictor(choose(run, store, cell), store)
    side = run.preprocessing(cell.split("/")[1]).image_size
    images = np.random.default_rng(2).integers(0, 256, (3, side, side, 3)).astype(np.uint8)
    pixels = images.transpose(0, 3, 1, 2).astype(np.float32)
    (found,) = runtime.InferenceSession(out / "model.onnx").run(None, {"pixels": pixels})
    np.testing.assert_allclose(found, predictor.probabilities(images), atol=1e-4)
