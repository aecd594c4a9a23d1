"""End-to-end rows: every row once per epoch, in another order, with its own label and pixels."""

from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow.fs as pafs
import pytest
import torch
from PIL import Image
from torch import nn

from datasets.manifest import build_manifest
from datasets.preprocess import Preprocessing
from datasets.shards import read_images, write_shards
from datasets.sources import list_folder
from tests.trainables.settings import training
from trainables.loop import train
from trainables.online import OnlineAugmentation, image_number
from trainables.rows import Rows
from trainables.stream import PADDING, StreamRows, pixel_dataset

pytestmark = pytest.mark.usefixtures("ray_session")

SIDE, IMAGES, COPIES = 32, 12, 2
CPU = torch.device("cpu")
LOCAL = pafs.LocalFileSystem()


@pytest.fixture(scope="module")
def shards(tmp_path_factory: pytest.TempPathFactory, ray_session: None) -> str:
    root, out = (tmp_path_factory.mktemp(name) for name in ("images", "shards"))
    (root / "one").mkdir()
    for number in range(IMAGES):
        pixels = np.random.default_rng(number).integers(0, 256, (SIDE, SIDE, 3), np.uint8)
        Image.fromarray(pixels).save(root / "one" / f"{number}.png")
    manifest = build_manifest(str(root), list_folder(str(root)))
    write_shards(
        manifest,
        str(root),
        str(out),
        LOCAL,
        preprocessing=Preprocessing(SIDE, "none"),
        copies=COPIES,
    )
    return str(out)


def _rows(shards: str, count: int) -> pd.DataFrame:
    """Some (image, copy), each with a unique label."""
    names = sorted(path.stem for path in Path(shards).glob("*.parquet"))
    assert names
    table = pd.concat(pd.read_parquet(path) for path in Path(shards).glob("*.parquet"))
    table = table[["image_id", "copy"]].sort_values(["copy", "image_id"], ignore_index=True)
    return table.head(count).assign(label=range(count))


def _epoch(rows: Rows, generator: torch.Generator) -> dict[int, np.ndarray]:
    """Pixels by label, in the epoch's order."""
    seen: dict[int, np.ndarray] = {}
    for inputs, labels, global_size in rows.shuffled(4, generator):
        assert global_size == len(labels)
        assert not seen.keys() & set(labels.tolist())
        seen |= dict(zip(labels.tolist(), inputs.permute(0, 2, 3, 1).numpy(), strict=True))
    return seen


@pytest.mark.parametrize("count", [20, 21])  # 21: a last batch of one row
def test_an_epoch_has_every_row_once_with_its_own_pixels(shards: str, count: int) -> None:
    rows = _rows(shards, count)
    dataset = pixel_dataset(shards, LOCAL, rows, seed=1)
    stream = StreamRows(dataset.iterator(), count, SIDE, CPU)
    generator = torch.Generator().manual_seed(0)
    first, second = _epoch(stream, generator), _epoch(stream, generator)
    assert sorted(first) == sorted(second) == list(range(count))
    assert list(first) != list(second)
    assert list(first) != sorted(first)
    wanted = list(zip(rows["image_id"], rows["copy"], strict=True))
    for number, pixels in enumerate(read_images(shards, LOCAL, wanted)):
        np.testing.assert_array_equal(first[number], pixels)


def test_a_row_missing_from_the_shards_is_an_error(shards: str) -> None:
    rows = _rows(shards, 5)
    rows.loc[2, "copy"] = COPIES + 1
    with pytest.raises(RuntimeError, match="have 4 of 5 rows"):
        pixel_dataset(shards, LOCAL, rows, seed=1)


@pytest.mark.parametrize("workers", [2, 3])
def test_workers_get_equal_numbers_of_rows_none_lost_or_counted_twice(
    shards: str, workers: int
) -> None:
    dataset = pixel_dataset(shards, LOCAL, _rows(shards, 20), seed=1, workers=workers)
    assert dataset.count() % workers == 0
    labels = [row["label"] for row in dataset.iter_rows()]
    assert sorted(label for label in labels if label != PADDING) == list(range(20))
    assert labels.count(PADDING) == -20 % workers


def test_padding_neither_trains_nor_counts() -> None:
    from tests.trainables.test_loop import TensorRows

    generator = torch.Generator().manual_seed(0)
    features, labels = torch.randn(8, 4, generator=generator), torch.arange(8) % 2
    padded = torch.cat([features, features[:3] + 100]), torch.cat([labels, torch.full((3,), -100)])

    def fit(rows: TensorRows) -> tuple[float, float, torch.Tensor]:
        torch.manual_seed(0)
        module = nn.Linear(4, 2)
        got = train(module, rows, TensorRows(features, labels), training(0.1, 11, 1, 0))
        return got.curve[0].train_loss, got.curve[0].train_accuracy, module.weight.detach()

    plain, with_padding = fit(TensorRows(features, labels)), fit(TensorRows(*padded))
    assert plain[:2] == pytest.approx(with_padding[:2])
    torch.testing.assert_close(plain[2], with_padding[2], rtol=1e-4, atol=1e-5)


def test_a_stream_is_augmented_and_trains(shards: str) -> None:
    rows = _rows(shards, 12).assign(label=[i % 2 for i in range(12)])
    dataset = pixel_dataset(shards, LOCAL, rows, seed=1)
    stream = StreamRows(dataset.iterator(), 12, SIDE, CPU, OnlineAugmentation(3))
    from tests.trainables.test_loop import TensorRows

    validation = TensorRows(torch.rand(4, 3, SIDE, SIDE), torch.tensor([0, 1, 0, 1]))
    module = nn.Sequential(nn.Flatten(), _Scaled(), nn.Linear(3 * SIDE**2, 2))
    fit = train(module, stream, validation, training(1e-3, 5, 2, 0))
    assert len(fit.curve) == 2
    assert 0 < fit.data_wait <= 1


class _Scaled(nn.Module):
    def forward(self, pixels: torch.Tensor) -> torch.Tensor:
        return pixels.float() / 255


def test_each_row_of_a_stream_is_augmented_by_its_image_and_epoch(shards: str) -> None:
    rows = _rows(shards, 12)
    dataset = pixel_dataset(shards, LOCAL, rows, seed=1)
    online = OnlineAugmentation(3)
    stream = StreamRows(dataset.iterator(), 12, SIDE, CPU, online)
    first = _epoch(stream, torch.Generator().manual_seed(0))
    second = _epoch(stream, torch.Generator().manual_seed(9))
    epoch = int(torch.randint(2**31, (1,), generator=torch.Generator().manual_seed(0)))
    wanted = list(zip(rows["image_id"], rows["copy"], strict=True))
    numbers = np.array([image_number(*one) for one in wanted], np.uint64)
    expected = online(read_images(shards, LOCAL, wanted), numbers, epoch)
    for number, pixels in enumerate(expected):
        np.testing.assert_array_equal(first[number], pixels)
        assert (second[number] != pixels).any()
