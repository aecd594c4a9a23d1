"""The estimate: work is counted exactly, time is a range, and what has been run costs nothing."""

import os
from dataclasses import replace
from pathlib import Path

import pytest

from sweeper.cli import main
from sweeper.config.load import load_config
from sweeper.config.schema import Config, ResourcesSection
from sweeper.estimate.cost import Estimate, sizes_of
from sweeper.estimate.machine import slots_of
from sweeper.estimate.span import Span
from sweeper.estimate.speed import GUESSED, LEARNT, Speeds, learn_from_records, learn_from_run
from sweeper.estimate.table import bytes_text, cost_lines, seconds_text
from sweeper.plan.collect import collect
from sweeper.plan.ledger import Ledger
from sweeper.plan.plan import Plan
from sweeper.store.store import Store
from sweeper.use.finished import FinishedRun
from tests.sweeper.folders import write_config, write_images
from trainables.network_size import head_macs, network_size
from trainables.registry import BACKBONES, BackboneSpec

Captured = pytest.CaptureFixture[str]


def estimate_of(path: str, *overrides: str, slots: int = 2) -> Estimate:
    config = load_config(path, overrides)
    store = Store(config.store)
    ledger = Ledger(Plan(config, collect(config.data, store), store))
    return Estimate(ledger, Speeds(on_gpu=False), sizes_of(ledger), slots)


@pytest.fixture
def config(tmp_path: Path) -> str:
    return write_config(tmp_path, write_images(tmp_path / "images", {"a": 5, "b": 5}))


# Of one image of 224 px.
GMACS = {"efficientnetb3": 1.0, "resnet50": 4.1, "vgg16": 15.4, "mobilenet": 0.6}
GMACS["inceptionv3"] = 2.9


def test_attention_is_counted() -> None:
    """2 L^2 C of a block with L tokens and C channels: a third of this network's, at 518 px."""
    plain = BackboneSpec("dino", "", "vit_small_patch14_dinov2.lvd142m", "blocks.11", "")
    tokens, channels = 37**2 + 1, 384
    attention = 12 * 2 * tokens**2 * channels
    linear = 12 * 12 * tokens * channels**2 + 37**2 * 14**2 * 3 * channels
    size = network_size(replace(plain, image_size=518), {})
    assert size.macs == pytest.approx(attention + linear, rel=0.01)


@pytest.mark.parametrize("name", sorted(BACKBONES))
def test_multiply_adds_are_those_of_the_literature(name: str) -> None:
    size = network_size(replace(BACKBONES[name], image_size=224), {})
    assert size.macs / 1e9 == pytest.approx(GMACS[name], abs=0.07)
    assert 0 < size.suffix_parameters < size.parameters


def test_a_head_is_its_matrix_products() -> None:
    assert head_macs(10, [4, 3], 2) == 10 * 4 + 4 * 3 + 3 * 2


def test_every_stage_of_a_fresh_run_is_counted(config: str) -> None:
    estimate = estimate_of(config, "explain.examples=2")
    work = {(stage.stage, stage.backbone): stage.work for stage in estimate.stages}
    assert work == {
        ("preprocess and augment", ""): 20,
        ("extract", "mobilenet"): 20,
        ("transfer", "mobilenet"): 4,
        ("finetune", "mobilenet"): 4,
        ("evaluate", ""): 4,
        ("explain", ""): 1,  # the best of the one scenario
    }
    assert {stage.origin for stage in estimate.stages} == {GUESSED}


def test_more_epochs_draws_and_copies_cost_more_and_more_slots_less(config: str) -> None:
    base = estimate_of(config)
    for more in ("search.epochs=300", "search.draws=8", "augmentations.fec-ige.copies=60"):
        larger = estimate_of(config, more)
        assert larger.busy_s.low > base.busy_s.low, more
        assert larger.busy_s.high > base.busy_s.high, more
    wide = estimate_of(config, slots=8)
    assert wide.busy_s == base.busy_s
    assert wide.wall_s.high < base.wall_s.high
    assert wide.memory_bytes.high > base.memory_bytes.high


def test_asha_lowers_the_low_end_alone(config: str) -> None:
    longer = ("search.epochs=30", "search.draws=4")
    plain = estimate_of(config, *longer)
    stopped = estimate_of(config, *longer, "search.scheduler=asha")
    assert stopped.busy_s.low < plain.busy_s.low
    assert stopped.busy_s.high == plain.busy_s.high


