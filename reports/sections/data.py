"""The data: what the folder holds, what was excluded and why, and how it was split."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from markupsafe import Markup

from reports import wording
from reports.figures.flow import draw_flow
from reports.headline import used_headline
from reports.image_flow import flow_of
from reports.run import Run, records
from reports.sections.section import of_run

_MOST_EXCLUDED = 40


@dataclass(frozen=True)
class ClassBar:
    name: str
    images: str
    width: str  # percent of the largest class
    scenarios: str


@dataclass(frozen=True)
class Split:
    policy: str
    scenario: str
    augmentation: str
    parts: list[str]  # train, val, test: rows, and images where rows hold copies


@dataclass(frozen=True)
class Data:
    summary: list[str]
    classes: list[ClassBar]
    excluded: list[tuple[str, str]]
    excluded_more: int
    duplicates: list[tuple[str, str]]
    splits: list[Split]
    flow: Markup  # of the scenario and split policy that `predict` uses
    flow_title: str
    of_first: str  # "first repeat, first fold" where a run has several


def data_of(run: Run) -> Data:
    """Counts from `images`, `duplicates` and `splits`."""
    images = records(run.tables["images"][["path", "problem"]])
    excluded = sorted((row["path"], row["problem"]) for row in images if row["problem"])
    policy, scenario = _place(run)
    return Data(
        flow=draw_flow(flow_of(run, policy, scenario)),
        flow_title=f"Flow of images, {wording.scenario(scenario)}",
        summary=_summary(run),
        classes=_classes(run),
        excluded=excluded[:_MOST_EXCLUDED],
        excluded_more=max(0, len(excluded) - _MOST_EXCLUDED),
        duplicates=_duplicates(run),
        splits=_splits(run),
        of_first=", ".join(f"first {name}" for name in ("repeat", "fold") if name in run.repeated),
    )


def _place(run: Run) -> tuple[str, str]:
    """The split policy and scenario of the model that `predict` uses, else the first ones."""
    found = used_headline(run)
    return (found.policy, found.scenario) if found else (run.policies[0], run.scenarios[0])


def _summary(run: Run) -> list[str]:
    about: dict[str, Any] = run.info.get("data", {})
    return [
        f"{wording.plural(int(about.get('images', 0)), 'image')} in "
        f"{wording.plural(len(about.get('classes', {})), 'class')}",
        f"{wording.count(about.get('excluded', 0))} excluded",
        f"{wording.plural(int(about.get('duplicates', 0)), 'pair')} of duplicates",
        *_groups(run),
        f"source: {about.get('source', '?')} {about.get('path_name') or ''}".strip(),
    ]


def _groups(run: Run) -> list[str]:
    """The number of independent groups, the largest one, and duplicates in two classes."""
    images = run.tables["images"]
    usable = images[images["problem"] == ""]
    if usable.empty:
        return []
    sizes = usable["group"].value_counts()
    copies = run.tables["duplicates"]
    copies = copies[copies["kind"] != "user"]
    label = usable.set_index("image_id")["class"]
    crossed = copies["image_id_a"].map(label) != copies["image_id_b"].map(label)
    return [
        f"{wording.plural(len(sizes), 'group')}, the largest of "
        f"{wording.plural(int(sizes.max()), 'image')}",
        f"{wording.plural(int(crossed.sum()), 'pair')} of duplicates in two classes",
    ]


def _classes(run: Run) -> list[ClassBar]:
    counts: dict[str, int] = run.info.get("data", {}).get("classes", {})
    largest = max(counts.values(), default=0) or 1
    return [
        ClassBar(
            name=name,
            images=wording.count(number),
            width=f"{100 * number / largest:.1f}",
            scenarios=", ".join(s for s in run.scenarios if name in run.classes(s)),
        )
        for name, number in counts.items()
    ]


def _duplicates(run: Run) -> list[tuple[str, str]]:
    kinds = run.tables["duplicates"]["kind"].value_counts().sort_index()
    return [(str(kind), wording.count(int(number))) for kind, number in kinds.items()]


def _splits(run: Run) -> list[Split]:
    frame = run.tables["splits"]
    if frame.empty:
        return []
    keys = ["split_policy", "scenario", "augmentation"]
    is_first = (frame["repeat"] == 1) & (frame["fold"] == frame["fold"].min())
    sizes = frame[is_first].groupby([*keys, "part"])["image_id"].agg(["size", "nunique"])
    found: dict[tuple[Any, ...], dict[str, str]] = {}
    for (*key, part), row in sizes.iterrows():
        found.setdefault(tuple(key), {})[part] = _part(int(row["size"]), int(row["nunique"]))
    ordered = sorted(
        found,
        key=lambda key: (
            _index(run.policies, key[0]),
            str(key[1]),
            _index(run.augmentations, key[2]),
        ),
    )
    return [
        Split(
            policy=key[0],
            scenario=wording.scenario(key[1]),
            augmentation=wording.augmentation(key[2]),
            parts=[found[key].get(part, "0") for part in ("train", "val", "test")],
        )
        for key in ordered
    ]


def _part(rows: int, images: int) -> str:
    if rows == images:
        return wording.count(rows)
    return f"{wording.count(rows)} ({wording.plural(images, 'image')})"


def _index(order: list[str], name: str) -> int:
    return order.index(name) if name in order else len(order)


SECTION = of_run(
    "data",
    "Data",
    "data.html.j2",
    data_of,
    "Check that what was excluded should be, and that groups hold what belongs together: "
    "intervals count groups, not images.",
)
