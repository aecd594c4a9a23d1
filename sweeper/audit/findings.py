"""The findings of an audit: counts, problems, and advice."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from functools import cached_property
from typing import Any

import pandas as pd

from datasets.findings.confounders import Association, associations
from datasets.findings.coverage import (
    ADVICE,
    LAYERS_ADVICE,
    in_words,
    missing_in_layers,
    untested_by_default,
)
from datasets.findings.doubts import agreement, doubtful_labels
from datasets.findings.file_names import NamingRule, propose_rule
from datasets.findings.flat import flat_images, without_flat_pairs
from datasets.findings.labels import cross_class_pairs
from datasets.findings.one_group import OneGroup, overfull_groups
from datasets.findings.quality import PoorImages
from datasets.findings.shortcuts import SizeGuess, guess_from_size
from datasets.layout.remarks import PATIENTS
from datasets.manifest import MIN_IMAGES_PER_CLASS
from datasets.splitting.given import layer_rows
from datasets.splitting.leaks import LeakCount, count_leaks
from sweeper.plan.collect import Collection

FEW_GROUPS = 10  # with fewer, the test part of a class, a tenth, is less than one group
_NAMED = 5  # classes in a sentence


@dataclass(frozen=True)
class Finding:
    """A problem, in one sentence, and what to do about it."""

    kind: str
    text: str
    advice: str


class Findings:
    """The findings of a collection, of its ranked labels (`labels.rank_labels`) and poor images."""

    def __init__(
        self, collection: Collection, ranked: pd.DataFrame, poor: Sequence[PoorImages] = ()
    ) -> None:
        self.collection, self.ranked, self.poor = collection, ranked, poor
        self.images = collection.images
        self.flat = flat_images(self.images)
        self.duplicates = without_flat_pairs(collection.duplicates, self.images)
        manifest = collection.manifest
        self.excluded = manifest[manifest["problem"] != ""]

    @cached_property
    def listed(self) -> list[Finding]:
        """All problems, the most harmful first; empty for a clean folder."""
        found = [
            *self._flat(),
            *self._remarks(),
            *self._one_group(),
            *self._layers(),
            *self._missing_classes(),
            *self._file_names(),
            *self._crossed_classes(),
            *self._copies(),
            *self._thin_classes(),
            *self._untested_classes(),
            *self._doubtful_labels(),
            *self._poor(),
            *self._shortcut(),
            *self._confounders(),
            *self._excluded(),
        ]
        return found

    @cached_property
    def doubtful(self) -> pd.DataFrame:
        """The labels that are doubtful beyond chance."""
        shown = self.ranked[~self.ranked["image_id"].isin(self.flat["image_id"])]
        return doubtful_labels(shown, self.images)

    @cached_property
    def crossed(self) -> pd.DataFrame:
        """Duplicates under two classes."""
        return cross_class_pairs(self.images, self.duplicates)

    @cached_property
    def cross_layer(self) -> pd.DataFrame:
        """Pairs of any kind whose images are in two of the folder's layers."""
        layer = self.images.set_index("image_id")["origin"]
        layer_a = self.duplicates["image_id_a"].map(layer)
        layer_b = self.duplicates["image_id_b"].map(layer)
        return self.duplicates[(layer_a != layer_b) & (layer_a != "") & (layer_b != "")]

    @cached_property
    def leaks(self) -> dict[str, LeakCount]:
        """Leaks into the folder's own test and validation layers; empty without a train layer."""
        rows = layer_rows(self.images)
        parts = [part for part in ("test", "val") if (rows["part"] == part).any()]
        if not (rows["part"] == "train").any():
            return {}
        return {part: count_leaks(rows, self.images, self.duplicates, part) for part in parts}

    @cached_property
    def size_guess(self) -> SizeGuess | None:
        return guess_from_size(self.images)

    @cached_property
    def associations(self) -> list[Association]:
        """How each column of metadata goes with the class, the strongest first."""
        return associations(self.images, self.collection.metadata)

    @cached_property
    def overfull(self) -> list[OneGroup]:
        return overfull_groups(self.images, self.duplicates)

    @cached_property
    def naming_rule(self) -> NamingRule | None:
        """A rule on file names that would join several groups."""
        return propose_rule(self.images, self.duplicates)

    @property
    def uncounted(self) -> str:
        """A caveat on leak counts if patients are recognisable but not grouped yet, or "".

        Without it, a count of no leaks would be a false all-clear.
        """
        if any(remark.kind == PATIENTS for remark in self.collection.remarks):
            return "patients are not counted until data.group_by is set"
        if self.naming_rule:
            return "patients in file names are not counted until data.group_by is set"
        return ""

    @cached_property
    def classes(self) -> list[dict[str, Any]]:
        """One row per class, with its images in each layer."""
        doubtful = self.doubtful["class"].value_counts()
        excluded = self.excluded["class"].value_counts()
        crossed = pd.concat([self.crossed["class_a"], self.crossed["class_b"]]).value_counts()
        rows = []
        for name in sorted(self.collection.manifest["class"].unique()):
            images = self.images[self.images["class"] == name]
            layers = images["origin"].value_counts()
            rows.append(
                {
                    "name": name,
                    "images": len(images),
                    "groups": images["group"].nunique(),
                    "layers": {layer: int(layers.get(layer, 0)) for layer in self.layers},
                    "excluded": int(excluded.get(name, 0)),
                    "crossed": int(crossed.get(name, 0)),
                    "doubtful": int(doubtful.get(name, 0)),
                }
            )
        return rows

    @cached_property
    def layers(self) -> list[str]:
        """The folder's layers, largest first; empty if it has none."""
        counts = self.images["origin"].value_counts()
        return [str(name) for name in counts.index if name]

    @cached_property
    def groups(self) -> dict[str, int]:
        """The number of groups, of groups with several images, and of images in those."""
        sizes = self.images["group"].value_counts()
        several = sizes[sizes > 1]
        return {
            "number": len(sizes),
            "several": len(several),
            "images_in_several": int(several.sum()),
            "largest": int(sizes.max()),
        }

    @property
    def left_out(self) -> list[str]:
        """Texts about files that are left out without being a problem."""
        return [remark.text for remark in self.collection.remarks if not remark.advice]

    @cached_property
    def kinds(self) -> dict[str, int]:
        """The number of pairs of each kind."""
        counts = self.duplicates["kind"].value_counts()
        return {kind: int(counts.get(kind, 0)) for kind in ("exact", "near", "user")}

    @property
    def advice(self) -> str:
        """What to do, in one sentence."""
        if not self.listed:
            return "Nothing was found; keep split.policies=[grouped], which costs nothing."
        text = "; ".join(dict.fromkeys(finding.advice for finding in self.listed))
        return f"{text[0].upper()}{text[1:]}."

    def as_json(self) -> dict[str, Any]:
        """Everything as plain values, for the page and for other programs."""
        guess = self.size_guess
        sizes = self.images.groupby(["width", "height"]).ngroups
        return {
            "files": len(self.collection.manifest),
            "images": len(self.images),
            "excluded": len(self.excluded),
            "classes": self.classes,
            "layers": self.layers,
            "pairs": self.kinds,
            "cross_layer": len(self.cross_layer),
            "cross_class": len(self.crossed),
            "groups": self.groups,
            "ungrouped": self.collection.ungrouped,
            "uncounted": self.uncounted,
            "left_out": self.left_out,
            "leaks": {
                part: {"rows": count.rows, "leaked": count.leaked, **count.by_kind}
                for part, count in self.leaks.items()
            },
            "labels": {
                "doubtful": len(self.doubtful),
                "agreement": agreement(self.ranked),
                "chance": float(self.images["class"].value_counts(normalize=True).max()),
            },
            "size": {"sizes": sizes, **(asdict(guess) if guess else {})},
            "metadata": [asdict(one) for one in self.associations],
            "poor": [asdict(one) for one in self.poor],
            "findings": [asdict(finding) for finding in self.listed],
            "advice": self.advice,
        }

    def _remarks(self) -> list[Finding]:
        """The remarks on the folder that call for action."""
        return [
            Finding(remark.kind, remark.text, remark.advice)
            for remark in self.collection.remarks
            if remark.advice
        ]

    def _one_group(self) -> list[Finding]:
        return [
            Finding("one_group", str(group), f"first correct the grouping by {group.by}")
            for group in self.overfull
        ]

    def _layers(self) -> list[Finding]:
        found = []
        for part, count in self.leaks.items():
            if count.leaked:
                leak = leak_text(part, count.rows, count.leaked)
                uncounted = self.uncounted and f"; {self.uncounted}"
                text = f"{leak} ({_by_kind(count)}){uncounted}"
                advice = (
                    f"do not test on the data's own split, use split.policies=[grouped]: {leak}"
                )
                found.append(Finding("cross_layer", text, advice))
        return found

    def _missing_classes(self) -> list[Finding]:
        lacking = missing_in_layers(self.images)
        if not lacking:
            return []
        words = in_words(lacking, len(self.classes))
        text = f"classes are missing in the data's own split: {words}"
        return [Finding("missing_class", text, LAYERS_ADVICE)]

    def _file_names(self) -> list[Finding]:
        rule = self.naming_rule
        if rule is None:
            return []
        pairs = ", ".join(f"{first!r} and {second!r}" for first, second in rule.examples)
        text = (
            f"{rule.images} of {len(self.images)} images may show the same patient as an image of "
            f"another group, or come from the same file, judging by their names (such as {pairs})"
        )
        advice = f"check such pairs; {rule.setting} keeps them together"
        return [Finding("file_names", text, advice)]

    def _crossed_classes(self) -> list[Finding]:
        if self.crossed.empty:
            return []
        parts = []
        for kind, reason in _CROSSED.items():
            if number := int((self.crossed["kind"] == kind).sum()):
                parts.append(f"{_pairs(number)} of {_COPIES[kind]} in two classes: {reason}")
        advice = "check the copies under two classes and correct the wrong labels"
        return [Finding("cross_class", "; ".join(parts), advice)]

    def _copies(self) -> list[Finding]:
        found = []
        for kind, name in _COPIES.items():
            pairs = self.duplicates[self.duplicates["kind"] == kind]
            if len(pairs):
                images = pd.concat([pairs["image_id_a"], pairs["image_id_b"]]).nunique()
                text = f"{_pairs(len(pairs))} of {name} among {images} images{_UNCERTAINTY[kind]}"
                found.append(Finding(kind, text, _SPLIT if not self._leaking else _KEEP))
        return found

    @property
    def _leaking(self) -> bool:
        return any(count.leaked for count in self.leaks.values())

    def _thin_classes(self) -> list[Finding]:
        thin = [row for row in self.classes if row["groups"] < FEW_GROUPS]
        if not thin:
            return []
        named = ", ".join(f"{row['name']!r} {row['groups']}" for row in thin[:_NAMED])
        more = f" and {len(thin) - _NAMED} more" if len(thin) > _NAMED else ""
        text = f"classes with fewer than {FEW_GROUPS} groups: {named}{more}"
        fewest = min(row["images"] for row in thin)
        advice = "collect more images of the small classes or remove them"
        if fewest < MIN_IMAGES_PER_CLASS:
            text += f"; a run needs at least {MIN_IMAGES_PER_CLASS} images per class"
        return [Finding("thin_class", text, advice)]

    def _untested_classes(self) -> list[Finding]:
        untested = untested_by_default(self.images)
        if not untested:
            return []
        words = in_words({"test": untested}, len(self.classes))
        text = f"with a tenth of the images as the test part, {words}"
        return [Finding("untested_class", text, ADVICE)]

    def _doubtful_labels(self) -> list[Finding]:
        number = len(self.doubtful)
        if not number:
            return []
        text = (
            f"{number} {'label' if number == 1 else 'labels'} may be wrong: more of the most "
            "similar images are of another class than chance explains; "
            "data.check_labels=false switches this check off"
        )
        return [Finding("doubtful_label", text, "have the doubtful labels checked")]

    def _flat(self) -> list[Finding]:
        number = len(self.flat)
        if not number:
            return []
        uniform = int((self.flat["contrast"] == 0).sum())
        counts = {"one colour": uniform, "nearly constant": number - uniform}
        parts = [
            f"{count} {'image is' if count == 1 else 'images are'} {kind}"
            for kind, count in counts.items()
            if count
        ]
        named = ", ".join(repr(path) for path in self.flat["path"].head(_NAMED))
        more = ", ..." if number > _NAMED else ""
        subject = "it shows" if number == 1 else "they show"
        text = f"{' and '.join(parts)}: {subject} nothing ({named}{more})"
        advice = (
            "check how the images of one colour were exported (window, depth, transparency), then "
            "export them again or remove them"
        )
        return [Finding("flat", text, advice)]

    def _poor(self) -> list[Finding]:
        return [Finding("poor", _poor_text(one), _POOR_ADVICE) for one in self.poor]

    def _shortcut(self) -> list[Finding]:
        guess = self.size_guess
        if guess is None or not guess.is_shortcut:
            return []
        text = (
            f"size and file type alone predict the class of {100 * guess.accuracy:.0f} % of the "
            f"images (chance: {100 * guess.chance:.0f} %): a network can learn that instead"
        )
        return [Finding("shortcut", text, "use the same sizes and file type for all classes")]

    def _confounders(self) -> list[Finding]:
        return [
            Finding(
                "confounder",
                _association(one),
                f"check that {one.column} belongs to the disease and not to how images were "
                "collected; otherwise balance it over the classes or test on images of another "
                "collection",
            )
            for one in self.associations
            if one.is_confounder
        ]

    def _excluded(self) -> list[Finding]:
        number = len(self.excluded)
        if not number:
            return []
        subject = (
            "1 file cannot be used and is"
            if number == 1
            else f"{number} files cannot be used and are"
        )
        text = f"{subject} left out"
        return [Finding("excluded", text, "repair or remove the files that cannot be used")]


