"""The audit finds everything that was planted in a folder and nothing else."""

import json
import shlex
import shutil
import subprocess
import sys
from collections.abc import Iterator
from itertools import product
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pandas as pd
import pytest
from PIL import Image, ImageDraw
from pydicom import dcmwrite

from datasets.drawn.synthetic import FRACTURE_TYPES, draw_radiograph
from reports.tables import AUDIT_SCHEMAS, read_tables
from sweeper.cli import main
from sweeper.config.schema import DEFAULT_STORE, DataSection
from sweeper.plan.collect import collect
from sweeper.store.store import Store
from tests.datasets.decoding.dicom_files import dataset_of, ramp
from tests.reports.axe import LOOKS, needs_axe, violations
from tests.reports.browser import Browser
from tests.reports.test_page import _Balance
from tests.sweeper.folders import write_images

ROOT = Path(__file__).parents[3]
EACH, TESTED = 48, 12  # images per class, and those of them in the test layer
Captured = pytest.CaptureFixture[str]


def bone(number: int) -> np.ndarray:
    """A drawn radiograph; all have the same size."""
    drawn = draw_radiograph(FRACTURE_TYPES[number % len(FRACTURE_TYPES)], number)
    return np.asarray(cv2.resize(drawn, (220, 220)))


def frames(number: int) -> np.ndarray:
    """Random rectangles, unlike any bone."""
    rng = np.random.default_rng(number)
    picture = np.zeros((220, 220), np.uint8)
    for _ in range(40):
        x, y, right, down = (int(v) for v in (*rng.integers(0, 200, 2), *rng.integers(15, 70, 2)))
        cv2.rectangle(picture, (x, y), (x + right, y + down), int(rng.integers(60, 256)), 2)
    return picture


def write_clean(root: Path) -> Path:
    """root/train|test/bones|frames/NN.png, all images different."""
    for name, draw in {"bones": bone, "frames": frames}.items():
        for number in range(EACH):
            folder = root / ("test" if number < TESTED else "train") / name
            folder.mkdir(parents=True, exist_ok=True)
            cv2.imwrite(str(folder / f"{number:02d}.png"), draw(number))
    return root


def plant(root: Path) -> None:
    """One of each problem that an audit detects."""
    train, test = root / "train", root / "test"
    shutil.copy(train / "bones" / "20.png", train / "bones" / "twin.png")
    cv2.imwrite(str(train / "bones" / "flipped.jpg"), bone(3)[:, ::-1])  # 03 is tested
    cv2.imwrite(str(train / "frames" / "moved.jpg"), bone(30))
    cv2.imwrite(str(test / "frames" / "mislabelled.png"), bone(99))
    (train / "frames" / "torn.png").write_bytes((train / "frames" / "20.png").read_bytes()[:900])


