"""Keys of a plan: what changes them, and what must not."""

from collections.abc import Callable
from pathlib import Path

import pytest
import yaml

from sweeper.config.load import load_config
from sweeper.plan.artifacts import explanation, map_checks, seed_agreement
from sweeper.plan.collect import collect
from sweeper.plan.grid import Cell
from sweeper.plan.plan import Plan, class_counts
from sweeper.plan.trial_spec import TrialSpec
from sweeper.store.store import Store
from trainables.cutting import CutError
from trainables.registry import WeightsError

CONFIG = {
    "name": "planned",
    "data": {"synthetic": {"images_per_class": 6}},
    "preprocess": {"image_size": 64},
    "split": {"policies": ["grouped"]},
    "augmentations": {"fec-ige": {"copies": 2}},
    "scenarios": {
        "one": ["Oblique fracture", "Spiral Fracture"],
        "two": ["Avulsion fracture", "Impacted fracture", "Greenstick fracture"],
    },
    "grid": {"backbones": ["mobilenet"], "scenarios": ["one"]},
    "weights": {"mobilenet": "none", "vgg16": "none"},
    "search": {"draws": 3, "epochs": 6, "grace_epochs": 2},
}
Keys = dict[tuple[str, int], str]
MakePlan = Callable[..., Plan]


@pytest.fixture(scope="module")
def make(tmp_path_factory: pytest.TempPathFactory) -> MakePlan:
    """Plans of the config with overrides, over one store."""
    folder = tmp_path_factory.mktemp("plan")
    path = folder / "planned.yaml"
    path.write_text(yaml.safe_dump(CONFIG))
    store = Store(str(folder / "store"))

    def build(*overrides: str) -> Plan:
        config = load_config(str(path), overrides)
        return Plan(config, collect(config.data, store), store)

    return build


def trials(plan: Plan, cell: Cell) -> list[TrialSpec]:
    """A cell's trials, as if its transfer champion were draw 0."""
    source = plan.parent_of(cell)
    return plan.trials(cell, plan.trials(source)[0] if source else None)


def keys(plan: Plan) -> Keys:
    specs = [spec for cell in plan.cells for spec in trials(plan, cell)]
    return {(spec.cell, spec.draw): spec.key for spec in specs}


def table_key(plan: Plan, kind: str) -> str:
    (images,) = plan.distinct_image_sets
    return next(one.key for one in plan.tables("mobilenet", images) if one.kind == kind)


@pytest.mark.parametrize(
    "more",
    [
        "grid.seeds=[0, 1]",
        "split.policies=[pooled, stratified, grouped]",
        "grid.scenarios=[two, one, all]",
        "grid.backbones=[mobilenet, vgg16]",
        "search.draws=6",
    ],
)
def test_a_grid_that_grows_leaves_the_keys_it_had(make: MakePlan, more: str) -> None:
    before, after = keys(make()), keys(make(more))
    assert len(after) > len(before)
    assert {name: after[name] for name in before} == before


@pytest.mark.parametrize(
    "change",
    [
        "search.epochs=7",
        "split.fractions=[0.6, 0.2, 0.2]",
        "data.synthetic.seed=1",
        "preprocess.image_size=48",
        "head.pooling=avg",
    ],
)
def test_what_changes_every_result_changes_every_key(make: MakePlan, change: str) -> None:
    before, after = keys(make()), keys(make(change))
    assert before.keys() == after.keys()
    assert not set(before.values()) & set(after.values())


@pytest.mark.parametrize(
    "change",
    ["name=another", "explain.examples=0", "search.grace_epochs=3", "search.scheduler=none"],
)
def test_what_changes_no_result_changes_no_key(make: MakePlan, change: str) -> None:
    assert keys(make(change)) == keys(make())


