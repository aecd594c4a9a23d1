"""Any layout is interpreted as intended, or refused in one line."""

import re
import unicodedata
from pathlib import Path

import pytest

from datasets.errors import DataError
from datasets.groups import pattern_group
from datasets.sources import Contents, read_folder

Classes = set[tuple[str, str]]


def folder(root: Path, *folders: str, files: tuple[str, ...] = ()) -> Path:
    """Two images in each of the folders, and empty files."""
    paths = [f"{name}/{number}.jpg" for name in folders for number in range(2)]
    for path in (*paths, *files):
        (root / path).parent.mkdir(parents=True, exist_ok=True)
        (root / path).touch()
    return root


def classes(contents: Contents) -> Classes:
    """(class, layer) of the images."""
    return {(file.class_name, file.origin) for file in contents.files}


def kinds(contents: Contents) -> set[str]:
    """The kinds of the remarks that call for action."""
    return {remark.kind for remark in contents.remarks if remark.advice}


def refusal(root: Path) -> str:
    with pytest.raises(DataError) as caught:
        read_folder(str(root), "DATA")
    assert str(caught.value).startswith("data.path='DATA': ")
    assert "\n" not in str(caught.value)
    return str(caught.value)


def crossed(*parents: str, inner: tuple[str, ...] = ("a", "b")) -> list[str]:
    return [f"{parent}/{name}" for parent in parents for name in inner]


@pytest.mark.parametrize(
    "layers",
    [
        ("TRAIN", "Val", "test"),
        ("Training", "Validation", "Testing"),
        ("train_set", "valid_set", "test_set"),
        ("TrainSet", "DevSet", "TestSet"),
        ("01_train", "02 val", "03-test"),
        ("train_images", "val_images", "evaluation_images"),
        ("fold1", "fold2", "fold3"),
        ("Fold_0", "Fold_1", "Fold_2"),
    ],
)
def test_the_parts_of_a_split_are_layers_whatever_they_are_called(
    tmp_path: Path, layers: tuple[str, ...]
) -> None:
    found = read_folder(str(folder(tmp_path, *crossed(*layers))))
    assert classes(found) == {(name, layer.lower()) for layer in layers for name in "ab"}
    assert not kinds(found)


@pytest.mark.parametrize("inner", ["{}/images", "{}/{}", "{}/data"])
def test_a_folder_between_a_layer_and_its_classes_is_entered(tmp_path: Path, inner: str) -> None:
    layers = [inner.format(name, name) for name in ("train", "test")]
    found = read_folder(str(folder(tmp_path, *crossed(*layers))))
    assert classes(found) == {(name, layer) for layer in ("train", "test") for name in "ab"}


def test_layers_below_the_classes_are_layers(tmp_path: Path) -> None:
    found = read_folder(str(folder(tmp_path, *crossed("a", "b", inner=("train", "test")))))
    assert classes(found) == {(name, layer) for layer in ("train", "test") for name in "ab"}


@pytest.mark.parametrize("names", [("test", "control"), ("Train", "Bus"), ("Test 1", "Test 2")])
def test_classes_may_have_the_names_of_layers(tmp_path: Path, names: tuple[str, ...]) -> None:
    found = read_folder(str(folder(tmp_path, *names)))
    assert classes(found) == {(name, "") for name in names}


@pytest.mark.parametrize(
    "folders",
    [
        ("train", "valid", "test"),
        ("Training", "Testing"),
        ("fold_0", "fold_1"),
        ("train/images", "valid/images"),
        ("images/train", "images/val"),
        ("export/train", "export/valid"),
    ],
)
def test_images_directly_in_the_parts_of_a_split_are_refused(
    tmp_path: Path, folders: tuple[str, ...]
) -> None:
    message = refusal(folder(tmp_path, *folders))
    assert "images lie directly in" in message
    assert "train/CLASS/image" in message


def test_a_refusal_names_the_file_that_may_contain_labels(tmp_path: Path) -> None:
    folder(tmp_path, "train", "valid", files=("train/_annotations.coco.json",))
    assert "labels in a file, such as train/_annotations.coco.json, are not read" in refusal(
        tmp_path
    )


def test_a_layer_without_labels_is_left_out_and_reported(tmp_path: Path) -> None:
    found = read_folder(str(folder(tmp_path, *crossed("train"), "test1/test1")))
    assert classes(found) == {("a", "train"), ("b", "train")}
    assert kinds(found) == {"unlabelled_layer"}
    assert "2 images in test1 left out" in found.remarks[0].text


def test_several_splits_of_the_same_images_are_refused(tmp_path: Path) -> None:
    folder(tmp_path, *crossed("fold1/train", "fold1/test", "fold2/train", "fold2/test"))
    assert "fold1/ contains test, train: the same image may be in several" in refusal(tmp_path)


