"""The exported web page in Chromium, from the disk: it answers as `predict` and stays offline."""

from __future__ import annotations

import json
import os
import time
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from datasets.decoding.decode import decode_image
from datasets.preprocess import preprocess
from sweeper.cli import main
from sweeper.store.store import Store
from sweeper.use.chosen import ChosenCell, choose
from sweeper.use.finished import FinishedRun
from sweeper.use.novelty import Novelty
from sweeper.use.prediction import Prediction, Predictor, predict
from sweeper.use.web import export, network, runtime
from tests.datasets.decoding.picture_files import encoded, raster_files, turned_exif
from tests.reports.axe import LOOKS, needs_axe, violations
from tests.reports.browser import Browser
from tests.sweeper.use.web.test_scripts import photo

CELL = "grouped/mobilenet/all/none/finetune/seed0"
PAGES = ["classifier.html", "web/index.html"]
WAIT_S = 120.0
Captured = pytest.CaptureFixture[str]

needs_runtime = pytest.mark.skipif(
    not runtime.PACKAGE.exists() and not os.environ.get("CI"),
    reason="ONNX Runtime Web is not installed (make web), and this is not CI",
)


@pytest.fixture(scope="module")
def chosen(finished_run: FinishedRun) -> ChosenCell:
    return choose(finished_run, Store(finished_run.config.store), CELL)


@pytest.fixture(scope="module")
def folder(finished_run: FinishedRun, tmp_path_factory: pytest.TempPathFactory) -> Path:
    pytest.importorskip("onnxscript")
    out = tmp_path_factory.mktemp("web") / "out"
    arguments = ["export", str(finished_run.folder), "--cell", CELL, "--web", "--out", str(out)]
    assert main(arguments) == 0
    return out


@pytest.fixture(scope="module")
def pictures(finished_run: FinishedRun, tmp_path_factory: pytest.TempPathFactory) -> list[Path]:
    """Photos of several kinds, and one of noise."""
    at = tmp_path_factory.mktemp("pictures")
    noise = np.random.default_rng(0).integers(0, 256, (80, 70, 3), np.uint8)
    files = {
        "turned.jpg": encoded(Image.fromarray(photo(300, 420)), "JPEG", exif=turned_exif(6)),
        "grey.jpg": encoded(Image.fromarray(photo(200, 150)).convert("L"), "JPEG"),
        "large.jpg": encoded(Image.fromarray(photo(2400, 3600)), "JPEG"),
        "deep.png": raster_files()["deep.png"],
        "noise.png": encoded(Image.fromarray(noise)),
    }
    for name, data in files.items():
        (at / name).write_bytes(data)
    return [at / name for name in files]


@pytest.fixture(scope="module")
def predicted(
    finished_run: FinishedRun, chosen: ChosenCell, pictures: list[Path]
) -> list[Prediction]:
    store = Store(finished_run.config.store)
    novelty = Novelty.of(finished_run, chosen, store)
    return predict(
        chosen, store, pictures, finished_run.preprocessing("mobilenet"), novelty=novelty
    )


def classify(browser: Browser, pictures: list[Path]) -> list[dict[str, Any]]:
    """Choose files in the open page; the cards of the results, in the order of the files."""
    browser.evaluate("ready")
    assert "Ready" in browser.evaluate("document.getElementById('status').textContent")
    browser.choose_files("#files", pictures)
    done = f"document.querySelectorAll('article').length === {len(pictures)}"
    said = "document.getElementById('status').textContent.startsWith('Classified')"
    wait_for(browser, f"{done} && {said}")
    cards: list[dict[str, Any]] = browser.evaluate(
        """[...document.querySelectorAll("article")].reverse().map((card) => ({
          name: card.querySelector("h3").textContent,
          problem: card.querySelector("article > .problem")?.textContent ?? "",
          isUnlike: card.querySelector(".unlike") !== null,
          rows: Object.fromEntries([...card.querySelectorAll("tbody tr")].map((row) =>
            [row.querySelector("th").textContent, [...row.querySelectorAll("td")].map(
              (cell) => cell.textContent)])),
          text: card.textContent,
        }))"""
    )
    return cards


def wait_for(browser: Browser, condition: str) -> None:
    until = time.monotonic() + WAIT_S
    while not browser.evaluate(condition):
        assert time.monotonic() < until, condition
        time.sleep(0.05)