@pytest.mark.parametrize(
    ("change", "maps", "checks"),
    [
        ("explain.examples=3", True, False),
        ("explain.per_class=3", True, False),
        ("explain.checked_images=3", False, True),
        ("explain.max_steps=99", True, False),
        ("explain.methods=[occlusion]", True, True),
        ("explain.baselines=[mean]", True, True),
        ("explain.score=logit", True, True),
        ("explain.random_baselines=2", True, True),
        ("explain.time_share=0.5", True, True),
        ("explain.champions=all", False, False),
    ],
)
def test_explanations_and_their_checks_have_keys_of_their_own(
    make: MakePlan, change: str, maps: bool, checks: bool
) -> None:
    """What changes them reruns no training."""
    before, after = make(), make(change)
    assert keys(after) == keys(before)
    spec = trials(before, before.cells[0])[0]
    found = [
        (
            explanation(spec, plan.explanation_settings).key,
            map_checks(spec, plan.check_settings).key,
            seed_agreement(spec, spec, plan.check_settings).key,
        )
        for plan in (before, after)
    ]
    changed = [one != other for one, other in zip(*found, strict=True)]
    assert changed == [maps, checks, checks]


def test_only_finetuning_keys_know_of_finetuning(make: MakePlan) -> None:
    before, after = keys(make()), keys(make("recipes.paper.batchnorm=frozen"))
    changed = {name for name in before if before[name] != after[name]}
    assert changed == {name for name in before if "/finetune/" in name[0]}


def test_cells_do_not_share_trials_of_another_content(make: MakePlan) -> None:
    plan = make("grid.seeds=[0, 1]", "grid.scenarios=[one, two]")
    firsts = [key for (_, draw), key in keys(plan).items() if draw == 0]
    assert len(firsts) == len(set(firsts)) == len(plan.cells) == 16


def published(plan: Plan, augmented: bool) -> dict[str, str]:
    """Keys of draw 0 of the transfer cells, by policy."""
    cells = [c for c in plan.cells if c.strategy == "transfer" and c.augmented is augmented]
    return {cell.split_policy: plan.trials(cell)[0].key for cell in cells}


def test_without_duplicates_plain_policies_share_their_trials(make: MakePlan) -> None:
    plan = make("split.policies=[pooled, grouped]")
    plain, augmented = published(plan, False), published(plan, True)
    assert plain["pooled"] == plain["grouped"]
    assert augmented["pooled"] != augmented["grouped"]


def test_with_duplicates_plain_policies_differ(make: MakePlan) -> None:
    plan = make("split.policies=[pooled, grouped]", "data.synthetic.duplicate_fraction=0.5")
    plain = published(plan, False)
    assert plain["pooled"] != plain["grouped"]


@pytest.mark.parametrize(
    "change",
    [
        "preprocess.image_size=48",
        "preprocess.contrast=none",
        "preprocess.fit=crop",
        "preprocess.grey=true",
        "preprocess.clahe=2",
        "augmentations.fec-ige.copies=3",
        "weights.mobilenet=none",
        "data.synthetic.seed=1",
    ],
)
def test_what_the_activations_depend_on_changes_both_tables(make: MakePlan, change: str) -> None:
    pretrained = "weights.mobilenet=imagenet"  # random weights are calibrated on images
    before, after = make(pretrained), make(pretrained, change)
    for kind in ("pooled", "prefix"):
        assert table_key(before, kind) != table_key(after, kind)


def test_pooling_and_cache_type_change_their_own_table_only(make: MakePlan) -> None:
    before, pooling, dtype = make(), make("head.pooling=avg"), make("cache.dtype=float32")
    assert table_key(pooling, "pooled") != table_key(before, "pooled")
    assert table_key(pooling, "prefix") == table_key(before, "prefix")
    assert table_key(dtype, "pooled") == table_key(before, "pooled")
    assert table_key(dtype, "prefix") != table_key(before, "prefix")


def test_the_arithmetic_of_the_networks_is_in_both_keys_unless_it_is_float32(
    make: MakePlan,
) -> None:
    before = make()
    targets = {one.target.kind: one.target for one in before.shared}
    assert "precision" not in {**targets["pooled"].made_from, **targets["prefix"].made_from}
    for kind in ("pooled", "prefix"):
        assert table_key(make("cache.precision=float32"), kind) == table_key(before, kind)
        assert table_key(make("cache.precision=bfloat16"), kind) != table_key(before, kind)


def test_tables_serve_every_scenario_policy_and_seed(make: MakePlan) -> None:
    more = make("grid.scenarios=[all]", "split.policies=[pooled]", "grid.seeds=[5]")
    for kind in ("pooled", "prefix"):
        assert table_key(make(), kind) == table_key(more, kind)