@pytest.fixture(scope="module", autouse=True)
def _workplace(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """A working directory whose store all audits here share."""
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(tmp_path_factory.mktemp("workplace"))
        yield


@pytest.fixture(scope="module")
def clean(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_clean(tmp_path_factory.mktemp("clean") / "pictures")


@pytest.fixture(scope="module")
def audited(clean: Path, tmp_path_factory: pytest.TempPathFactory) -> tuple[int, Path, Path]:
    """(exit code, folder, out) of an audit of the planted folder."""
    root = tmp_path_factory.mktemp("planted") / "pictures"
    shutil.copytree(clean, root)
    plant(root)
    out = tmp_path_factory.mktemp("out")
    return main(["audit", str(root), "--out", str(out)]), root, out


def results_of(out: Path) -> dict[str, Any]:
    about: dict[str, Any] = json.loads((out / "results" / "audit.json").read_text())
    return about


def kinds(out: Path) -> list[str]:
    return [finding["kind"] for finding in results_of(out)["findings"]]


def test_a_clean_folder_gives_exit_code_0(clean: Path, tmp_path: Path, capsys: Captured) -> None:
    assert main(["audit", str(clean), "--out", str(tmp_path)]) == 0
    assert kinds(tmp_path) == []
    printed = capsys.readouterr().out
    assert "Nothing was found" in printed
    assert "0 of 24 test images have a copy" in printed


def test_what_was_planted_is_found_and_nothing_else(audited: tuple[int, Path, Path]) -> None:
    code, _, out = audited
    assert code == 1
    assert kinds(out) == [
        "cross_layer",
        "cross_class",
        "exact",
        "near",
        "doubtful_label",
        "excluded",
    ]
    about = results_of(out)
    assert about["pairs"] == {"exact": 1, "near": 2, "user": 0}
    assert (about["cross_layer"], about["cross_class"], about["excluded"]) == (1, 1, 1)
    assert about["leaks"]["test"]["rows"] == 2 * TESTED + 1
    assert about["leaks"]["test"]["near"] == about["leaks"]["test"]["leaked"] == 1
    assert "1 of 25 test images has a copy or a group mate in train" in about["advice"]


def test_the_tables_name_the_files(audited: tuple[int, Path, Path]) -> None:
    tables = read_tables(audited[2] / "results", AUDIT_SCHEMAS)
    path = tables["images"].set_index("image_id")["path"]
    pairs = tables["duplicates"]
    found = {
        frozenset((path[a], path[b]))
        for a, b in zip(pairs["image_id_a"], pairs["image_id_b"], strict=True)
    }
    assert found == {
        frozenset(("train/bones/20.png", "train/bones/twin.png")),
        frozenset(("test/bones/03.png", "train/bones/flipped.jpg")),
        frozenset(("train/bones/30.png", "train/frames/moved.jpg")),
    }
    labels = tables["labels"]
    assert set(labels.loc[labels["doubtful"], "path"]) == {
        "test/frames/mislabelled.png",
        "train/frames/moved.jpg",
    }
    assert len(labels) == 2 * EACH + 4
    problem = tables["images"].set_index("path")["problem"]
    assert list(problem[problem != ""].index) == ["train/frames/torn.png"]


def test_the_page_shows_every_pair_and_fetches_nothing(audited: tuple[int, Path, Path]) -> None:
    page = (audited[2] / "audit.html").read_text(encoding="utf-8")
    parser = _Balance()
    parser.feed(page)
    assert parser.open == []
    assert len(parser.ids) == len(set(parser.ids))
    assert set(parser.targets) <= set(parser.ids)
    assert parser.addresses == ["data:,"]
    assert "<script" not in page
    assert page.count('<figure class="pair') == 3
    assert page.count("in the orientation of the first image<") == 1
    assert "flipped left to right" in page
    assert "train/frames/torn.png" in page
    assert len(page.encode()) < 5_000_000


def test_the_page_opens_in_a_browser_without_a_console_message(
    audited: tuple[int, Path, Path], browser: Browser
) -> None:
    browser.open(audited[2] / "audit.html", "#labels")
    assert browser.console == []
    assert browser.evaluate(
        "[...document.querySelectorAll('.pic')].every((one) => one.role === 'img')"
    )
    assert browser.evaluate("document.querySelectorAll('.pic').length") > 2 * 3


@needs_axe
@pytest.mark.parametrize(("width", "dark"), LOOKS)
def test_axe_finds_nothing_in_the_page(
    audited: tuple[int, Path, Path], browser: Browser, width: int, dark: bool
) -> None:
    browser.open(audited[2] / "audit.html", width=width, dark=dark)
    assert violations(browser) == []
    assert browser.evaluate("document.documentElement.scrollWidth") == width


def test_a_second_audit_decodes_and_compares_nothing_and_says_the_same(
    audited: tuple[int, Path, Path], monkeypatch: pytest.MonkeyPatch, decoded: list[str]
) -> None:
    _, root, out = audited
    page = (out / "audit.html").read_bytes()

    def never(*arguments: object) -> None:
        raise AssertionError("looked again")

    monkeypatch.setattr("sweeper.plan.lookalikes.pictures_of", never)
    assert main(["audit", str(root), "--out", str(out)]) == 1
    assert (out / "audit.html").read_bytes() == page
    assert decoded == []


@pytest.mark.parametrize("options", [[], ["--out", "other"]])
def test_a_run_after_an_audit_decodes_and_compares_nothing(
    clean: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    decoded: list[str],
    options: list[str],
) -> None:
    monkeypatch.chdir(tmp_path)
    assert main(["audit", str(clean), *options]) == 0
    assert sorted(decoded) == sorted(f"{p.relative_to(clean)}" for p in clean.rglob("*.png"))
    out = Path(options[-1]) if options else Path("runs", f"audit-{clean.name}")
    assert (out / "audit.html").exists()
    decoded.clear()

    def compare(*arguments: object) -> None:
        raise AssertionError("the pictures were compared again")

    monkeypatch.setattr("sweeper.plan.lookalikes.find_near", compare)
    assert len(collect(DataSection(path=str(clean)), Store(DEFAULT_STORE)).images)
    assert decoded == []


def test_an_audit_from_among_the_images_leaves_its_store_in_its_own_folder(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    root = write_images(tmp_path / "images", {"a": 12, "b": 12})
    monkeypatch.chdir(root)
    assert main(["audit", ".", "--out", str(tmp_path / "out")]) == 0
    assert sorted(path.name for path in root.iterdir()) == ["a", "b"]
    assert (tmp_path / "out" / "store" / "descriptions").is_dir()


def test_nothing_is_written_into_the_folder(audited: tuple[int, Path, Path]) -> None:
    assert sorted(path.name for path in audited[1].iterdir()) == ["test", "train"]


def test_a_zip_is_audited_like_the_folder_in_it(
    audited: tuple[int, Path, Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    code, folder, out = audited
    packed = shutil.make_archive(str(tmp_path / "bones"), "zip", folder)
    assert main(["audit", packed, "--out", str(tmp_path / "out")]) == code
    assert kinds(tmp_path / "out") == kinds(out)
    assert results_of(tmp_path / "out")["name"] == "bones.zip"
    ours, theirs = read_tables(tmp_path / "out" / "results"), read_tables(out / "results")
    pd.testing.assert_frame_equal(ours["duplicates"], theirs["duplicates"])


def test_group_by_counts_the_users_groups(tmp_path: Path) -> None:
    root = write_images(tmp_path / "images", {"a": 12, "b": 12})
    arguments = ["audit", str(root), "--out", str(tmp_path / "out")]
    assert main([*arguments, "--set", r"data.group_by=(\d+)\.png"]) == 0
    about = results_of(tmp_path / "out")
    assert about["pairs"]["user"] == about["groups"]["several"] == 12


def test_a_group_file_that_lists_missing_files_is_a_finding_and_not_an_error(
    tmp_path: Path,
) -> None:
    root = write_images(tmp_path / "images", {"a": 12, "b": 12})
    table = tmp_path / "known.csv"
    table.write_text("path,group\na/0.png,x\nb/0.png,x\nb/99.png,x\n")
    arguments = ["audit", str(root), "--out", str(tmp_path / "out")]
    assert main([*arguments, "--set", f"data.group_by={table}"]) == 1
    assert "group_file" in kinds(tmp_path / "out")
    assert results_of(tmp_path / "out")["groups"]["several"] == 1


def test_a_rule_that_puts_most_images_into_one_group_is_a_finding(tmp_path: Path) -> None:
    root = write_images(tmp_path / "images", {"a": 12, "b": 12})
    arguments = ["audit", str(root), "--out", str(tmp_path / "out")]
    assert main([*arguments, "--set", "data.group_by=(png)"]) == 1
    assert kinds(tmp_path / "out")[0] == "one_group"
    assert "24 of 24 images into one group" in results_of(tmp_path / "out")["findings"][0]["text"]


def test_names_of_one_patient_are_a_finding_until_the_rule_is_set(
    tmp_path: Path, capsys: Captured
) -> None:
    root = write_images(tmp_path / "images", {"a": 24, "b": 24})
    for path in sorted(root.rglob("*.png")):
        number = int(path.stem)
        path.rename(path.with_name(f"P{path.parent.name}{number // 2:03d}-{'LR'[number % 2]}.png"))
    arguments = ["audit", str(root), "--out", str(tmp_path / "out")]
    assert main(arguments) == 1
    assert kinds(tmp_path / "out") == ["file_names"]
    (finding,) = results_of(tmp_path / "out")["findings"]
    assert finding["text"].startswith("48 of 48 images may show the same patient")
    assert "'Pa000-L.png' and 'Pa000-R.png'" in finding["text"]
    setting = finding["advice"].split("--set ")[1].split(" keeps")[0]
    assert setting in " ".join(capsys.readouterr().out.split())
    assert main([*arguments, *shlex.split(f"--set {setting}")]) == 0
    assert results_of(tmp_path / "out")["groups"]["several"] == 24


@pytest.mark.parametrize("path", ["{layer}/{patient}/{name}", "{layer}/{name}/{patient}"])
def test_patients_in_two_layers_prevent_an_all_clear_until_they_are_grouped(
    tmp_path: Path, capsys: Captured, path: str
) -> None:
    layers, patients = {"train": 4, "test": 2}, ("patient01", "patient02", "patient03")
    for seed, (layer, patient, name) in enumerate(product(layers, patients, ("ill", "well"))):
        folder = tmp_path / "images" / path.format(layer=layer, patient=patient, name=name)
        folder.mkdir(parents=True)
        for number in range(layers[layer]):
            noise = np.random.default_rng([seed, number]).integers(0, 256, (40, 40))
            cv2.imwrite(str(folder / f"{number}.png"), noise.astype(np.uint8))
    arguments = ["audit", str(tmp_path / "images"), "--out", str(tmp_path / "out")]
    uncounted = "patients are not counted until data.group_by is set"
    assert main(arguments) == 1
    printed = " ".join(capsys.readouterr().out.split())
    assert f"0 of 12 test images have a copy or a group mate in train; {uncounted}" in printed
    assert uncounted in (tmp_path / "out" / "audit.html").read_text()
    (finding,) = results_of(tmp_path / "out")["findings"]
    setting = shlex.split(finding["advice"].removeprefix("set "))[0]
    assert main([*arguments, "--set", setting]) == 1
    printed = " ".join(capsys.readouterr().out.split())
    assert "12 of 12 test images have a copy or a group mate in train" in printed
    assert uncounted not in printed


def test_one_patient_id_for_all_is_a_finding_and_can_be_ignored(tmp_path: Path) -> None:
    for name in "ab":
        (tmp_path / "images" / name).mkdir(parents=True)
        for number in range(10):
            noise = np.random.default_rng([ord(name), number]).integers(0, 4096, (32, 32))
            dataset = dataset_of(noise.astype(ramp().dtype), PatientID="ANON")
            path = tmp_path / "images" / name / f"{number}.dcm"
            dcmwrite(path, dataset, enforce_file_format=True)
    arguments = ["audit", str(tmp_path / "images"), "--out", str(tmp_path / "out")]
    assert main(arguments) == 1
    assert kinds(tmp_path / "out") == ["one_group", "thin_class"]
    assert "same DICOM PatientID" in results_of(tmp_path / "out")["findings"][0]["text"]
    assert main([*arguments, "--set", "data.use_patient_id=false"]) == 0


def test_names_are_escaped_on_page_and_terminal(tmp_path: Path, capsys: Captured) -> None:
    root = write_images(tmp_path / "images", {"a <b>&": 11, "[red]b": 11})
    shutil.copy(root / "[red]b" / "1.png", root / "a <b>&" / '"><img src=x>.png')
    (root / "[red]b" / "\x1b[2Jtorn.png").write_bytes(b"no picture")
    assert main(["audit", str(root), "--out", str(tmp_path / "out")]) == 1
    page = (tmp_path / "out" / "audit.html").read_text(encoding="utf-8")
    assert "<b>&" not in page
    assert "<img" not in page
    assert "a &lt;b&gt;&amp;" in page
    printed = capsys.readouterr().out
    assert "\x1b" not in printed
    assert "[red]b" in printed
    assert r"\x1b[2Jtorn.png" in printed


@pytest.mark.parametrize(
    ("arguments", "line"),
    [
        (["/no/where"], "data.path='/no/where': no such folder"),
        (
            [".", "--set", "split.folds=3"],
            "split.folds: not a key of an audit; expected data.group",
        ),
        ([".", "--set", "data.group_by=("], "data.group_by='(': not a regular expression"),
        (
            [".", "--set", "data.near_duplicates=perhaps"],
            "data.near_duplicates='perhaps': expected true or false",
        ),
    ],
)
def test_a_user_error_is_one_line(
    arguments: list[str], line: str, tmp_path: Path, capsys: Captured
) -> None:
    assert main(["audit", *arguments, "--out", str(tmp_path / "out")]) == 2
    (said,) = capsys.readouterr().err.splitlines()
    assert said.startswith(f"error: {line}")
    assert not (tmp_path / "out").exists()


def folder_findings(root: Path, out: Path, *settings: str) -> tuple[int, list[str]]:
    """(exit code, kinds of findings) of an audit, without small classes."""
    code = main(["audit", str(root), "--out", str(out), *settings])
    thin = {"thin_class", "untested_class"}
    return code, [kind for kind in kinds(out) if kind not in thin]


def test_an_undocumented_layout_is_reported(tmp_path: Path) -> None:
    for number, (counts, found) in enumerate(
        [
            ({"Training/a": 12, "Training/b": 12, "Testing/a": 12, "Testing/b": 12}, []),
            ({"x/train/a": 12, "x/train/b": 12}, ["wrapper"]),
            ({"a/images": 12, "a/masks": 12, "b/images": 12}, ["masks"]),
            ({"a": 12, "A": 12}, ["alike_names"]),
            ({"images": 12}, ["one_class"]),
            ({"train/a": 12, "train/b": 12, "test/a": 12}, ["missing_class"]),
        ]
    ):
        root = write_images(tmp_path / str(number), counts)
        code, told_kinds = folder_findings(root, tmp_path / "out" / str(number))
        assert (code, told_kinds) == (int(bool(found)), found)


def test_classes_too_small_to_be_tested_are_a_finding(tmp_path: Path) -> None:
    root = write_images(tmp_path / "images", {f"c{number}": 3 for number in range(12)})
    assert main(["audit", str(root), "--out", str(tmp_path / "out")]) == 1
    assert kinds(tmp_path / "out") == ["thin_class", "untested_class"]
    assert (
        "8 of 12 classes have no test image" in results_of(tmp_path / "out")["findings"][1]["text"]
    )


def test_a_folder_of_links_is_a_finding_that_names_the_key(
    tmp_path: Path, capsys: Captured
) -> None:
    blobs = write_images(tmp_path / "blobs", {"a": 12, "b": 12})
    (tmp_path / "images").mkdir()
    for name in "ab":
        (tmp_path / "images" / name).symlink_to(blobs / name)
    arguments = ["audit", str(tmp_path / "images"), "--out", str(tmp_path / "out")]
    assert main(arguments) == 1
    printed = capsys.readouterr().out
    assert printed.startswith("finding: ")
    assert "set data.follow_links=true" in printed
    assert main([*arguments, "--set", "data.follow_links=true"]) == 0


def test_files_left_out_are_counted_on_page_and_terminal(tmp_path: Path, capsys: Captured) -> None:
    root = write_images(tmp_path / "images", {"a": 12, "b": 12})
    (root / "a" / "notes.txt").touch()
    assert folder_findings(root, tmp_path / "out") == (0, [])
    assert "1 file without images (1 .txt)" in capsys.readouterr().out
    page = (tmp_path / "out" / "audit.html").read_text(encoding="utf-8")
    assert "left out: 1 file without images (1 .txt)" in page


def test_an_output_folder_within_the_audited_folder_is_refused(
    tmp_path: Path, capsys: Captured
) -> None:
    root = write_images(tmp_path / "images", {"a": 3, "b": 3})
    assert main(["audit", str(root), "--out", str(root / "out")]) == 2
    assert "is inside the audited folder" in capsys.readouterr().err
    assert not (root / "out").exists()


def test_a_folder_without_a_readable_file_is_one_line(tmp_path: Path, capsys: Captured) -> None:
    (tmp_path / "images" / "a").mkdir(parents=True)
    (tmp_path / "images" / "a" / "torn.png").write_bytes(b"no picture")
    assert main(["audit", str(tmp_path / "images"), "--out", str(tmp_path / "out")]) == 2
    assert "none of 1 files can be read" in capsys.readouterr().err


def test_neither_torch_nor_ray_is_imported(tmp_path: Path) -> None:
    write_images(tmp_path / "images", {"a": 5, "b": 5})
    code = f"import sys; sys.path.insert(0, {str(ROOT)!r}); from sweeper.cli import main; "
    code += f"main(['audit', {str(tmp_path / 'images')!r}, '--out', {str(tmp_path / 'out')!r}]); "
    code += "sys.exit(bool({'torch', 'ray'} & set(sys.modules)))"
    ended = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert ended.returncode == 0, ended.stderr
    assert (tmp_path / "out" / "audit.html").exists()


def test_pictures_are_bounded_and_the_rest_is_counted(
    audited: tuple[int, Path, Path], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr("sweeper.audit.page_images.MAX_PICTURES", 4)
    assert main(["audit", str(audited[1]), "--out", str(tmp_path)]) == 1
    tables = read_tables(tmp_path / "results", AUDIT_SCHEMAS)
    assert len(tables["pictures"]) == 4
    page = (tmp_path / "audit.html").read_text(encoding="utf-8")
    assert page.count('<figure class="pair') == 2
    assert "<b>2 pairs are shown here</b>, 1 more are in" in page
    assert pd.api.types.is_bool_dtype(tables["labels"]["doubtful"])


def write_drawings(root: Path, draw: dict[str, Any]) -> None:
    for name, picture in draw.items():
        (root / name).mkdir(parents=True)
        for number in range(12):
            picture(number).save(root / name / f"{number}.png")


def disc(number: int, mode: str = "RGBA") -> Image.Image:
    """Black ink on transparency; without transparency all are equally black."""
    drawing = Image.new("RGBA", (96, 96))
    box = (5 + 2 * number, 8 + number, 50 + 3 * number, 60 + 2 * number)
    ImageDraw.Draw(drawing).ellipse(box, outline=(0, 0, 0, 255), width=3)
    return drawing.convert(mode)


def test_ink_on_transparency_is_neither_an_exact_copy_nor_a_wrong_label(tmp_path: Path) -> None:
    write_drawings(tmp_path / "images", {"rgba": disc, "la": lambda n: disc(n, "LA")})
    assert main(["audit", str(tmp_path / "images"), "--out", str(tmp_path / "out")]) == 1
    found = results_of(tmp_path / "out")
    assert found["pairs"]["exact"] == 12  # each drawing in both modes
    assert "flat" not in kinds(tmp_path / "out")


def test_flat_images_are_reported_as_flat_and_not_as_copies(tmp_path: Path) -> None:
    def black(number: int) -> Image.Image:
        return Image.new("L", (64 + number, 64))  # files that differ in size only

    def nearly(number: int) -> Image.Image:
        noise = np.random.default_rng(number).integers(7, 9, (64, 64))
        return Image.fromarray(noise.astype(np.uint8))

    folder = tmp_path / "images"
    write_drawings(folder, {"black": black, "blank": black, "nearly": nearly})
    assert main(["audit", str(folder), "--out", str(tmp_path / "out")]) == 1
    assert kinds(tmp_path / "out")[0] == "flat"
    assert not {"exact", "cross_class", "doubtful_label"} & set(kinds(tmp_path / "out"))
    text = results_of(tmp_path / "out")["findings"][0]["text"]
    assert "24 images are one colour and 12 images are nearly constant" in text
    assert "'black/0.png'" in text


def test_uncertain_findings_say_may_and_name_the_key_that_switches_them_off(
    audited: tuple[int, Path, Path], tmp_path: Path, capsys: Captured
) -> None:
    _, root, out = audited
    texts = {one["kind"]: one["text"] for one in results_of(out)["findings"]}
    for kind, key in {
        "cross_class": "near_duplicates",
        "near": "near_duplicates",
        "doubtful_label": "check_labels",
    }.items():
        assert " may be " in texts[kind]
        assert f"data.{key}=false" in texts[kind]
    assert " may " not in texts["exact"]
    off = ["--set", "data.near_duplicates=false", "--set", "data.check_labels=false"]
    assert main(["audit", str(root), "--out", str(tmp_path / "off"), *off]) == 1
    assert kinds(tmp_path / "off") == ["exact", "excluded"]
    assert "exact: train/bones/20.png and train/bones/twin.png" in capsys.readouterr().out


def test_the_same_image_under_two_classes_has_a_wrong_label(tmp_path: Path) -> None:
    root = write_images(tmp_path / "images", {"a": 12, "b": 12})
    shutil.copy(root / "a" / "1.png", root / "b" / "twin.png")
    assert main(["audit", str(root), "--out", str(tmp_path / "out")]) == 1
    (text,) = [
        one["text"]
        for one in results_of(tmp_path / "out")["findings"]
        if one["kind"] == "cross_class"
    ]
    assert "at least one of the two labels is wrong" in text


@pytest.mark.parametrize(
    ("number", "texts"),
    [
        (
            1,
            (
                "1 image is one colour: it shows nothing ('a/0.png')",
                "1 file cannot be used and is left out",
            ),
        ),
        (
            2,
            (
                "2 images are one colour: they show nothing ('a/0.png', 'a/1.png')",
                "2 files cannot be used and are left out",
            ),
        ),
    ],
)
def test_a_single_item_is_reported_in_the_singular(
    tmp_path: Path, number: int, texts: tuple[str, ...]
) -> None:
    root = write_images(tmp_path / "images", {"a": 12, "b": 12})
    for at in range(number):
        cv2.imwrite(str(root / "a" / f"{at}.png"), np.full((40, 40), 60 * at, np.uint8))
        (root / "b" / f"torn{at}.png").write_bytes(b"no picture")
    assert main(["audit", str(root), "--out", str(tmp_path / "out")]) == 1
    found = [finding["text"] for finding in results_of(tmp_path / "out")["findings"]]
    assert set(texts) <= set(found)
