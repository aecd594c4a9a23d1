"""Cached fine-tuning against the same trial from pixels; which weights may change."""

import copy
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import Tensor, nn
from torch.nn.modules.batchnorm import _BatchNorm

from tests.trainables.conftest import noise
from tests.trainables.settings import training
from tests.trainables.tables import opened, write_table
from trainables.backbones import Backbone
from trainables.finetune import (
    ActivationRows,
    FinetuneModule,
    PixelRows,
    feature_dim,
    finetune_module,
    with_prefix,
)
from trainables.heads import build_head
from trainables.inference import for_inference
from trainables.loop import Fit, probabilities, train
from trainables.registry import BACKBONES
from trainables.resident import RowMemory

CPU = torch.device("cpu")
CLASSES, BATCH, TRAIN, VALIDATION = 3, 6, 12, 6
SETTING = training(lr=3e-5, batch_size=BATCH, epochs=2, seed=5)
Calibrated = Callable[[str], Backbone]

IMAGES = noise(24)[: TRAIN + VALIDATION]
LABELS = np.arange(TRAIN + VALIDATION) % CLASSES
PARTS = (np.arange(TRAIN), np.arange(TRAIN, TRAIN + VALIDATION))


@dataclass
class _Run:
    """The result of a trial."""

    fit: Fit
    probabilities: Tensor
    at_start: Tensor

    @property
    def losses(self) -> list[float]:
        return [loss for e in self.fit.curve for loss in (e.train_loss, e.val_loss)]


def _module(backbone: Backbone, batchnorm: str = "train") -> FinetuneModule:
    return finetune_module(backbone, "max", [], CLASSES, batchnorm=batchnorm, seed=9)


def _run(module: nn.Module, parts: list[ActivationRows] | list[PixelRows]) -> _Run:
    at_start = probabilities(module, parts[1])
    torch.manual_seed(1)  # of dropout
    fit = train(module, parts[0], parts[1], SETTING)
    return _Run(fit, probabilities(module, parts[1]), at_start)


def _from_pixels(backbone: Backbone, batchnorm: str = "train") -> _Run:
    images = IMAGES.permute(0, 2, 3, 1).numpy()
    parts = [PixelRows(images[part], LABELS[part], CPU) for part in PARTS]
    return _run(with_prefix(backbone, _module(backbone, batchnorm)), parts)


def _from_table(backbone: Backbone, folder: Path, dtype: str) -> _Run:
    prefix = for_inference(copy.deepcopy(backbone.prefix))  # as when tables are extracted
    with torch.no_grad():
        # Batches of the size used in training: another size rounds differently.
        batches = [prefix(backbone.normalise(part)).contiguous() for part in IMAGES.split(BATCH)]
    wanted = write_table(folder, torch.cat(batches).numpy().astype(dtype), parts=2)
    table = opened(folder)
    numbers = table.find(wanted)
    parts = [ActivationRows(table, numbers[part], LABELS[part], CPU) for part in PARTS]
    return _run(_module(backbone), parts)


@dataclass
class _Runs:
    """A backbone's trial from pixels, with its prefix before and after, and from both tables."""

    name: str
    pixels: _Run
    before: dict[str, Tensor]
    after: dict[str, Tensor]
    float32: _Run
    float16: _Run


@pytest.fixture(scope="module", params=BACKBONES)
def runs(
    request: pytest.FixtureRequest, calibrated: Calibrated, tmp_path_factory: pytest.TempPathFactory
) -> _Runs:
    backbone, folder = calibrated(request.param), tmp_path_factory.mktemp("tables")
    before = copy.deepcopy(backbone.state())
    pixels = _from_pixels(backbone)
    tables = [
        _from_table(calibrated(request.param), folder / dtype, dtype)
        for dtype in ("float32", "float16")
    ]
    return _Runs(request.param, pixels, before, backbone.state(), *tables)