@needs_runtime
@pytest.mark.parametrize("page", PAGES)
def test_a_chosen_file_is_classified_as_by_predict(
    page: str,
    folder: Path,
    browser: Browser,
    pictures: list[Path],
    predicted: list[Prediction],
    chosen: ChosenCell,
) -> None:
    browser.open(folder / page)
    cards = classify(browser, pictures)
    assert [card["name"] for card in cards] == [path.name for path in pictures]
    points = {point.label: point for point in chosen.points}
    for card, expected in zip(cards, predicted, strict=True):
        assert not card["problem"]
        assert card["isUnlike"] == expected.is_far
        for name, probability in zip(chosen.classes, expected.probabilities, strict=True):
            shown, _, decision = card["rows"][name]
            assert float(shown.removesuffix(" %")) == pytest.approx(100 * probability, abs=0.1)
            if points[name].threshold is not None:
                assert decision.startswith("yes") == points[name].is_reached(probability)
    interval = chosen.interval
    assert interval is not None
    assert f"accuracy {100 * chosen.row['accuracy']:.0f} % (95 % interval" in cards[0]["text"]
    assert browser.console == []


@needs_runtime
def test_probabilities_and_distances_are_those_of_predict(
    folder: Path, browser: Browser, pictures: list[Path], predicted: list[Prediction]
) -> None:
    """As numbers, not as they are rounded on the page."""
    browser.open(folder / PAGES[0])
    browser.evaluate("ready")
    for path, expected in zip(pictures, predicted, strict=True):
        data = json.dumps(list(path.read_bytes())) if path.stat().st_size < 200_000 else None
        if data is None:
            continue
        script = f"classify(network, Uint8Array.from({data}))"
        found = browser.evaluate(f"{script}.then((one) => [one.probabilities, one.distance])")
        np.testing.assert_allclose(found[0], expected.probabilities, atol=1e-3)
        assert found[1] == pytest.approx(expected.distance, rel=1e-3)


@needs_runtime
def test_the_heat_map_is_the_occlusion_of_the_trained_network(
    finished_run: FinishedRun,
    folder: Path,
    browser: Browser,
    pictures: list[Path],
    predicted: list[Prediction],
    chosen: ChosenCell,
) -> None:
    browser.open(folder / PAGES[0])
    classify(browser, pictures[:1])
    browser.evaluate("document.querySelector('article button').click()")
    wait_for(browser, "document.querySelectorAll('article canvas').length === 2")
    assert "Covering" in browser.evaluate(
        "document.querySelector('article p[role=status]').textContent"
    )
    best = predicted[0].best
    data = json.dumps(list(pictures[0].read_bytes()))
    found = browser.evaluate(
        f"""classify(network, Uint8Array.from({data})).then(async (one) => Array.from((await
          occlusion(network, one.image, {best}, one.probabilities[{best}], () => 0)).map))"""
    )
    image = preprocess(
        decode_image(pictures[0].read_bytes()), finished_run.preprocessing("mobilenet")
    )
    expected = occlusion_map(Predictor(chosen, Store(finished_run.config.store)), image, best)
    np.testing.assert_allclose(np.reshape(found, (8, 8)), expected, atol=1e-3)
    assert expected.max() > 1e-3  # else the comparison would prove nothing


def occlusion_map(predictor: Predictor, image: np.ndarray, target: int) -> np.ndarray:
    """(8, 8): how much the probability falls under the covers of each cell, on average."""
    edges = np.floor(np.arange(9) * len(image) / 8 + 0.5).astype(int)
    mean = np.rint(image.mean(axis=(0, 1)))
    whole = predictor.probabilities(image[None])[0, target]
    drops, covers = np.zeros((8, 8)), np.zeros((8, 8))
    for row in range(7):
        for column in range(7):
            copy = image.copy()
            copy[edges[row] : edges[row + 2], edges[column] : edges[column + 2]] = mean
            drop = whole - predictor.probabilities(copy[None])[0, target]
            drops[row : row + 2, column : column + 2] += drop
            covers[row : row + 2, column : column + 2] += 1
    return drops / covers


