"""Write the web page of a champion: its network, what it states, and a picture to check itself."""

from __future__ import annotations

import io
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from datasets.decoding.decode import decode_image
from datasets.preprocess import Preprocessing, preprocess
from sweeper.run.parts import TrialParts
from sweeper.use.chosen import ChosenCell
from sweeper.use.exported.classify import Classifier
from sweeper.use.finished import FinishedRun
from sweeper.use.model_card import shown_metric, shown_percent, shown_share
from sweeper.use.novelty import Novelty
from sweeper.use.prediction import Predictor
from sweeper.use.web.network import write_page_network
from sweeper.use.web.page import Page, packed
from sweeper.use.web.runtime import read_runtime

FOLDER, SINGLE = "web", "classifier.html"
MAX_COMPARED = 2_000  # training images whose features the page contains, 4 bytes a number


def write_web(
    run: FinishedRun,
    chosen: ChosenCell,
    parts: TrialParts,
    model: Classifier,
    config: Mapping[str, Any],
    out: Path,
) -> list[Path]:
    """Write the folder `web` and the file `classifier.html` into `out`; returns the files.

    The network is compared with the trained one before anything is written. Raises RuntimeError
    where they differ.
    """
    novelty = Novelty.of(run, chosen, parts.store, MAX_COMPARED)
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "page.onnx"
        write_page_network(model, chosen, parts, novelty, path)
        network = path.read_bytes()
    page = Page(
        _about(chosen, parts, config, novelty), _shown(chosen, config), network, read_runtime()
    )
    (out / FOLDER).mkdir(exist_ok=True)
    texts = {Path(FOLDER, name): text for name, text in page.files().items()}
    texts[Path(SINGLE)] = page.single()
    for name, text in texts.items():
        (out / name).write_text(text, encoding="utf-8", newline="\n")
    return [out / name for name in texts]


def _about(
    chosen: ChosenCell, parts: TrialParts, config: Mapping[str, Any], novelty: Novelty | None
) -> dict[str, Any]:
    """What the page's scripts know about the network."""
    threshold = novelty.threshold if novelty else None
    return {
        "classes": chosen.classes,
        "preprocessing": config["preprocessing"],
        "operating_points": [
            {"label": one.label, "threshold": one.threshold} for one in chosen.points
        ],
        "test_rows": config["metrics"]["n_test"],
        "metrics": [{"title": title, "text": text} for title, text in _metrics(config)],
        "novelty": {"distance": threshold.distance, "text": str(threshold)} if threshold else None,
        "self_check": _self_check(chosen, parts, config),
    }


def _self_check(chosen: ChosenCell, parts: TrialParts, config: Mapping[str, Any]) -> dict[str, Any]:
    """A drawn picture and its probabilities, with which the page checks a browser."""
    picture = check_picture()
    pixels = preprocess(decode_image(picture), Preprocessing.of(config["preprocessing"]))
    probabilities = Predictor(chosen, parts.store).probabilities(pixels[None])[0]
    return {"picture": packed(picture), "probabilities": probabilities.tolist()}


def check_picture() -> bytes:
    """A JPEG file with smooth colours and some noise."""
    y, x = np.mgrid[0:122, 0:187]
    noise = np.random.default_rng(0).normal(0, 12, (122, 187, 1))
    smooth = np.stack([x, 2 * y, 255 - x], axis=2) + noise
    buffer = io.BytesIO()
    Image.fromarray(smooth.clip(0, 255).astype(np.uint8)).save(buffer, "JPEG", quality=85)
    return buffer.getvalue()


def _metrics(config: Mapping[str, Any]) -> list[tuple[str, str]]:
    """The accuracy and the run's metric, with their intervals."""
    evidence = config["evidence"]
    found = [("accuracy", shown_share(evidence["accuracy"]))]
    if evidence["metric"]["name"] != "accuracy":
        found.append((evidence["metric"]["title"], shown_metric(evidence["metric"])))
    return found


def _shown(chosen: ChosenCell, config: Mapping[str, Any]) -> dict[str, Any]:
    """The values of the template."""
    test_set, points = config["evidence"]["test_set"], config["evidence"]["operating_points"]
    trained, temperature = config["trained"], config["temperature"]
    split = f"split {test_set['policy']}: {test_set['meaning']}"
    facts = [
        *((f"Test {title}", text) for title, text in _metrics(config)),
        ("Test images", f"{config['metrics']['n_test']}, {split}"),
        ("Probabilities", f"calibrated on validation images (temperature {temperature:.3g})"),
        (
            "Network",
            f"{config['timm_name']}, {trained['strategy']}, {trained['n_train']} training rows",
        ),
        ("Run", f"{config['run']}, cell {config['cell']}, training {config['trial']}"),
    ]
    rows = [
        [one["label"], shown_percent(one["threshold"], 1)]
        + [shown_share(one["test"].get(name)) for name in ("sensitivity", "specificity")]
        for one in points
    ]
    return {
        "title": f"{config['run']}: {len(chosen.classes)} classes",
        "lead": f"Tells {', '.join(chosen.classes)} apart.",
        "facts": facts,
        "points": rows,
        "rule": points[0]["rule"] if points else "",
    }
