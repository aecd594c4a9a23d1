"""Every artifact that a configuration may read, whether it is there or not."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

from sweeper.plan.grid import Cell
from sweeper.plan.image_source import images_from
from sweeper.plan.lookalikes import pictures_from
from sweeper.plan.plan import Plan
from sweeper.plan.trial_spec import TrialSpec
from sweeper.run.champions import evaluation_of, explanation_of
from sweeper.store.store import key_of


def references(plan: Plan) -> set[tuple[str, str]]:
    """Kind and key of all artifacts of a plan.

    Fine-tuning starts from a champion, which another draw may become: trials are named that start
    from any of the cell's transfer trials, and the evaluations and explanations of all.
    """
    specs = {spec.key: spec for cell in plan.cells for spec in _trials(plan, cell)}
    found = {*_shared(plan), *(("trials", key) for key in specs)}
    for spec in specs.values():
        found.add(("evaluations", key_of(evaluation_of(spec))))
        for leading in (frozenset(), frozenset([spec.key])):  # whether it leads, the run finds out
            how = replace(plan.explanation, leading=leading)
            found.add(("explanations", key_of(explanation_of(spec, how))))
    return found


def _shared(plan: Plan) -> Iterator[tuple[str, str]]:
    data, images = plan.config.data, plan.collection.images
    if plan.collection.remote:
        yield "images", key_of(images_from(data))
    yield from plan.collection.artifacts
    yield "duplicates", key_of(pictures_from(images))
    yield "shards", key_of(plan.shards_from)
    for split in plan.splits.values():
        yield "splits", split.key
    for made_from in plan.backbones.values():
        yield "backbones", key_of(made_from)
    for cell in plan.cells:
        source = plan.source_of(cell)
        yield source, key_of(plan.source_from(source, cell.backbone))


def _trials(plan: Plan, cell: Cell) -> list[TrialSpec]:
    start = plan.transfer_cell_of(cell)
    if start is None:
        return plan.trials(cell)
    return [spec for one in plan.trials(start) for spec in plan.trials(cell, one)]