def test_a_cached_trial_equals_the_uncached_one(runs: _Runs) -> None:
    # BatchNorm of so few rows amplifies rounding: it divides by standard deviations that are small.
    # So does random Inception: the size of a batch alone moves its features by 2e-5.
    tolerance = 5e-3 if runs.name == "inceptionv3" else 1e-3
    assert runs.float32.losses == pytest.approx(runs.pixels.losses, rel=tolerance)
    torch.testing.assert_close(
        runs.float32.probabilities, runs.pixels.probabilities, rtol=tolerance, atol=1e-5
    )
    trained = {k.removeprefix("1."): v for k, v in runs.pixels.fit.state.items() if k[0] == "1"}
    assert trained.keys() == runs.float32.fit.state.keys()
    assert (runs.pixels.probabilities - runs.pixels.at_start).abs().max() > 5e-3  # it did train


def test_a_table_of_half_precision_changes_little(runs: _Runs) -> None:
    # Measured: 1e-4 to 4e-4. Random VGG16, without BatchNorm, hardly distinguishes images: 2e-2;
    # random Inception amplifies rounding: 9e-3.
    tolerance = {"vgg16": 5e-2, "inceptionv3": 2e-2}.get(runs.name, 2e-3)
    assert runs.float16.losses == pytest.approx(runs.pixels.losses, rel=tolerance)
    assert runs.float16.losses != runs.float32.losses


def test_the_prefix_is_bit_identical_after_fine_tuning_and_the_suffix_has_moved(
    runs: _Runs,
) -> None:
    prefix = [name for name in runs.before if name.startswith("prefix.")]
    assert prefix
    for name in prefix:
        assert torch.equal(runs.after[name], runs.before[name]), name
    weights = [name for name in runs.before if name.startswith("suffix.") and "weight" in name]
    assert weights
    for name in weights:
        assert not torch.equal(runs.after[name], runs.before[name]), name


@pytest.mark.parametrize("name", ["resnet50", "efficientnetb3"])  # torch's BatchNorm and timm's
@pytest.mark.parametrize("batchnorm", ["train", "frozen"])
def test_frozen_batchnorm_keeps_the_suffixes_statistics_and_the_other_mode_moves_them(
    name: str, batchnorm: str, calibrated: Calibrated
) -> None:
    backbone = calibrated(name)
    before = copy.deepcopy(backbone.suffix.state_dict())
    _from_pixels(backbone, batchnorm)
    after = backbone.suffix.state_dict()
    statistics = [key for key in before if "running_" in key]
    assert statistics
    for key in statistics:
        assert torch.equal(after[key], before[key]) == (batchnorm == "frozen"), key
    assert not any(torch.equal(after[key], before[key]) for key in before if key.endswith("weight"))


def test_frozen_batchnorm_leaves_the_heads_in_training(calibrated: Calibrated) -> None:
    module = _module(calibrated("mobilenet"), "frozen").train()
    norms = [m for m in module.suffix.modules() if isinstance(m, _BatchNorm)]
    assert norms
    assert not any(m.training for m in norms)
    assert all(m.training for m in module.head.modules())
    assert not any(m.training for m in module.eval().modules())


def test_a_trial_starts_from_the_head_it_is_given(calibrated: Calibrated) -> None:
    backbone = calibrated("mobilenet")
    torch.manual_seed(77)
    head = build_head(feature_dim(backbone), [8], CLASSES)
    head.state_dict()["0.running_mean"].add_(0.5)
    module = finetune_module(
        backbone, "avg", [8], CLASSES, batchnorm="train", seed=9, head_state=head.state_dict()
    )
    torch.testing.assert_close(module.head.state_dict(), head.state_dict(), rtol=0, atol=0)
    with torch.no_grad():
        activations = backbone.prefix(backbone.normalise(IMAGES[:4]))
        expected = head.eval()(backbone.suffix(activations).mean((2, 3)))
        torch.testing.assert_close(module.eval()(activations), expected)


