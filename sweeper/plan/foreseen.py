"""Foresee what a run would refuse, and test sets too small for a conclusion; `plan` prints both."""

from __future__ import annotations

from collections.abc import Iterator

from reports.statistics.intervals import share_interval
from sweeper.plan.ledger import Ledger
from sweeper.plan.plan import Plan
from trainables.hub import out_of_reach
from trainables.registry import WeightsError

FEWEST_TESTED = 12  # groups; with fewer the interval of an accuracy of 50 % spans 50 points


def _unloadable(ledger: Ledger) -> dict[str, str]:
    """The backbones whose weights a run needs but cannot load, with the reason."""
    plan, found = ledger.plan, {}
    needed = [name for name in sorted(plan.backbones) if _needs_weights(ledger, name)]
    for name in needed:
        weights = plan.weights[name]
        if not weights.is_hub and not weights.is_random:
            from trainables.pretrained import check_weights_file  # imports torch: seconds

            try:
                check_weights_file(plan.networks[name], weights)
            except WeightsError as error:
                found[name] = str(error)
    hub = [name for name in needed if plan.weights[name].is_hub]
    if hub and (reason := out_of_reach(plan.networks[name] for name in hub)):
        found |= {
            name: (
                f"weights.{name}='imagenet': the hub cannot be reached ({reason}); give the path "
                "of a safetensors file, or none for random weights"
            )
            for name in hub
        }
    return found


def weights_lines(ledger: Ledger) -> tuple[list[str], list[str]]:
    """Backbones that cannot be loaded, as warnings and as errors: errors if none can."""
    found = _unloadable(ledger)
    lines = list(found.values())
    if all(name in found for name in ledger.plan.backbones if _needs_weights(ledger, name)):
        return [], lines
    return [f"{line}; its cells will fail" for line in lines], []


def _needs_weights(ledger: Ledger, name: str) -> bool:
    plan = ledger.plan
    if plan.store.find(*plan.backbones[name].place):
        return False
    return not all(ledger.is_settled(cell) for cell in plan.cells if cell.backbone == name)


def warnings(plan: Plan) -> Iterator[str]:
    """A line for each test part too small for a conclusion, all folds of a scenario together."""
    group_of = plan.collection.images.set_index("image_id")["group"]
    tested: dict[tuple[str, str], dict[int, set[str]]] = {}
    for name, split in plan.splits.items():
        images = split.rows.loc[split.rows["part"] == "test", "image_id"]
        by_repeat = tested.setdefault((name.split_policy, name.scenario), {})
        by_repeat.setdefault(name.repeat, set()).update(group_of.reindex(images).dropna())
    for (policy, scenario), by_repeat in tested.items():
        fewest = min(len(groups) for groups in by_repeat.values())
        if 0 < fewest < FEWEST_TESTED:
            interval = share_interval(0.5, fewest)
            yield (
                f"split policy {policy}, scenario {scenario}: only {fewest} independent test "
                f"image{'s' * (fewest != 1)}; an accuracy of 50 % would have a 95 % interval of "
                f"{100 * interval.low:.0f} to {100 * interval.high:.0f} %; add images, or use "
                "split.folds"
            )
