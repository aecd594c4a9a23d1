"""Make the plan of a configuration: collect and audit the images, split them, report warnings."""

from __future__ import annotations

from sweeper.config.schema import Config
from sweeper.plan.collect import Collection, collect
from sweeper.plan.data_warnings import (
    augmentation_warnings,
    collection_warnings,
    left_out,
    split_warnings,
)
from sweeper.plan.plan import Plan
from sweeper.progress import Progress
from sweeper.stage_times import StageTimes
from sweeper.store.store import Store


def make_plan(config: Config, progress: Progress, times: StageTimes) -> Plan:
    """The plan of a configuration. Raises DataError for what is wrong with the images."""
    store = Store(config.store)
    with times.timed("collect and audit") as stage:
        collection = collect(config.data, store, progress)
        stage.made = len(collection.manifest)
    with times.timed("split") as stage, progress.during("split"):
        plan = Plan(config, collection, store)
        stage.made = len(plan.splits)
    _report(plan, progress)
    return plan


def _report(plan: Plan, progress: Progress) -> None:
    collection = plan.collection
    for line in (
        *collection_warnings(collection),
        *augmentation_warnings(plan.config, collection.classes),
        *split_warnings(plan.splits, plan.scenarios),
    ):
        progress.skip("warning", line)
    progress.skip("collect and audit", _summary(collection))
    for name, line in left_out(collection):
        progress.skip(name, line)


def _summary(collection: Collection) -> str:
    parts = [
        f"{len(collection.images)} images in {len(collection.classes)} classes",
        f"{len(collection.manifest) - len(collection.images)} excluded",
        f"{len(collection.duplicates)} duplicate pairs",
    ]
    if collection.ungrouped:
        parts.append(f"{collection.ungrouped} not matched by data.group_by")
    return ", ".join(parts)