def test_weights_of_a_file_are_known_by_its_bytes_not_its_path(
    make: MakePlan, tmp_path: Path
) -> None:
    for name, content in (("a", b"one"), ("b", b"one"), ("c", b"two")):
        (tmp_path / f"{name}.safetensors").write_bytes(content)
    a, b, c = (
        table_key(make(f"weights.mobilenet={tmp_path}/{name}.safetensors"), "pooled")
        for name in "abc"
    )
    assert a == b != c
    with pytest.raises(WeightsError, match="no such file"):
        make(f"weights.mobilenet={tmp_path}/d.safetensors")


def test_random_weights_do_not_depend_on_the_data_set(make: MakePlan) -> None:
    here, elsewhere = make(), make("data.synthetic.seed=1")
    assert here.collection.hash != elsewhere.collection.hash
    assert here.backbones == elsewhere.backbones
    assert here.backbones != make("preprocess.image_size=48").backbones


def test_no_test_image_or_its_twin_is_trained_on_in_grouped_splits(make: MakePlan) -> None:
    plan = make("data.synthetic.duplicate_fraction=0.5", "split.policies=[pooled, grouped]")
    assert len(plan.collection.duplicates) == 30
    group = plan.collection.images.set_index("image_id")["group"]
    for (policy, _, _, augmentation, _), split in plan.splits.items():
        groups = {part: set(group[rows["image_id"]]) for part, rows in split.rows.groupby("part")}
        crossing = bool(groups["train"] & groups["test"])
        assert (split.leaked > 0) == crossing
        if policy == "grouped":
            assert not crossing
        elif augmentation != "none":
            assert crossing


def test_every_repeat_divides_the_images_differently(make: MakePlan) -> None:
    splits = make("split.repeats=3", "grid.augmentations=[none]").splits.values()
    assert len({split.key for split in splits}) == 3
    (first,) = make("split.seed=1", "grid.augmentations=[none]").splits.values()
    assert first.key == list(splits)[1].key  # a repeat counts on from the first one's seed


def test_training_seeds_share_one_division_and_train_on_it_differently(make: MakePlan) -> None:
    plan = make("grid.seeds=[0, 1, 2]", "grid.augmentations=[none]")
    assert len(plan.splits) == 1
    cells = [cell for cell in plan.cells if cell.strategy == "transfer"]
    specs = [plan.trials(cell)[0] for cell in cells]
    assert len({spec.split_key for spec in specs}) == 1
    assert len({spec.training_seed for spec in specs}) == len(specs)


def test_labels_are_the_places_of_classes_in_their_scenario(make: MakePlan) -> None:
    plan = make("grid.scenarios=[two]")
    class_of = plan.collection.images.set_index("image_id")["class"]
    for split in plan.splits.values():
        names = [plan.scenarios["two"][label] for label in split.rows["label"]]
        assert names == list(class_of[split.rows["image_id"]])


def test_a_plain_grid_makes_no_copies(make: MakePlan) -> None:
    plain = make("grid.augmentations=[none]")
    assert [(one.copies, one.rows) for one in plain.distinct_image_sets] == [(0, 60)]
    assert [(one.copies, one.rows) for one in make().distinct_image_sets] == [(2, 180)]
    assert {split.rows["copy"].max() for split in plain.splits.values()} == {0}


def test_finetuning_takes_the_champions_head_and_has_its_own_limits(make: MakePlan) -> None:
    plan = make("finetune.epochs=4", "finetune.draws=2")
    cell = next(cell for cell in plan.cells if cell.strategy == "finetune")
    source = plan.parent_of(cell)
    assert source == cell.at(strategy="transfer")
    champion = plan.trials(source)[1]
    specs = plan.trials(cell, champion)
    assert len(specs) == 2
    for spec in specs:
        assert (spec.epochs, spec.start_key) == (4, champion.key)
        assert spec.hyperparameters["hidden"] == champion.hyperparameters["hidden"]
    assert len({spec.key for spec in specs}) == 2


def test_fresh_finetuning_starts_from_no_champion(make: MakePlan) -> None:
    plan = make("finetune.start=fresh")
    assert all(plan.parent_of(cell) is None for cell in plan.cells)
    assert all(spec.start_key is None for cell in plan.cells for spec in plan.trials(cell))