@needs_runtime
def test_a_file_that_cannot_be_read_is_one_line(
    folder: Path, browser: Browser, tmp_path: Path
) -> None:
    (tmp_path / "scan.tif").write_bytes(raster_files()["rgb.tif"])
    (tmp_path / "<b>notes.txt").write_text("no picture")
    browser.open(folder / PAGES[0])
    cards = classify(browser, [tmp_path / "scan.tif", tmp_path / "<b>notes.txt"])
    assert cards[0]["problem"] == "Not classified: TIFF is not read here; save it as PNG or JPEG."
    assert cards[1]["name"] == "<b>notes.txt"
    assert browser.console == []


@needs_runtime
@pytest.mark.parametrize("page", PAGES)
def test_the_page_may_open_no_connection(page: str, folder: Path, browser: Browser) -> None:
    browser.open(folder / page)
    browser.evaluate("ready")
    sent = browser.evaluate(
        """Promise.all([
          fetch("http://127.0.0.1:9/").then(() => "sent", () => "refused"),
          new Promise((done) => {
            document.addEventListener("securitypolicyviolation", (event) => done(
              event.effectiveDirective), { once: true });
            new Image().src = "http://127.0.0.1:9/picture.png";
          }),
          Promise.resolve(document.querySelectorAll("form").length),
        ])"""
    )
    assert sent[0] == "refused"
    assert sent[1] in ("connect-src", "img-src")
    text = (folder / page).read_text(encoding="utf-8")
    assert "connect-src &#39;none&#39;" in text
    assert "unsafe-inline" not in text


@needs_runtime
def test_a_browser_that_computes_otherwise_is_refused(folder: Path, browser: Browser) -> None:
    folder.joinpath("altered.html").write_text(
        (folder / "web" / "index.html")
        .read_text(encoding="utf-8")
        .replace('src="', 'src="web/')
        .replace('href="page.css"', 'href="web/page.css"')
        .replace("web/about.js", "altered.js")
    )
    about = (folder / "web" / "about.js").read_text(encoding="utf-8")
    altered = about.replace('"probabilities": [\n', '"probabilities": [\n   0.9,\n', 1)
    assert altered != about
    (folder / "altered.js").write_text(altered)
    browser.open(folder / "altered.html")
    browser.evaluate("ready")
    assert browser.evaluate("document.getElementById('files').disabled")
    status = browser.evaluate("document.getElementById('status').textContent")
    assert "computes other probabilities than the training" in status


@needs_axe
@needs_runtime
@pytest.mark.parametrize(("width", "dark"), LOOKS)
def test_axe_finds_nothing(
    folder: Path, browser: Browser, pictures: list[Path], width: int, dark: bool
) -> None:
    browser.open(folder / PAGES[0], width=width, dark=dark)
    classify(browser, pictures[-1:])
    browser.evaluate("document.getElementById('licences').open = true")
    assert violations(browser) == []
    assert browser.evaluate("document.documentElement.scrollWidth") <= width
    wait_for(browser, "document.querySelector('pre').textContent.includes('MIT License')")


@needs_runtime
def test_a_page_that_differs_from_the_trained_network_is_never_written(
    finished_run: FinishedRun, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    pytest.importorskip("onnxscript")
    monkeypatch.setattr(network, "run_onnx", lambda path, pixels: [np.zeros((len(pixels), 10))] * 2)
    arguments = ["export", str(finished_run.folder), "--web", "--out", str(tmp_path / "out")]
    with pytest.raises(RuntimeError, match="the page's network: probabilities differ"):
        main(arguments)
    assert not list(tmp_path.iterdir())


def test_without_the_runtime_one_line_says_what_to_install(
    finished_run: FinishedRun, tmp_path: Path, capsys: Captured, monkeypatch: pytest.MonkeyPatch
) -> None:
    pytest.importorskip("onnxscript")
    monkeypatch.setattr(runtime, "PACKAGE", tmp_path / "nothing")
    out = tmp_path / "out"
    assert main(["export", str(finished_run.folder), "--web", "--out", str(out)]) == 2
    (line,) = capsys.readouterr().err.splitlines()
    assert "--web: needs ONNX Runtime Web" in line
    assert "make -C" in line
    assert not out.exists()


def test_the_picture_of_the_self_check_is_the_same_everywhere() -> None:
    assert export.check_picture() == export.check_picture()
    assert decode_image(export.check_picture()).shape == (122, 187, 3)
