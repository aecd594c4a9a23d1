"""An exported champion: loaded without the project, it is the trained network."""

import hashlib
import json
import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from datasets.decoding.decode import decode_image
from datasets.preprocess import preprocess
from sweeper.cli import main
from sweeper.store.store import Store
from sweeper.use import export, onnx_file
from sweeper.use.chosen import choose
from sweeper.use.finished import FinishedRun
from sweeper.use.prediction import predict
from tests.datasets.decoding.picture_files import every_file

Captured = pytest.CaptureFixture[str]
STRATEGIES = ["transfer", "finetune"]


def cell_of(strategy: str) -> str:
    return f"grouped/mobilenet/all/none/{strategy}/seed0"


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
        [
            sys.executable,
            "-I",
            str(folder / "classify.py"),
            str(image),
        ],  # -I: the project is not on the path
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=True,
    )
    store = Store(finished_run.config.store)
    chosen = choose(finished_run, store, cell_of(strategy))
    (expected,) = predict(chosen, store, [image], finished_run.preprocessing("mobilenet"))
    found = json.loads(ended.stdout)["probabilities"]
    assert list(found) == chosen.classes
    assert list(found.values()) == pytest.approx(expected.probabilities, abs=1e-4)


def classified(folder: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    """The outcome of an exported folder's `classify.py`, run without the project on the path."""
    command = [sys.executable, "-I", str(folder / "classify.py"), *arguments]
    return subprocess.run(command, cwd=folder.parent, capture_output=True, text=True)


@pytest.fixture(scope="module")
def folder(finished_run: FinishedRun, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return exported(finished_run, tmp_path_factory.mktemp("exported") / "out", "transfer")


def test_every_kind_of_file_is_preprocessed_as_by_predict(
    finished_run: FinishedRun, folder: Path, tmp_path: Path
) -> None:
    paths = []
    for name, data in every_file().items():
        paths.append(tmp_path / name)
        paths[-1].write_bytes(data)
    ended = classified(folder, *map(str, paths))
    assert (ended.returncode, ended.stderr) == (0, "")
    store = Store(finished_run.config.store)
    chosen = choose(finished_run, store, cell_of("transfer"))
    expected = predict(chosen, store, paths, finished_run.preprocessing("mobilenet"))
    found = [json.loads(line) for line in ended.stdout.splitlines()]
    assert [one["image"] for one in found] == list(map(str, paths))
    for one, other in zip(found, expected, strict=True):
        scores = list(one["probabilities"].values())
        assert scores == pytest.approx(other.probabilities, abs=1e-4), one["image"]


def test_the_pixels_are_bit_identical(
    folder: Path, finished_run: FinishedRun, tmp_path: Path
) -> None:
    """Probabilities of a small network might hide a difference."""
    code = """if True:
        import hashlib, sys
        sys.path.insert(0, sys.argv[1])
        from classify import *
        config = json.loads(Path(sys.argv[1], "config.json").read_text())
        for name in sys.argv[2:]:
            pixels = load_image(Path(name), config).byte().numpy()
            print(hashlib.sha256(pixels.tobytes()).hexdigest())
        assert not any(name.split(".")[0] in ("datasets", "sweeper") for name in sys.modules)
    """
    paths, expected = [], []
    for name, data in every_file().items():
        paths.append(tmp_path / name)
        paths[-1].write_bytes(data)
        pixels = preprocess(decode_image(data), finished_run.preprocessing("mobilenet"))
        ordered = np.ascontiguousarray(pixels.transpose(2, 0, 1))
        expected.append(hashlib.sha256(ordered.tobytes()).hexdigest())
    ended = subprocess.run(
        [sys.executable, "-I", "-c", code, str(folder), *map(str, paths)],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=True,
    )
    assert ended.stdout.split() == expected


def test_the_exported_program_prints_usage_and_errors(folder: Path, tmp_path: Path) -> None:
    helped = classified(folder, "--help")
    assert (helped.returncode, helped.stderr) == (0, "")
    assert "usage: classify.py" in helped.stdout
    assert classified(folder).returncode == 2
    (tmp_path / "torn.png").write_bytes(b"no picture")
    Image.effect_noise((40, 40), 60).save(tmp_path / "good.png")
    bad = [str(tmp_path / "torn.png"), str(tmp_path / "gone.png"), str(tmp_path)]
    refused = classified(folder, *bad)
    assert (refused.returncode, refused.stdout) == (2, "")
    lines = refused.stderr.splitlines()
    assert [line.partition("': ")[0] for line in lines] == [f"error: image '{one}" for one in bad]
    some = classified(folder, bad[0], str(tmp_path / "good.png"))
    assert some.returncode == 1
    assert len(some.stdout.splitlines()) == len(some.stderr.splitlines()) == 1


def test_dicom_without_its_packages_is_refused_in_one_line(folder: Path, tmp_path: Path) -> None:
    (tmp_path / "a.dcm").write_bytes(every_file()["window.dcm"])
    program = str(folder / "classify.py")
    code = f"import sys, runpy; sys.modules['pydicom'] = None; sys.argv = [{program!r}, 'a.dcm']; "
    code += f"runpy.run_path({program!r}, run_name='__main__')"
    ended = subprocess.run(
        [sys.executable, "-I", "-c", code], cwd=tmp_path, capture_output=True, text=True
    )
    assert ended.returncode == 2
    assert ended.stderr.startswith("error: image 'a.dcm': a DICOM file, which needs pydicom")
    assert len(ended.stderr.splitlines()) == 1


def test_damaged_exported_files_are_one_line(folder: Path, tmp_path: Path) -> None:
    shutil.copytree(folder, tmp_path / "out")
    for name in ("model.safetensors", "config.json"):
        (tmp_path / "out" / name).write_bytes(b"{")
        ended = classified(tmp_path / "out", "a.png")
        assert ended.returncode == 2
        (line,) = ended.stderr.splitlines()
        assert line.startswith("error: the exported files cannot be loaded")


@pytest.mark.parametrize("mask", [0o022, 0o077, 0o002])
def test_all_files_have_the_permissions_of_new_files(
    finished_run: FinishedRun, tmp_path: Path, mask: int
) -> None:
    before = os.umask(mask)
    try:
        folder = exported(finished_run, tmp_path / "out", "transfer")
    finally:
        os.umask(before)
    modes = {path.stat().st_mode & 0o777 for path in folder.rglob("*") if path.is_file()}
    assert modes == {0o666 & ~mask}


def test_config_and_card_describe_the_network(finished_run: FinishedRun, tmp_path: Path) -> None:
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


def test_the_card_and_config_carry_the_evidence(finished_run: FinishedRun, tmp_path: Path) -> None:
    folder = exported(finished_run, tmp_path / "out", "transfer")
    evidence = json.loads((folder / "config.json").read_text())["evidence"]
    chosen = choose(finished_run, Store(finished_run.config.store), cell_of("transfer"))
    interval = chosen.interval
    assert interval is not None
    assert evidence["metric"]["name"] == finished_run.config.metric
    assert evidence["metric"]["value"] == chosen.row[finished_run.config.metric]
    assert (evidence["accuracy"]["low"], evidence["accuracy"]["high"]) == (
        interval.low,
        interval.high,
    )
    assert [one["threshold"] for one in evidence["operating_points"]] == [
        one.threshold for one in chosen.points
    ]
    parts = evidence["test_set"]["parts"]
    assert parts["test"]["images"] == chosen.row["n_test"]
    assert sum(part["images"] for part in parts.values()) == evidence["data"]["images"]
    assert evidence["test_set"]["leaked_rows"] == 0  # of a grouped split
    assert evidence["data"]["manifest_hash"] == finished_run.about["data"]["manifest_hash"]
    card = (folder / "README.md").read_text()
    known = next(one for one in chosen.points if one.threshold is not None)
    for fact in (
        f"| {known.label} | {100 * known.threshold:.1f} % |",
        evidence["data"]["manifest_hash"],
        f"test {parts['test']['images']} images in {parts['test']['groups']} groups",
        f"temperature {chosen.temperature:.3g}",
    ):
        assert fact in card


def test_onnx_computes_what_torch_computes(finished_run: FinishedRun, tmp_path: Path) -> None:
    runtime = pytest.importorskip("onnxruntime")
    pytest.importorskip("onnxscript")
    folder = exported(finished_run, tmp_path / "out", "finetune", "--onnx")
    session = runtime.InferenceSession(folder / "model.onnx")
    pixels = np.random.default_rng(2).integers(0, 256, (5, 3, 64, 64)).astype(np.float32)
    (found,) = session.run(None, {"pixels": pixels})
    from sweeper.use.prediction import Predictor

    store = Store(finished_run.config.store)
    predictor = Predictor(choose(finished_run, store, cell_of("finetune")), store)
    images = pixels.transpose(0, 2, 3, 1).astype(np.uint8)
    np.testing.assert_allclose(found, predictor.probabilities(images), atol=1e-4)
    assert "`model.onnx` takes" in (folder / "README.md").read_text()


def test_a_network_that_differs_from_the_trained_one_is_never_exported(
    finished_run: FinishedRun, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    whole = export._state

    def altered(*arguments: Any) -> dict[str, Any]:
        weights = whole(*arguments)
        return weights | {"head.0.weight": weights["head.0.weight"] * 3}

    monkeypatch.setattr(export, "_state", altered)
    with pytest.raises(RuntimeError, match="the exported network: probabilities differ"):
        exported(finished_run, tmp_path / "out", "transfer")
    assert not list(tmp_path.iterdir())  # nothing is left behind


def test_onnx_without_its_packages_is_one_line(
    finished_run: FinishedRun, tmp_path: Path, capsys: Captured, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(onnx_file, "ONNX_PACKAGES", ("onnx", "a_package_that_is_not_there"))
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
