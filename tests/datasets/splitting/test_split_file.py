"""Split files that people write, and what they are told when something does not fit."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from datasets.errors import DataError
from datasets.splitting.split_file import SplitPoint, file_rows, read_split_file

CLASSES = ["a", "b"]
PLAIN = SplitPoint("all", 1, 0, 0, False)
Write = Callable[[str], str]

IMAGES = pd.DataFrame(
    {
        "image_id": [f"{name}{i}" for name in "ab" for i in range(4)] + ["a0-2", "c0"],
        "class": ["a"] * 4 + ["b"] * 4 + ["a", "c"],
    }
)
PARTS = dict(
    a0="train", a1="train", a2="val", a3="test", b0="train", b1="train", b2="val", b3="test"
) | {"a0-2": "train"}


def text_of(parts: dict[str, str], header: str = "image_id,part") -> str:
    return "\n".join([header, *(f"{image_id},{part}" for image_id, part in parts.items())]) + "\n"


@pytest.fixture
def write(tmp_path: Path) -> Write:
    def one(text: str) -> str:
        path = tmp_path / "split.csv"
        path.write_text(text, encoding="utf-8")
        return str(path)

    return one


def rows_of(path: str, at: SplitPoint = PLAIN, policy: str | None = None, **more: Any) -> Any:
    table = read_split_file(path, policy)
    return file_rows(table, path, IMAGES, CLASSES, at, **({"seed": 0, "copies": 0} | more))


def parts_of(rows: pd.DataFrame) -> dict[str, str]:
    return dict(zip(rows["image_id"], rows["part"], strict=True))


def test_a_list_of_images_and_parts_is_a_split(write: Write) -> None:
    assert parts_of(rows_of(write(text_of(PARTS)))) == PARTS


def test_training_images_get_the_runs_copies(write: Write) -> None:
    rows = rows_of(write(text_of(PARTS)), copies=2)
    copies = rows.groupby("part")["copy"].agg(["size", "max"])
    assert copies.loc["train"].tolist() == [15, 2]
    assert copies.loc["test"].tolist() == [2, 0]


def test_spelling_and_spaces_do_not_matter_and_other_columns_are_ignored(write: Write) -> None:
    lines = [f" {i.upper()} , {part.upper()} , me\n" for i, part in PARTS.items()]
    text = "\ufeffImage_ID , PART,author\n" + "".join(lines)
    assert parts_of(rows_of(write(text.replace("VAL", "Validation")))) == PARTS


def test_a_sha256_stands_for_every_file_with_that_content(write: Write) -> None:
    parts = {image_id: part for image_id, part in PARTS.items() if image_id != "a0-2"}
    assert parts_of(rows_of(write(text_of(parts, "sha256,part")))) == PARTS


def test_what_the_file_does_not_say_is_drawn_from_train(write: Write) -> None:
    parts = {i: "train" if part == "val" else part for i, part in PARTS.items()}
    rows = rows_of(write(text_of(parts)), fractions=(0.4, 0.4, 0.2))
    tested = {i for i, part in parts_of(rows).items() if part == "test"}
    assert tested == {"a3", "b3"}
    assert set(rows["part"]) == {"train", "val", "test"}


def test_images_of_classes_outside_the_scenario_may_be_in_the_file(write: Write) -> None:
    assert parts_of(rows_of(write(text_of(PARTS | {"c0": "test"})))) == PARTS


def test_columns_choose_the_scenario_the_repeat_and_the_fold(write: Write) -> None:
    swapped = {i: {"val": "test", "test": "val"}.get(part, part) for i, part in PARTS.items()}
    lines = [
        f"{i},{part},{scenario},{repeat},{fold}"
        for fold, repeat, scenario, parts in (
            (1, 1, "all", PARTS),
            (2, 1, "all", swapped),
            (3, 1, "all", PARTS),
            (1, 2, "all", swapped),
            (1, 1, "two", swapped),
        )
        for i, part in parts.items()
    ]
    path = write("\n".join(["image_id,part,scenario,repeat,fold", *lines]))
    assert parts_of(rows_of(path, SplitPoint("all", 1, 1, 3, False))) == PARTS
    assert parts_of(rows_of(path, SplitPoint("all", 1, 2, 3, False))) == swapped
    assert parts_of(rows_of(path, SplitPoint("all", 2, 1, 3, False))) == swapped
    assert parts_of(rows_of(path, SplitPoint("two", 1, 1, 3, False))) == swapped


def test_unlisted_images_are_left_out_when_that_is_asked_for(write: Write) -> None:
    parts = {i: part for i, part in PARTS.items() if i not in ("a1", "a0-2")}
    assert parts_of(rows_of(write(text_of(parts)), unlisted="leave_out")) == parts


def test_a_class_that_is_left_out_whole_is_missed(write: Write) -> None:
    path = write(text_of({i: part for i, part in PARTS.items() if i.startswith("a")}))
    with pytest.raises(DataError, match="no image of class 'b' is in it"):
        rows_of(path, unlisted="leave_out")


def without(image_id: str) -> str:
    return text_of({i: part for i, part in PARTS.items() if i != image_id})


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "cannot be read: No columns"),
        ("image_id,part\n", "it has no lines"),
        ("image_id;part\na0;train\n", "expected a column part and a column image_id or sha256"),
        ("path,part\na,train\n", "expected a column part and a column image_id or sha256"),
        (text_of(PARTS | {"a0": "training"}), "part='training': expected one of train, val"),
        (text_of(PARTS | {"a0": ""}), "part='': expected one of train"),
        ("image_id,part,repeat\na0,train,one\n", "repeat='one': expected a whole number"),
        ("image_id,part,fold\na0,train,1.5\n", "fold='1.5': expected a whole number"),
        ("image_id,part,augmented\na0,train,maybe\n", "augmented='maybe': expected one of true"),
        (text_of(PARTS) + "a0,test\na1,test\n", "2 images are in more than one part"),
        (text_of(PARTS | {"x": "test", "y": "val"}), "2 of its 11 images are not among the 10"),
        (without("a1"), "1 of the 9 images of the data are not in it; .*file_unlisted=leave_out"),
        (text_of({i: "train" for i in PARTS} | {"a3": "test"}), "no image of class 'b'"),
        (text_of(dict.fromkeys(PARTS, "train")), "there is no test part"),
        ("image_id,part,repeat\na0,train,4\n", "nothing for repeat 1; it has 4"),
        ("image_id,part,scenario\na0,train,x\n", "nothing for scenario 'all'; it has x"),
        ("image_id,part,fold\na0,train,1\na0,test,2\n", "has folds 1, 2, and split.folds is not"),
        (
            "image_id,part,split_policy\na0,train,x\na0,train,y\n",
            "it has the splits x, y; choose one by split.file_policy",
        ),
        ("image_id,part,copy\na0,test,1\n", "images of the data are not in it"),
    ],
)
def test_mistakes_in_a_file_are_told_in_one_line(write: Write, text: str, message: str) -> None:
    path = write(text)
    with pytest.raises(DataError, match=message) as caught:
        rows_of(path)
    assert str(caught.value).startswith(f"split.file={path!r}: ")
    assert "\n" not in str(caught.value)


def test_folds_that_the_file_does_not_have_are_missed(write: Write) -> None:
    path = write(text_of(PARTS))
    with pytest.raises(DataError, match=r"it has no folds, and split\.folds=3"):
        rows_of(path, SplitPoint("all", 1, 1, 3, False))


def test_a_policy_that_the_file_does_not_have_is_told_those_it_has(write: Write) -> None:
    path = write("image_id,part,split_policy\na0,train,x\n")
    with pytest.raises(DataError, match="it has no split 'grouped'; it has x"):
        read_split_file(path, "grouped")


def test_copies_parted_by_themselves_have_to_be_the_runs(write: Write) -> None:
    lines = [
        f"{i},{copy},{('train', 'val', 'test')[(copy + n) % 3]}"
        for n, i in enumerate(PARTS)
        for copy in range(3)
    ]
    path = write("\n".join(["image_id,copy,part", *lines]))
    assert len(rows_of(path, copies=2)) == 27
    for copies, missing, others in ((1, 0, 9), (4, 18, 0)):
        with pytest.raises(
            DataError, match=f"{copies} .*: {missing} rows are missing, {others} are not the run's"
        ):
            rows_of(path, copies=copies)
    again = write("\n".join(["image_id,copy,part", *lines, "a0,0,test"]))
    with pytest.raises(DataError, match="1 copies of images are in more than one part"):
        rows_of(again, copies=2)


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("none.csv", None, "no such file"),
        ("none.parquet", None, "no such file"),
        ("split.txt", b"image_id,part", "expected a .csv or .parquet file"),
        ("split.parquet", b"PAR1 no", "cannot be read"),
        ("split.csv", b"\xff\xfe\x00\x01", "cannot be read"),
    ],
)
def test_a_file_that_cannot_be_read_is_told_in_one_line(
    tmp_path: Path, name: str, content: bytes | None, message: str
) -> None:
    path = tmp_path / name
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(DataError, match=message) as caught:
        read_split_file(str(path))
    assert "\n" not in str(caught.value)


def test_a_folder_is_no_file(tmp_path: Path) -> None:
    (tmp_path / "folder.csv").mkdir()
    (tmp_path / "folder.parquet").mkdir()
    for name in ("folder.csv", "folder.parquet"):
        with pytest.raises(DataError, match=r"split\.file="):
            read_split_file(str(tmp_path / name))
