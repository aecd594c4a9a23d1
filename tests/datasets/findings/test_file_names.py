"""A rule on file names is proposed if it groups more images than the existing groups."""

import hashlib
import re

import pandas as pd

from datasets.duplicates import with_groups
from datasets.findings.file_names import NamingRule, propose_rule
from datasets.groups import known_pairs
from datasets.pairs import pair_table


def table(paths: list[str]) -> pd.DataFrame:
    ids = [f"id{number:03d}" for number in range(len(paths))]
    columns = {"image_id": ids, "path": paths, "class": [path.split("/")[-2] for path in paths]}
    return pd.DataFrame({**columns, "group": ids, "patient": "", "problem": ""})


def proposed(paths: list[str], group_by: str | None = None) -> NamingRule | None:
    images = table(paths)
    pairs = known_pairs(images, group_by, ".").pairs
    return propose_rule(with_groups(images, pairs), pairs)


def panel(stem: str, side: str) -> str:
    digest = hashlib.md5(stem.encode()).hexdigest()
    return f"train/{'ab'[len(stem) % 2]}/{stem}{side}_jpg.rf.{digest}.jpg"


PANELS = [panel(f"image{n}", side) for n in range(20) for side in ("", "r")]
VIEWS = [f"{name}/P{p:04d}_{v}.png" for name in "ab" for p in range(20) for v in (name, 1)]


def test_panels_of_one_file_are_counted_and_named() -> None:
    rule = proposed([*PANELS, "train/a/other.jpg"])
    assert rule is not None
    assert (rule.group_by, rule.images) == ("filename", 40)
    assert rule.setting == "--set data.group_by=filename"
    assert len(rule.examples) == 2
    assert all(one != other and one[:6] == other[:6] for one, other in rule.examples)


def test_the_images_of_a_patient_number_are_counted_and_the_expression_is_quoted() -> None:
    rule = proposed(VIEWS)
    assert rule is not None
    assert rule.images == len(VIEWS)
    assert rule.setting == f"--set 'data.group_by={rule.group_by}'"
    assert known_pairs(table(VIEWS), rule.group_by, ".").unmatched == 0
    assert re.compile(rule.group_by).groups == 1


def test_nothing_is_proposed_once_the_rule_is_on() -> None:
    for paths in (PANELS, VIEWS):
        rule = proposed(paths)
        assert rule is not None
        assert proposed(paths, rule.group_by) is None


def test_a_rule_set_by_the_user_is_not_overruled() -> None:
    assert proposed(PANELS, "(image1)") is None


def test_images_already_grouped_as_copies_are_not_counted() -> None:
    images = table(PANELS)
    star = zip(images["image_id"][::2], images["image_id"][1::2], strict=True)
    pairs = pair_table((a, b, "near", 0.9, "identity") for a, b in star)
    assert propose_rule(with_groups(images, pairs), pairs) is None
    rest = pairs.iloc[1:]
    rule = propose_rule(with_groups(images, rest), rest)
    assert rule is not None
    assert rule.images == 2


def test_sequences_propose_nothing() -> None:
    layers = [f"{layer}/{name}/{n:03d}.png" for layer in ("train", "test") for name in "ab"
              for n in range(60)]  # fmt: skip
    assert proposed(layers) is None
    assert (
        proposed([f"{name}/{name}.{n}.jpg" for name in ("cats", "dogs") for n in range(60)]) is None
    )


def test_a_long_name_is_shortened_to_its_beginning_and_end() -> None:
    stem = "anteroposterior-and-lateral-radiographs-of-the-left-forearm-of-a-child"
    rule = proposed([panel(stem, ""), panel(stem, "r"), *PANELS])
    assert rule is not None
    assert max(len(name) for pair in rule.examples for name in pair) <= 63