@pytest.mark.parametrize(
    "layers",
    [("chest_xray/",), ("x/y/z/",), ("chest_xray/train/", "chest_xray/test/"), ("image/",)],
)
def test_a_wrapper_is_entered_and_reported(tmp_path: Path, layers: tuple[str, ...]) -> None:
    folders = [f"{layer}{name}" for layer in layers for name in "ab"]
    found = read_folder(str(folder(tmp_path, *folders, files=("__MACOSX/x/1.jpg", "readme.md"))))
    assert {name for name, _ in classes(found)} == {"a", "b"}
    assert {bool(layer) for _, layer in classes(found)} == {len(layers) > 1}
    assert kinds(found) == {"wrapper"}


@pytest.mark.parametrize(
    "folders",
    [
        ("yes", "no", "brain_tumor_dataset/yes", "brain_tumor_dataset/no"),
        (*crossed("chest/train", "chest/test"), *crossed("chest/chest/train", "chest/chest/test")),
    ],
)
def test_a_copy_of_the_data_in_itself_is_refused(tmp_path: Path, folders: tuple[str, ...]) -> None:
    assert "two copies of the data; remove one of them" in refusal(folder(tmp_path, *folders))


@pytest.mark.parametrize(
    ("patients", "names"),
    [
        (["patient01", "patient02", "patient03"], ("healthy", "ill")),
        (["P-1", "P-2"], ("x", "y")),
        (["case 7", "case 12"], ("x", "y")),
        (["10253", "10254", "10255"], ("0", "1")),
        (["01", "02", "03"], ("benign", "malignant")),
    ],
)
def test_patients_above_the_classes_are_not_classes(
    tmp_path: Path, patients: list[str], names: tuple[str, str]
) -> None:
    found = read_folder(str(folder(tmp_path, *crossed(*patients, inner=names))))
    assert classes(found) == {(name, "") for name in names}
    assert kinds(found) == {"patients"}
    assert "data.group_by='^([^/]+)/'" in found.remarks[0].advice


def test_patients_in_layers_are_grouped_by_the_folder_below(tmp_path: Path) -> None:
    found = read_folder(
        str(folder(tmp_path, *crossed("train/p1", "train/p2", "test/p3", "test/p4")))
    )
    assert classes(found) == {(name, layer) for layer in ("train", "test") for name in "ab"}
    assert "'^(?:[^/]+/){1}([^/]+)/'" in found.remarks[0].advice


def test_not_every_patient_needs_every_class(tmp_path: Path) -> None:
    found = read_folder(str(folder(tmp_path, *crossed("p1", "p2"), "p3/a", "p4/b")))
    assert classes(found) == {("a", ""), ("b", "")}


def test_patients_below_the_classes_are_recognised(tmp_path: Path) -> None:
    found = read_folder(str(folder(tmp_path, *crossed("ill", "healthy", inner=("p1", "p2")))))
    assert classes(found) == {("ill", ""), ("healthy", "")}
    assert kinds(found) == {"patients"}
    assert "(p1, p2) are named like patients" in found.remarks[0].text
    assert "'^(?:[^/]+/){1}([^/]+)/'" in found.remarks[0].advice


@pytest.mark.parametrize(
    ("folders", "rule"),
    [
        (
            ["train/ill/p1", "train/well/p2", "test/ill/p3", "test/well/p4"],
            "^(?:[^/]+/){2}([^/]+)/",
        ),
        (
            ["ill/train/p1", "ill/test/p1", "well/train/p2", "well/test/p2"],
            "^(?:[^/]+/){2}([^/]+)/",
        ),
        (["ill/p1", "well/p2", "well/p3"], "^(?:[^/]+/){1}([^/]+)/"),
        (["train/ill/p1", "test/images/ill/p2", "train/well/p3"], "([^/]+)/[^/]+$"),
    ],
)
def test_the_rule_for_patients_below_the_classes_finds_them(
    tmp_path: Path, folders: list[str], rule: str
) -> None:
    found = read_folder(str(folder(tmp_path, *folders)))
    (remark,) = found.remarks
    assert f"data.group_by='{rule}'" in remark.advice
    patient_of = pattern_group(re.compile(rule))
    assert all(patient_of(file.path) == file.path.split("/")[-2] for file in found.files)


def test_other_folders_in_the_classes_are_not_patients(tmp_path: Path) -> None:
    found = read_folder(str(folder(tmp_path, *crossed("cat", "dog", inner=("young", "old7")))))
    assert "patients" not in kinds(found)


@pytest.mark.parametrize(
    "folders",
    [
        crossed("anna", "bert", inner=("smile", "frown")),
        crossed("color", "grayscale", inner=("apple", "pear")),
        crossed("1", "2", inner=("0", "1")),
    ],
)
def test_equal_folders_in_every_class_are_reported_as_possible_classes(
    tmp_path: Path, folders: list[str]
) -> None:
    found = read_folder(str(folder(tmp_path, *folders)))
    assert {name for name, _ in classes(found)} == {path.split("/")[0] for path in folders}
    assert kinds(found) == {"shared_folders"}