def test_rungs_are_the_schedulers_and_none_without_it(make: MakePlan) -> None:
    assert make("search.epochs=20").rungs("transfer") == [2, 6, 18]
    assert make("search.epochs=20", "finetune.epochs=5").rungs("finetune") == [2]
    assert make("search.scheduler=none").rungs("transfer") == []


def test_explanations_can_be_switched_off(make: MakePlan) -> None:
    assert make().explains
    assert not make("explain.examples=0").explains
    assert not make("explain.baselines=[]").explains


def test_images_are_counted_by_class(make: MakePlan) -> None:
    assert set(class_counts(make().collection).values()) == {6}


def test_copies_add_rows_and_no_steps_unless_epochs_are_the_budget(make: MakePlan) -> None:
    plan = make()
    for cell in plan.cells:
        rows = plan.split_of(cell).count("train")
        expected = rows // 3 if cell.augmented else None  # an image and its two copies
        assert {spec.epoch_rows for spec in trials(plan, cell)} == {expected}
    by_epochs = make("search.budget=epochs")
    assert {spec.epoch_rows for c in by_epochs.cells for spec in trials(by_epochs, c)} == {None}
    plain = {cell.id for cell in plan.cells if not cell.augmented}
    shared = {name for name, key in keys(by_epochs).items() if keys(plan)[name] == key}
    assert {name for name, _ in shared} == plain


def test_batches_drawn_anew_train_as_many_steps_as_none(make: MakePlan) -> None:
    plan = make("augmentations.fec-ige.online=true")
    assert {spec.epoch_rows for cell in plan.cells for spec in trials(plan, cell)} == {None}


def test_all_cells_of_a_strategy_get_the_same_draws(make: MakePlan) -> None:
    plan = make("grid.seeds=[0, 1]", "grid.scenarios=[one, two]", "search.draws=7")
    for strategy in ("transfer", "finetune"):
        cells = [cell for cell in plan.cells if cell.strategy == strategy]
        draws = plan.draws(cells[0])
        assert len(draws) == 7
        assert all(plan.draws(cell) == draws for cell in cells)
        assert {one["lr"] for one in draws} == {1e-3, 3e-3, 3e-4, 1e-4}


def test_slower_trials_have_more_grace(make: MakePlan) -> None:
    plan = make("recipes.paper.lr=[0.01, 0.001, 0.0001]")
    specs = [spec for cell in plan.cells for spec in trials(plan, cell)]
    assert {spec.hyperparameters["lr"]: spec.grace_epochs for spec in specs} == {
        0.01: 2,
        0.001: 7,
        0.0001: 20,
    }


def test_images_of_one_size_are_made_once_and_each_backbone_reads_its_own(make: MakePlan) -> None:
    own = "backbones={small: {model: resnet18}, vgg16: {image_size: 48}}"
    plan = make(own, "grid.backbones=[small, vgg16, mobilenet]", "weights.small=none")
    assert [(one.image_size, one.rows) for one in plan.distinct_image_sets] == [
        (48, 180),
        (64, 180),
    ]
    read = {cell.backbone: plan.images_of(cell).image_size for cell in plan.cells}
    assert read == {"small": 64, "vgg16": 48, "mobilenet": 64}
    before = keys(make())
    assert {name: keys(plan)[name] for name in before} == before


def test_backbones_share_the_images_that_they_agree_on(make: MakePlan) -> None:
    """resnet50 and vgg16 have bilinear weights and a crop of 0.875, mobilenet bicubic ones."""
    grid = "grid.backbones=[resnet50, vgg16, mobilenet]"
    expected = {"area": 1, "model": 2, "lanczos": 1}
    for interpolation, count in expected.items():
        plan = make(grid, f"preprocess.interpolation={interpolation}")
        assert len(plan.distinct_image_sets) == count
    cropped = make(grid, "preprocess.fit=model", "preprocess.interpolation=model")
    read = {cell.backbone: plan.images_of(cell).key for plan in [cropped] for cell in plan.cells}
    assert read["resnet50"] == read["vgg16"] != read["mobilenet"]
    assert len({*read.values(), *(one.key for one in make(grid).distinct_image_sets)}) == 4


