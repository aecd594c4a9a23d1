"""Marked regions of images: masks, boxes, and what is wrong with them in one line."""

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from datasets.errors import DataError
from datasets.marked_regions import read_marked

SIZES = {"bone/a.jpg": (8, 6), "bone/b.jpg": (8, 6), "none/c.jpg": (4, 4)}


def mask(folder: Path, name: str, size: tuple[int, int] = (8, 6)) -> None:
    pixels = np.zeros((size[1], size[0]), np.uint8)
    pixels[1:3, 2:5] = 255
    (folder / name).parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(pixels).save(folder / name)


def table(folder: Path, *lines: str) -> str:
    path = folder / "boxes.csv"
    path.write_text("\n".join(["path,x,y,width,height", *lines]))
    return str(path)


def test_masks_mirror_the_images(tmp_path: Path) -> None:
    mask(tmp_path, "bone/a.png")
    mask(tmp_path, "other/z.png")
    found = read_marked(str(tmp_path), SIZES)
    marked = found.mask("bone/a.jpg")
    assert marked is not None
    assert marked.shape == (6, 8)
    assert np.argwhere(marked).min(0).tolist() == [1, 2]
    assert marked.sum() == 6
    assert found.mask("bone/b.jpg") is None


def test_an_image_may_have_several_boxes(tmp_path: Path) -> None:
    boxes = table(tmp_path, "bone/a.jpg,2,1,3,2", "bone/a.jpg,0,0,1,1", "gone.jpg,0,0,1,1")
    found = read_marked(boxes, SIZES)
    marked = found.mask("bone/a.jpg")
    assert marked is not None
    assert marked[1:3, 2:5].all()
    assert marked[0, 0]
    assert marked.sum() == 7
    assert found.mask("none/c.jpg") is None


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("bone/a.jpg,2,1,9,2", "line 2: box 2, 1, 9, 2 of 'bone/a.jpg' is empty or outside"),
        ("bone/a.jpg,2,1,0,2", "line 2: box 2, 1, 0, 2 of 'bone/a.jpg' is empty or outside"),
        ("bone/a.jpg,2,1,wide,2", "line 2: width='wide': expected a number of pixels"),
        ("bone/a.jpg,2,nan,1,2", "line 2: y='nan': expected a number of pixels"),
        ("x.jpg,2,1,1,2", "none of the 3 images is marked; use paths as within the data, such as"),
    ],
)
def test_wrong_boxes_are_one_line(tmp_path: Path, line: str, message: str) -> None:
    with pytest.raises(DataError) as raised:
        read_marked(table(tmp_path, line), SIZES)
    assert str(raised.value).startswith("explain.masks=")
    assert message in str(raised.value)
    assert "\n" not in str(raised.value)


def test_wrong_masks_are_one_line(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="no such folder; give a folder of mask images or"):
        read_marked(str(tmp_path / "gone"), SIZES)
    (tmp_path / "short.csv").write_text("path,x\nbone/a.jpg,1\n")
    with pytest.raises(DataError, match="no column y and width and height; expected path, x, y"):
        read_marked(str(tmp_path / "short.csv"), SIZES)
    mask(tmp_path, "bone/a.png", (7, 6))
    with pytest.raises(DataError, match=r"mask 'bone/a.png' is 7 x 6 pixels, its image 8 x 6"):
        read_marked(str(tmp_path), SIZES)
    (tmp_path / "bone/a.png").write_text("no picture")
    with pytest.raises(DataError, match=r"mask 'a.png' cannot be read"):
        read_marked(str(tmp_path), SIZES)
