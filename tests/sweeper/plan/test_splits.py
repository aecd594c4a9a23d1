"""Splits of a plan: folds, the folder's own, a run's fed back, and the refusal of leaks."""

import shutil
from dataclasses import replace
from pathlib import Path

import pandas as pd
import pytest

from datasets.errors import DataError
from datasets.splitting.leaks import KINDS
from datasets.splitting.policies import POLICIES
from reports.tables import read_tables
from sweeper.cli import main
from sweeper.config.load import load_config
from sweeper.exit_codes import USER_ERROR
from sweeper.plan.collect import collect
from sweeper.plan.ledger import Ledger
from sweeper.plan.plan import Plan
from sweeper.plan.splits import SplitName
from sweeper.results.tables import write_tables
from sweeper.store.store import Store
from tests.sweeper.folders import write_config, write_images

TRAIN = {"a": 24, "b": 16}
REPEATS = "split.repeats=5"


@pytest.fixture(scope="module")
def config_path(tmp_path_factory: pytest.TempPathFactory) -> str:
    """A folder with a train and a test layer of 9 images a class, four of them also in train."""
    folder = tmp_path_factory.mktemp("splitting")
    drawn, images = write_images(folder / "drawn", {"a": 29, "b": 21}), folder / "images"
    for path in drawn.rglob("*.png"):
        name, number = path.parent.name, int(path.stem)
        layers = ["train"] if number < TRAIN[name] else ["test"]
        for layer in layers + ["test"] * (number < 4):
            target = images / layer / name / path.name
            target.parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(path, target)
    return write_config(folder, images)


def plan_of(config_path: str, *overrides: str) -> Plan:
    config = load_config(config_path, overrides)
    store = Store(config.store)
    return Plan(config, collect(config.data, store), store)


def feed_back(plan: Plan, folder: Path) -> str:
    """Write the plan's tables; returns the path of its splits."""
    write_tables(Ledger(plan), {}, folder)
    return str(folder / "splits.parquet")


def by_name(plan: Plan) -> dict[SplitName, pd.DataFrame]:
    return {name: split.rows for name, split in plan.splits.items()}


def test_folds_are_cells_and_test_every_image_once(config_path: str) -> None:
    plan = plan_of(config_path, "split.folds=3", "split.policies=[stratified, grouped]")
    assert {cell.fold for cell in plan.cells} == {1, 2, 3}
    for policy in ("stratified", "grouped"):
        for augmentation in ("none", "fec-ige"):
            tested = pd.concat(
                rows[rows["part"] == "test"]
                for name, rows in by_name(plan).items()
                if (name.split_policy, name.augmentation) == (policy, augmentation)
            )
            assert sorted(tested["image_id"]) == sorted(plan.collection.images["image_id"])
    assert len({plan.trials(c)[0].key for c in plan.cells if c.strategy == "transfer"}) == 12


def test_a_finetuning_cell_starts_from_the_champion_of_its_own_fold(config_path: str) -> None:
    plan = plan_of(config_path, "split.folds=3")
    for cell in plan.cells:
        if source := plan.parent_of(cell):
            assert (source.fold, source.strategy) == (cell.fold, "transfer")


def test_the_folders_own_split_leaks_what_is_in_both_layers(config_path: str) -> None:
    plan = plan_of(config_path, "split.policies=[given]")
    path_of = plan.collection.images.set_index("image_id")["path"]
    for split in plan.splits.values():
        tested = split.rows.loc[split.rows["part"] == "test", "image_id"]
        assert {path_of[i].partition("/")[0] for i in tested} == {"test"}
        train = split.rows.loc[split.rows["part"] == "train", "image_id"]
        twins = {i.partition("-")[0] for i in train} & {i.partition("-")[0] for i in tested}
        assert split.count("test") == 18
        assert split.leaked == split.leaks["test"].by_kind["exact"] == len(twins)
        assert 4 <= len(twins) <= 8  # validation took the others from train


@pytest.mark.parametrize("folds", [[], ["split.folds=3"]])
@pytest.mark.parametrize("policy", ["pooled", "stratified", "grouped", "given"])
def test_a_runs_splits_are_fed_back_as_they_are(
    config_path: str, tmp_path: Path, policy: str, folds: list[str]
) -> None:
    if policy == "given" and folds:
        return
    grid = [*(["split.repeats=2"] if policy != "given" else []), *folds]
    policies = [policy, "stratified" if policy != "stratified" else "grouped"]
    first = plan_of(config_path, *grid, f"split.policies=[{', '.join(policies)}]")
    path = feed_back(first, tmp_path)
    back = plan_of(
        config_path,
        *grid,
        "split.policies=[file]",
        f"split.file={path}",
        f"split.file_policy={policy}",
    )
    assert len(back.splits) == len(first.splits) / 2
    for name, split in back.splits.items():
        own = first.splits[name._replace(split_policy=policy)]
        assert split.key == own.key  # the trials of both are the same ones
        assert split.leaks == own.leaks


def test_leaks_are_in_the_tables_by_part_and_kind(config_path: str, tmp_path: Path) -> None:
    plan = plan_of(config_path, "split.policies=[pooled, given]")
    write_tables(Ledger(plan), {}, tmp_path)
    leaks = read_tables(tmp_path)["leaks"]
    assert len(leaks) == 2 * 2 * 2  # policies, augmented or not, test and validation
    assert (leaks[list(KINDS)].sum(axis=1) == leaks["leaked"]).all()
    assert (leaks["split_key"].nunique(), leaks["fold"].unique().tolist()) == (4, [0])
    pooled = leaks[(leaks["split_policy"] == "pooled") & leaks["augmented"]].set_index("part")
    assert (pooled.loc[["test"], "same_image"] > 0).all()
    wanted = ("pooled", "fec-ige")
    split = next(s for n, s in plan.splits.items() if (n.split_policy, n.augmentation) == wanted)
    assert pooled.loc["val", "rows"] == split.count("val")


LEAKY = replace(POLICIES["grouped"], rows=POLICIES["stratified"].rows)
"""A drawing that forgets the groups."""


def test_a_grouped_split_that_leaks_is_refused(
    config_path: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(POLICIES, "grouped", LEAKY)
    plan = plan_of(config_path, REPEATS)
    with pytest.raises(DataError, match=r"grouped leaks .*\(exact\).*This is a bug") as caught:
        plan.splits  # noqa: B018
    assert "\n" not in str(caught.value)
    assert plan_of(config_path, "split.policies=[stratified]").splits


def test_pairs_that_no_group_holds_are_refused_too(config_path: str) -> None:
    plan = plan_of(config_path, REPEATS)
    images = plan.collection.images
    plan.collection = replace(plan.collection, images=images.assign(group=images["image_id"]))
    with pytest.raises(DataError, match="grouped leaks"):
        plan.splits  # noqa: B018


def test_the_command_refuses_a_leak_in_one_line(
    config_path: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setitem(POLICIES, "grouped", LEAKY)
    assert main(["plan", config_path, "--set", REPEATS]) == USER_ERROR
    (line,) = capsys.readouterr().err.splitlines()
    assert line.startswith("error: split.policies: grouped leaks (scenario 'all'")


def test_mistakes_with_a_split_file_are_one_line_of_the_command(
    config_path: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    sets = ["--set", "split.policies=[file]", "--set", f"split.file={tmp_path}/none.csv"]
    assert main(["plan", config_path, *sets]) == USER_ERROR
    (line,) = capsys.readouterr().err.splitlines()
    assert line.endswith("none.csv': no such file")