def test_random_weights_are_calibrated_alike_whatever_images_they_read(make: MakePlan) -> None:
    grid = "grid.backbones=[resnet50, mobilenet]"
    before = make(grid, "preprocess.interpolation=area").backbones
    assert make(grid, "preprocess.fit=model").backbones == before
    assert make(grid, "preprocess.fit=pad").backbones == before


def test_another_depth_has_a_prefix_table_of_its_own_and_shares_all_else(make: MakePlan) -> None:
    depths = {depth: make(f"finetune.depth={depth}") for depth in ("head", "last", "half", "all")}
    last = depths["last"]
    for depth, plan in depths.items():
        kinds = {one.target.kind for one in plan.shared}
        assert ("prefix" in kinds) == (depth in ("last", "half")), depth
        assert plan.backbones == last.backbones
        assert table_key(plan, "pooled") == table_key(last, "pooled")
    assert table_key(depths["half"], "prefix") != table_key(last, "prefix")
    assert keys(make("finetune.depth=suffix")) == keys(last)
    tuned = [
        {key for (name, _), key in keys(plan).items() if "/finetune/" in name}
        for plan in depths.values()
    ]
    assert len(set.union(*tuned)) == sum(map(len, tuned))


def test_a_prefix_that_is_computed_has_no_table_and_trains_the_same_layers(make: MakePlan) -> None:
    stored, computed = make(), make("cache.prefix=compute")
    assert keys(make("cache.prefix=store")) == keys(stored)
    assert {one.target.kind for one in computed.shared} == {"shards", "backbones", "pooled"}
    for cell in computed.cells:
        assert computed.source_of(cell) == ("shards" if cell.strategy == "finetune" else "pooled")
    tuned = {name: key for name, key in keys(stored).items() if "/finetune/" in name[0]}
    for name, key in keys(computed).items():
        assert (key != tuned[name]) if name in tuned else (key == keys(stored)[name])
    for plan in (stored, computed):
        specs = [s for c in plan.cells if c.strategy == "finetune" for s in trials(plan, c)]
        assert {spec.settings["depth"] for spec in specs} == {"last"}


def test_a_network_that_cannot_be_cut_trains_whole_from_pixels(
    make: MakePlan, monkeypatch: pytest.MonkeyPatch
) -> None:
    def never(*given: object) -> None:
        raise CutError("no")

    monkeypatch.setattr("trainables.backbones.split", never)
    plan = make("grid.backbones=[resnet10t]", "weights.resnet10t=none")
    (spec,) = plan.networks.values()
    assert not spec.is_cut
    assert "from pixels" in spec.suffix_text
    assert {one.target.kind for one in plan.shared} == {"shards", "backbones", "pooled"}
    for cell in plan.cells:
        if cell.strategy == "finetune":
            assert {spec.settings["depth"] for spec in trials(plan, cell)} == {"all"}
            assert plan.source_of(cell) == "shards"


def test_every_augmentation_has_images_of_its_own_and_none_reads_the_first_ones(
    make: MakePlan,
) -> None:
    plan = make(
        "augmentations.gentle.transforms=[{Rotate: {limit: 5}}]",
        "augmentations.gentle.copies=1",
        "grid.augmentations=[none, fec-ige, gentle]",
    )
    sets = {name: one for (name, _), one in plan.image_sets.items()}
    assert sets["none"] == sets["fec-ige"] != sets["gentle"]
    assert [one.rows for one in plan.distinct_image_sets] == [180, 120]
    assert [len(plan.tables("mobilenet", one)) for one in plan.distinct_image_sets] == [2, 2]
    before = keys(make())
    assert {name: keys(plan)[name] for name in before} == before


def test_a_range_is_drawn_from_beside_lists(make: MakePlan) -> None:
    plan = make("recipes.paper.lr={log_uniform: [1e-4, 1e-2]}", "search.draws=9")
    drawn = plan.draws(plan.cells[0])
    rates = [one["lr"] for one in drawn]
    assert len(set(rates)) == 9
    assert all(1e-4 <= rate <= 1e-2 for rate in rates)
    assert min(rates) < 3e-4 < 3e-3 < max(rates)
    assert {one["batch_size"] for one in drawn} == {8, 16, 32}
