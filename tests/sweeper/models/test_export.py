"""An exported champion: loaded without the project, it is the trained network."""

import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from sweeper.cli import main
from sweeper.models import export
from sweeper.models.chosen import choose
from sweeper.models.finished import FinishedRun
from sweeper.models.prediction import predict
from sweeper.store import Store

Captured = pytest.CaptureFixture[str]
STRATEGIES = ["transfer", "finetune"]


def cell_of(strategy: str) -> str:
    return f"grouped/mobilenet/all/plain/{strategy}/seed0"


def exported(run: FinishedRun, out: Path, strategy: str, *more: str) -> Path:
    arguments = ["export", str(run.folder), "--cell", cell_of(strategy), "--out", str(out), *more]
    assert main(arguments) == 0
    return out


@pytest.mark.parametrize("strategy", STRATEGIES)
def test_the_exported_folder_classifies_without_the_project(
    finished_run: FinishedRun, tmp_path: Path, strategy: str
) -> None:
    image = tmp_path / "new.png"
    noise = np.random.default_rng(1).integers(20, 200, (90, 70, 3)).astype(np.uint8)
    Image.fromarray(noise).save(image)
    folder = exported(finished_run, tmp_path / "out", strategy)
    ended = subprocess.run(
        [sys.executable, "-I", str(folder / "classify.py"), str(image)],  # -I: no project on path
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=True,
    )
    store = Store(finished_run.config.store)
    chosen = choose(finished_run, store, cell_of(strategy))
    (expected,) = predict(chosen, store, [image], finished_run.config.preprocess)
    found = json.loads(ended.stdout)["probabilities"]
    assert list(found) == chosen.classes
    assert list(found.values()) == pytest.approx(expected.probabilities, abs=1e-4)


def test_config_and_card_say_what_it_is(finished_run: FinishedRun, tmp_path: Path) -> None:
    folder = exported(finished_run, tmp_path / "out", "transfer")
    config = json.loads((folder / "config.json").read_text())
    chosen = choose(finished_run, Store(finished_run.config.store), cell_of("transfer"))
    assert config["metrics"]["accuracy"] == chosen.row["accuracy"]
    assert config["classes"] == chosen.classes
    assert config["preprocessing"]["image_size"] == finished_run.config.preprocess.image_size
    assert config["trained"]["split_policy"] == "grouped"
    assert config["versions"]["torch"]
    card = (folder / "README.md").read_text()
    assert f"{100 * chosen.row['accuracy']:.0f} %" in card
    assert all(name in card for name in chosen.classes)
    assert "model.onnx" not in card


def test_onnx_computes_what_torch_computes(finished_run: FinishedRun, tmp_path: Path) -> None:
    runtime = pytest.importorskip("onnxruntime")
    pytest.importorskip("onnxscript")
    folder = exported(finished_run, tmp_path / "out", "finetune", "--onnx")
    session = runtime.InferenceSession(folder / "model.onnx")
    pixels = np.random.default_rng(2).integers(0, 256, (5, 3, 64, 64)).astype(np.float32)
    (found,) = session.run(None, {"pixels": pixels})
    from sweeper.models.prediction import Predictor

    store = Store(finished_run.config.store)
    predictor = Predictor(choose(finished_run, store, cell_of("finetune")), store)
    images = pixels.transpose(0, 2, 3, 1).astype(np.uint8)
    np.testing.assert_allclose(found, predictor.probabilities(images), atol=1e-4)
    assert "`model.onnx` takes" in (folder / "README.md").read_text()


def test_a_network_that_is_not_the_trained_one_is_never_exported(
    finished_run: FinishedRun, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    whole = export.trial_weights

    def altered(*arguments: object) -> dict[str, object]:
        weights = whole(*arguments)  # type: ignore[arg-type]
        return weights | {"head.0.weight": weights["head.0.weight"] * 3}

    monkeypatch.setattr(export, "trial_weights", altered)
    with pytest.raises(RuntimeError, match="the exported network: probabilities differ"):
        exported(finished_run, tmp_path / "out", "transfer")


def test_onnx_without_its_packages_is_one_line(
    finished_run: FinishedRun, tmp_path: Path, capsys: Captured, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(export, "ONNX_PACKAGES", ("onnx", "a_package_that_is_not_there"))
    assert main(["export", str(finished_run.folder), "--onnx", "--out", str(tmp_path / "o")]) == 2
    (line,) = capsys.readouterr().err.splitlines()
    assert "a_package_that_is_not_there; install" in line
    assert not (tmp_path / "o").exists()


def test_an_out_that_cannot_be_written_to_is_one_line(
    finished_run: FinishedRun, tmp_path: Path, capsys: Captured
) -> None:
    (tmp_path / "file").write_text("")
    assert main(["export", str(finished_run.folder), "--out", str(tmp_path / "file" / "o")]) == 2
    (line,) = capsys.readouterr().err.splitlines()
    assert "cannot be written to" in line
