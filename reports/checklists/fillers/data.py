"""Facts on the images: source, exclusions, duplicates, and the parts of the split."""

from __future__ import annotations

from collections import Counter

import pandas as pd

from reports import wording
from reports.checklists.fillers.registry import Fact, Subject, fills
from reports.compare.groups import flat
from reports.image_flow import division_text, first_division, flow_of

_MOST = 12  # classes or reasons that are named


@fills
def source(of: Subject) -> list[Fact]:
    """Where the images come from, as far as the run knows."""
    data = of.data
    if not data:
        return []
    return [
        Fact(
            f"{wording.plural(data['images'], 'image')} used, from '{data['path_name']}'; content "
            f"hash {data['manifest_hash'][:16]}",
            "run.json",
        )
    ]


@fills
def excluded(of: Subject) -> list[Fact]:
    """Files that were left out, and why."""
    images = of.table("images")
    problems = [str(text) for text in images["problem"] if text]
    text = f"{len(problems)} of {wording.plural(len(images), 'file')} left out"
    if problems:
        reasons = Counter(reason_of(one) for one in problems).most_common(_MOST)
        text += f": {', '.join(f'{name} ({count})' for name, count in reasons)}"
    return [Fact(text, "images")]


def reason_of(problem: str) -> str:
    """The kind of a problem: 'too small' of 'too small: 12 x 9 px'."""
    return problem.partition(":")[0].partition(" of ")[0].partition(" (")[0]


@fills
def sizes(of: Subject) -> list[Fact]:
    """Sizes of the images as they were found."""
    images = of.used_images
    if images.empty:
        return []
    width, height = images["width"], images["height"]
    return [
        Fact(
            f"Images of {width.min()} to {width.max()} by {height.min()} to {height.max()} px "
            f"(median {width.median():.0f} by {height.median():.0f})",
            "images",
        )
    ]


@fills
def preprocessing(of: Subject) -> list[Fact]:
    """The settings of preprocessing, the same for every image."""
    settings = flat(of.config.get("preprocess", {}))
    text = ", ".join(f"{name} {value}" for name, value in settings.items() if value)
    return [Fact(f"Every image in the same way: {text}", "run.json")] if text else []


@fills
def scenarios(of: Subject) -> list[Fact]:
    """The classes that the model distinguishes."""
    if not of.classes:
        return []
    named = wording.listed(of.classes)
    return [Fact(f"{wording.plural(len(of.classes), 'class')}: {named}", "run.json")]


@fills
def classes(of: Subject) -> list[Fact]:
    """How many images each class has."""
    counts = Counter(of.used_images["class"])
    named = [f"{name} {wording.count(counts[name])}" for name in of.classes[:_MOST]]
    more = "" if len(of.classes) <= _MOST else f" and {len(of.classes) - _MOST} more classes"
    return [Fact(f"Images by class: {', '.join(named)}{more}", "images")] if named else []


@fills
def imbalance(of: Subject) -> list[Fact]:
    """The largest and the smallest class."""
    counts = Counter(of.used_images["class"])
    if not counts:
        return []
    total, ranked = sum(counts.values()), counts.most_common()
    (most, high), (least, low) = ranked[0], ranked[-1]
    return [
        Fact(
            f"The largest class ({most}) has {wording.percent(high / total)} % of the images, the "
            f"smallest ({least}) {wording.percent(low / total)} %",
            "images",
        )
    ]


@fills
def duplicates(of: Subject) -> list[Fact]:
    """Pairs of images that belong together, and the groups that they make."""
    kinds = Counter(of.table("duplicates")["kind"])
    images = of.table("images")
    used = images[images["problem"] == ""]
    pairs = ", ".join(f"{kinds[kind]} {kind}" for kind in ("exact", "near", "user"))
    return [
        Fact(f"Pairs that belong together: {pairs}", "duplicates"),
        Fact(
            f"{wording.plural(used['group'].nunique(), 'independent group')} among "
            f"{wording.plural(len(used), 'image')}",
            "images",
        ),
    ]


@fills
def partitions(of: Subject) -> list[Fact]:
    """The numbers of images in the parts."""
    splits = first_division(of.table("splits"), of.policy, of.scenario)
    if splits.empty:
        return []
    parts = splits.groupby("part")["image_id"].nunique()
    text = ", ".join(
        f"{name} {wording.count(int(parts.get(part, 0)))}"
        for part, name in (("train", "training"), ("val", "validation"), ("test", "test"))
    )
    how = division_text(of.run)
    return [
        Fact(f"{of.policy} split{how}: images in {text}", "splits"),
    ]


@fills
def parts_by_class(of: Subject) -> list[Fact]:
    """The classes in each part."""
    splits = first_division(of.table("splits"), of.policy, of.scenario)
    known: pd.DataFrame = of.table("images")[["image_id", "class"]]
    joined = splits.drop_duplicates(["image_id", "part"]).merge(known, on="image_id")
    if joined.empty:
        return []
    counts = joined.groupby(["class", "part"]).size()
    of_class = {
        name: [str(int(counts.get((name, part), 0))) for part in ("train", "val", "test")]
        for name in of.classes[:_MOST]
    }
    named = [f"{name} {' / '.join(parts)}" for name, parts in of_class.items()]
    return [Fact(f"Images in training / validation / test: {', '.join(named)}", "splits, images")]


@fills
def disjoint(of: Subject) -> list[Fact]:
    """What keeps the parts apart, and the leaks that were counted."""
    about = of.run.split_policy(of.policy)
    rows = [row for row in of.of_subject("leaks") if row["part"] == "test"]
    facts = [Fact(f"{of.policy} split: {about.meaning}", "run.json")] if about.meaning else []
    if rows:
        leaked, total = (sum(int(row[name]) for row in rows) for name in ("leaked", "rows"))
        facts.append(
            Fact(
                f"{leaked} of {wording.count(total)} test rows of all divisions and augmentations "
                "leak into training",
                "leaks",
            )
        )
    return facts


@fills
def flow(of: Subject) -> list[Fact]:
    """The numbers of the flow diagram in one sentence."""
    found = flow_of(of.run, of.policy, of.scenario)
    parts = ", ".join(f"{count} {name}" for name, count in found.parts)
    return [
        Fact(
            f"{found.found} files found, {found.excluded} left out, {found.used} images in "
            f"{found.groups} independent groups, divided into {parts}",
            "images, splits",
        )
    ]