@pytest.mark.parametrize("folders", [("cats",), ("images",), ("train",), ("data/cats",)])
def test_a_single_class_is_reported_with_the_file_that_may_contain_labels(
    tmp_path: Path, folders: tuple[str, ...]
) -> None:
    found = read_folder(str(folder(tmp_path, *folders, files=("labels.csv",))))
    (remark,) = [remark for remark in found.remarks if remark.kind == "one_class"]
    assert "such as labels.csv, set data.labels to its path" in remark.text


@pytest.mark.parametrize("name", ["train", "images"])
def test_links_that_form_loops_are_entered_once(tmp_path: Path, name: str) -> None:
    root = folder(tmp_path, "train")
    (root / "train" / name).symlink_to(".")
    (root / "data").symlink_to(".")
    found = read_folder(str(root / "train"))
    assert [file.path[-5:] for file in found.files] == ["0.jpg", "1.jpg"]
    with pytest.raises(DataError, match="two copies of the data"):
        read_folder(str(root))


def test_images_outside_of_class_folders_are_counted(tmp_path: Path) -> None:
    root = folder(tmp_path, *crossed("train", "test"), files=("1.jpg", "train/2.jpg", "x.txt"))
    found = read_folder(str(root))
    texts = [remark.text for remark in found.remarks]
    assert texts == [
        "2 images outside of the class folders left out (1.jpg, train/2.jpg)",
        "1 file without images (1 .txt)",
    ]


def test_folders_that_differ_in_case_are_separate_classes_and_reported(
    tmp_path: Path,
) -> None:
    found = read_folder(str(folder(tmp_path, *crossed("train", "test", inner=("a", "A", "b_c")))))
    assert {name for name, _ in classes(found)} == {"a", "A", "b_c"}
    assert kinds(found) == {"alike_names"}
    assert "'A', 'a' differ only in case" in found.remarks[0].text


def test_folders_with_the_same_displayed_name_are_one_class_and_reported(tmp_path: Path) -> None:
    forms = [unicodedata.normalize(form, "brûlé") for form in ("NFC", "NFD")]
    found = read_folder(str(folder(tmp_path, *forms, "b")))
    assert {name for name, _ in classes(found)} == {forms[0], "b"}
    assert kinds(found) == {"same_name"}


def test_folders_written_by_this_tool_are_left_out_and_reported(tmp_path: Path) -> None:
    artifact = f"cache/shards/{'0' * 32}/artifact.json"
    files = ("runs/smoke/results/run.json", "runs/smoke/report/figures/1.png", artifact)
    found = read_folder(str(folder(tmp_path, "a", "b", "store/images/k/x", files=files)))
    assert {name for name, _ in classes(found)} == {"a", "b"}
    assert {remark.text for remark in found.remarks} == {
        "cache/ (a store of this tool)",
        "runs/ (runs of this tool)",
        "store/ (a store of this tool)",
    }
    assert not kinds(found)


def test_output_of_this_tool_within_a_class_is_not_part_of_it(tmp_path: Path) -> None:
    files = ("a/runs/smoke/results/run.json", "a/runs/smoke/report/figures/1.png")
    found = read_folder(str(folder(tmp_path, "a", "b", files=files)))
    assert {file.path for file in found.files} == {f"{c}/{n}.jpg" for c in "ab" for n in range(2)}


def test_a_cache_of_the_hugging_face_hub_is_its_snapshot(tmp_path: Path) -> None:
    (tmp_path / "refs").mkdir()
    (tmp_path / "blobs").mkdir()
    for number, name in enumerate("ab"):
        (tmp_path / f"blobs/{number}").write_bytes(b"\xff\xd8\xff")
        (tmp_path / "snapshots/1f/train" / name).mkdir(parents=True)
        link = tmp_path / "snapshots/1f/train" / name / "1.jpg"
        link.symlink_to(f"../../../../blobs/{number}")
    found = read_folder(str(tmp_path))
    assert classes(found) == {("a", "train"), ("b", "train")}
    assert not any(file.problem for file in found.files)


def test_the_output_folder_is_left_out(tmp_path: Path) -> None:
    (tmp_path / "mine").mkdir()
    found = read_folder(str(folder(tmp_path, "a", "b")), own=[str(tmp_path / "mine")])
    assert [remark.text for remark in found.remarks] == ["mine/ (this run writes to it)"]


@pytest.mark.parametrize("name", ["store", "runs", "results", "report"])
def test_classes_may_have_the_names_of_output_folders(tmp_path: Path, name: str) -> None:
    found = read_folder(str(folder(tmp_path, name, "other")))
    assert {class_name for class_name, _ in classes(found)} == {name, "other"}
