"""fastai's `vision_learner` on a timm network: its head trained, then all layers.

fastai's own defaults: a concatenated average and maximum pooling, a head of two layers, one-cycle
schedule, discriminative rates, `aug_transforms`, the state after the last epoch.
"""

from __future__ import annotations

from fastai.vision.all import (
    CategoryBlock,
    ColReader,
    ColSplitter,
    DataBlock,
    ImageBlock,
    Learner,
    Resize,
    aug_transforms,
    set_seed,
    vision_learner,
)

from benchmarks.peers.task import Result, Task

_PACKAGES = ("fastai", "timm", "torch")
_LR = 2e-3
_FROZEN_SHARE = 0.5  # of the epochs, before all layers are trained


def main() -> None:
    task = Task.read()
    result = Result(task)
    set_seed(task.seed)
    learner = _learner(task)
    frozen = max(1, round(task.epochs * _FROZEN_SHARE))
    learner.freeze()
    learner.fit_one_cycle(frozen, _LR)
    result.hand_in("fastai_frozen", _predicted(learner, task), _PACKAGES)
    learner.unfreeze()  # and as the second half of `fine_tune`
    rates = slice(_LR / 200, _LR / 2)
    learner.fit_one_cycle(task.epochs - frozen, rates, pct_start=0.3, div=5.0)
    result.hand_in("fastai_unfrozen", _predicted(learner, task), _PACKAGES)


def _learner(task: Task) -> Learner:
    images = task.images
    known = images[images["part"] != "test"].assign(is_valid=lambda rows: rows["part"] == "val")
    block = DataBlock(
        blocks=(ImageBlock, CategoryBlock(vocab=task.classes)),
        get_x=ColReader("path"),
        get_y=ColReader("label"),
        splitter=ColSplitter(),
        item_tfms=Resize(task.image_size),
        batch_tfms=aug_transforms(),
    )
    loaders = block.dataloaders(known, bs=task.batch_size, num_workers=task.workers)
    weights = {"file": task.weights, "mean": task.mean, "std": task.std}
    return vision_learner(loaders, task.model, pretrained_cfg_overlay=weights, **task.model_args)


def _predicted(learner: Learner, task: Task) -> list[int]:
    tested = learner.dls.test_dl(task.of("test"), bs=64)
    probabilities, _ = learner.get_preds(dl=tested)
    return [int(number) for number in probabilities.argmax(1)]


if __name__ == "__main__":
    main()