_COPIES = {"exact": "exact copies", "near": "near-copies"}
_UNCERTAINTY = {
    "exact": "",
    "near": ": they may be one image stored twice, or differ in relevant detail; "
    "data.near_duplicates=false switches this check off",
}
_CROSSED = {
    "exact": "at least one of the two labels is wrong",
    "near": "a label may be wrong, or the images may share a template and differ in relevant "
    "detail; data.near_duplicates=false switches this check off",
}
_SPLIT = "use split.policies=[grouped], which keeps copies on one side"
_KEEP = "keep the copies or remove them; grouped keeps them on one side"


_POOR_ADVICE = "look at the images of poor quality or unusual size, and correct or remove them"


def _poor_text(one: PoorImages) -> str:
    number = len(one.paths)
    named = ", ".join(map(repr, one.paths[:_NAMED]))
    more = ", ..." if number > _NAMED else ""
    return f"{number} {'image is' if number == 1 else 'images are'} {one.kind} ({named}{more})"


def _pairs(number: int) -> str:
    return f"{number} pairs" if number > 1 else "1 pair"


def _association(one: Association) -> str:
    """`site predicts the class (Cramer's V 0.52): 80 % of 'north' are 'spiral'; ...`"""
    level, class_name, share = one.example
    return (
        f"{one.column} predicts the class (Cramér's V {one.v:.2f}): {100 * share:.0f} % of "
        f"{level!r} are {class_name!r}; alone it is right for {100 * one.accuracy:.0f} % of the "
        f"groups (the largest class: {100 * one.majority:.0f} %), so a network can learn it instead"
    )


def leak_text(part: str, rows: int, leaked: int) -> str:
    """How many images of a layer have a copy or group mate in the train layer."""
    have = "has" if leaked == 1 else "have"
    return f"{leaked} of {rows} {part} images {have} a copy or a group mate in train"


def _by_kind(count: LeakCount) -> str:
    return ", ".join(f"{number} {kind}" for kind, number in count.by_kind.items() if number)