def unexplained(config: Config) -> Config:
    """The config without the explanations and corrupted images that the shared run has."""
    explain = config.explain.model_copy(update={"examples": 0})
    robustness = config.robustness.model_copy(update={"champions": "none"})
    return config.model_copy(update={"explain": explain, "robustness": robustness})


def test_a_finished_run_costs_nothing_and_another_seed_only_its_trials(
    finished_run: FinishedRun,
) -> None:
    def estimate(seeds: list[int]) -> Estimate:
        grid = finished_run.config.grid.model_copy(update={"seeds": seeds})
        wanted = unexplained(finished_run.config).model_copy(update={"grid": grid})
        store = Store(wanted.store)
        ledger = Ledger(Plan(wanted, collect(wanted.data, store), store))
        sizes = sizes_of(ledger)
        speeds = Speeds(on_gpu=False)
        run_file = finished_run.folder / "results" / "run.json"
        learn_from_run(speeds, run_file, sizes, 2, ledger.plan)
        learn_from_records(speeds, ledger, sizes, "cpu")
        return Estimate(ledger, speeds, sizes, 2)

    assert list(cost_lines(estimate([0]), "core", None)) == [
        "nothing to run: everything is in the store"
    ]
    stages = estimate([0, 1]).stages
    assert [stage.stage for stage in stages] == ["transfer", "finetune", "evaluate"]
    assert {stage.origin for stage in stages} == {LEARNT}
    assert stages[0].work == 2


def test_the_time_that_smoke_took_is_in_the_range_that_was_told_before(
    finished_run: FinishedRun, tmp_path: Path
) -> None:
    """The one claim that a user builds on; wide bounds, for machines differ."""
    config = unexplained(finished_run.config)
    config = config.model_copy(update={"store": str(tmp_path / "empty")})
    store = Store(config.store)
    ledger = Ledger(Plan(config, collect(config.data, store), store))
    told = Estimate(ledger, Speeds(on_gpu=False), sizes_of(ledger), 2).wall_s
    counted = ("preprocess and augment", "extract", "transfer", "finetune", "evaluate")
    took = sum(s["seconds"] for s in finished_run.about["stages"] if s["stage"] in counted)
    crowd = os.getloadavg()[1] / (os.cpu_count() or 1)  # who else wanted a core meanwhile
    assert told.low / 2 < took < told.high * 4 * max(1, crowd)


def test_spans_divide_work_by_rates() -> None:
    assert Span(10, 20) / Span(2, 5) == Span(2, 10)
    assert Span(1, 2) + Span(3, 4) == Span(4, 6)


def test_ranges_are_told_in_the_unit_of_their_upper_end() -> None:
    assert seconds_text(Span(240, 540)) == "4 to 9 min"
    assert seconds_text(Span(3600, 9000)) == "1 to 2.5 h"
    assert seconds_text(Span(20, 60)) == "20 to 60 s"
    assert bytes_text(Span(1.5e9, 3e9)) == "1.5 to 3 GB"
    assert bytes_text(Span(5e6, 5e6)) == "5 MB"


def test_plan_tells_the_price_and_what_it_rests_on(config: str, capsys: Captured) -> None:
    assert main(["plan", config, "--price-per-hour", "3600"]) == 0
    printed = capsys.readouterr().out
    (all_line,) = [line for line in printed.splitlines() if line.startswith("all ")]
    (price,) = [line for line in printed.splitlines() if line.startswith("price: ")]
    assert " s " in all_line
    low, high = float(price.split()[1]), float(price.split()[3])
    assert 0 < low < high
    assert "estimated from multiply-adds" in printed


def test_plan_measures_this_machine_if_told_to(config: str, capsys: Captured) -> None:
    assert main(["plan", config, "--measure"]) == 0
    printed = capsys.readouterr().out
    assert "explain" not in printed  # none are asked for
    assert "finetune, evaluate: just measured on this machine" in printed


@pytest.mark.parametrize("price", ["-1", "nan", "much"])
def test_a_price_that_is_none_is_told(config: str, price: str, capsys: Captured) -> None:
    with pytest.raises(SystemExit) as ended:
        main(["plan", config, "--price-per-hour", price])
    assert ended.value.code == 2
    assert "--price-per-hour" in capsys.readouterr().err


def test_slots_are_the_processors_that_are_asked_for() -> None:
    slots, device = slots_of(ResourcesSection(cpus=7, gpus_per_trial=0))
    assert (slots, device) == (7, "core")