def test_a_new_head_is_determined_by_the_seed(calibrated: Calibrated) -> None:
    first, again, other = (
        finetune_module(
            calibrated("mobilenet"), "max", [8], CLASSES, batchnorm="train", seed=seed
        ).head.state_dict()
        for seed in (1, 1, 2)
    )
    torch.testing.assert_close(first, again, rtol=0, atol=0)
    assert not torch.equal(first["2.weight"], other["2.weight"])


def test_an_unknown_batchnorm_mode_is_refused(calibrated: Calibrated) -> None:
    with pytest.raises(ValueError, match=r"batchnorm='eval': expected one of .*train.*frozen"):
        _module(calibrated("mobilenet"), "eval")


def test_activations_are_float32_whatever_the_tables_dtype(tmp_path: Path) -> None:
    values = np.random.default_rng(0).normal(size=(8, 2, 3, 3)).astype(np.float16)
    write_table(tmp_path / "t", values, parts=3)
    table = opened(tmp_path / "t")
    numbers = np.array([5, 1, 6])  # of the sorted index, which is that of the values here
    rows = ActivationRows(table, numbers, np.array([2, 0, 1]), CPU)
    batch = rows.inputs(torch.tensor([2, 0]))
    assert batch.dtype == torch.float32
    np.testing.assert_array_equal(batch.numpy(), table.gather(numbers[[2, 0]]))
    assert rows.labels.tolist() == [2, 0, 1]


@pytest.mark.parametrize("kept", [0, 1, 4, 7, 8])
def test_rows_that_fit_the_budget_are_kept_and_the_others_read(tmp_path: Path, kept: int) -> None:
    values = np.random.default_rng(0).normal(size=(8, 2, 3, 3)).astype(np.float16)
    write_table(tmp_path / "t", values, parts=3)
    table, order = opened(tmp_path / "t"), torch.tensor([7, 0, 3, 4])
    memory = RowMemory(kept * values[0].nbytes)
    rows = ActivationRows(table, np.arange(8), np.zeros(8, np.int64), CPU, memory)
    expected = table.gather(order.numpy()).astype(np.float32)
    gathered: list[int] = []
    gather = table.gather
    table.gather = lambda numbers: gathered.extend(numbers) or gather(numbers)  # type: ignore
    batch = rows.inputs(order)
    np.testing.assert_array_equal(batch.numpy(), expected)
    assert gathered == [number for number in order.tolist() if number >= kept]


def test_with_depth_all_the_whole_network_is_trained(calibrated: Calibrated) -> None:
    backbone = calibrated("mobilenet")
    whole = finetune_module(backbone, "max", [8], CLASSES, batchnorm="train", seed=1, depth="all")
    suffix = finetune_module(
        calibrated("mobilenet"), "max", [8], CLASSES, batchnorm="train", seed=1
    )
    pixels = IMAGES[:4]
    expected = with_prefix(calibrated("mobilenet"), suffix).eval()(pixels)
    torch.testing.assert_close(whole.eval()(pixels), expected)
    start = copy.deepcopy(whole.state_dict())
    rows = PixelRows(IMAGES.permute(0, 2, 3, 1).numpy(), LABELS, CPU)
    train(whole, rows, rows, SETTING)
    moved = {
        name for name, value in whole.state_dict().items() if not torch.equal(value, start[name])
    }
    assert any(name.startswith("suffix.prefix.") and "weight" in name for name in moved)
    assert any(name.startswith("suffix.prefix.") and "running" in name for name in moved)


def test_mixed_precision_computes_the_suffix_only_in_bfloat16(calibrated: Calibrated) -> None:
    modules = [
        finetune_module(
            calibrated("mobilenet"), "avg", [8], CLASSES, batchnorm="train", seed=1, mixed=mixed
        )
        for mixed in (False, True)
    ]
    backbone = calibrated("mobilenet")
    activations = backbone.prefix(backbone.normalise(IMAGES[:4]))
    exact, mixed = (module.eval()(activations) for module in modules)
    assert exact.dtype == mixed.dtype == torch.float32
    assert not torch.equal(exact, mixed)
    torch.testing.assert_close(exact, mixed, rtol=0.1, atol=0.1)
