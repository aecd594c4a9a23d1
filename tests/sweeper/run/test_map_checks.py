"""The checks of a finished run's maps, as they are stored."""

from __future__ import annotations

import math
import shutil
from dataclasses import replace
from pathlib import Path

import pandas as pd
import pytest

from reports.tables import read_tables
from sweeper.plan.artifacts import map_checks, seed_agreement
from sweeper.plan.collect import collect
from sweeper.plan.ledger import Ledger
from sweeper.plan.plan import Plan
from sweeper.plan.references import references
from sweeper.plan.trial_spec import TrialSpec
from sweeper.run.champion_tables import read_checks
from sweeper.run.checked_maps import CheckedMaps
from sweeper.run.map_checks import check_champion, count_checks
from sweeper.store.store import Store
from sweeper.use.finished import FinishedRun
from trainables.map_checks.randomisation import STAGES

pytestmark = pytest.mark.ray


@pytest.fixture
def ledger(finished_run: FinishedRun, tmp_path: Path) -> Ledger:
    shutil.copytree(finished_run.config.store, tmp_path / "store")
    store = Store(str(tmp_path / "store"))
    config = finished_run.config.model_copy(update={"store": store.address})
    return Ledger(Plan(config, collect(config.data, store), store))


def explained(ledger: Ledger) -> TrialSpec:
    (spec,) = ledger.to_explain().values()
    return spec


def stored(ledger: Ledger) -> pd.DataFrame:
    artifacts = ledger.map_checks(explained(ledger))
    assert artifacts is not None
    assert len(artifacts) == 1
    return read_checks(ledger.store, artifacts[0])


def test_every_image_has_every_check(ledger: Ledger) -> None:
    found = stored(ledger)
    counts = found.groupby(["method", "check", "against"])["image_id"].nunique()
    assert set(counts) == {3}
    methods = {"integrated_gradients", "grad_cam", "occlusion"}
    assert set(found["method"]) == methods
    for method in methods:
        of_method = found[found["method"] == method].groupby("check")["against"].agg(set)
        assert of_method["randomisation"] == of_method["randomisation_signed"] == set(STAGES)
        for check in ("deletion", "insertion", "infidelity"):
            assert of_method[check] == {"random", "edges"}
        assert "max_sensitivity" in of_method
    similar = found[found["check"] == "randomisation"]
    assert similar["value"].between(-1, 1).all()
    assert (similar["value"] < 0.9999).all(), "maps of shuffled networks are other maps"
    assert similar["reference"].notna().all()
    areas = found[found["check"].isin(["deletion", "insertion"])]
    assert areas[["value", "reference"]].stack().between(0, 1).all()


def test_the_run_writes_them_as_a_table(finished_run: FinishedRun, ledger: Ledger) -> None:
    """Of each cell whose champion was explained: cells without augmentation share theirs."""
    tables, spec = read_tables(finished_run.folder / "results"), explained(ledger)
    sharing = [
        cell
        for cell in ledger.plan.cells
        if (champion := ledger.champion(cell)) and champion.key == spec.key
    ]
    assert sharing
    assert len(tables["map_checks"]) == len(sharing) * len(stored(ledger))
    assert set(tables["map_verdicts"]["conclusion"]) == {"too few images"}


def test_what_there_is_no_time_for_is_left_out(ledger: Ledger) -> None:
    spec, settings = explained(ledger), replace(ledger.plan.check_settings, images=2)
    siblings = {spec.key: [spec]}
    expected = count_checks(ledger.store, spec, siblings, settings)
    steps = list(check_champion(spec, siblings, settings, seconds=0))
    assert len(steps) == expected == 2 * (5 + 2)
    assert count_checks(ledger.store, spec, siblings, settings) == 0
    artifact = ledger.store.get(*map_checks(spec, settings).place)
    assert read_checks(ledger.store, artifact).empty


def test_whether_maps_depend_on_the_weights_is_known_image_by_image(ledger: Ledger) -> None:
    """So that a lack of time leaves fewer images, and not maps that nothing is compared with."""
    settings = ledger.plan.check_settings
    checked = CheckedMaps(explained(ledger), ledger.store, settings, math.inf)
    first, *_ = checked.steps
    first(1)
    assert {row["check"] for row in checked.rows} == {"randomisation", "randomisation_signed"}
    assert {row["method"] for row in checked.rows} == {method for method, _ in checked.maps}
    assert {number for _, number in checked.maps} == {1}


def test_the_maps_of_an_equal_network_agree_and_of_another_less(ledger: Ledger) -> None:
    """The transfer network of the same cell stands for a training with another seed."""
    spec, settings = explained(ledger), ledger.plan.check_settings
    others = {one.key: one for cell in ledger.plan.cells if (one := ledger.champion(cell))}
    other = next(one for key, one in others.items() if key != spec.key)
    list(check_champion(spec, {spec.key: [spec, other]}, settings))
    values = []
    for one in (spec, other):
        target = seed_agreement(spec, one, settings)
        found = read_checks(ledger.store, ledger.store.get(*target.place))
        assert set(found["check"]) == {"seeds", "seeds_signed"}
        values.append(found["value"].mean())
    assert values[0] == pytest.approx(1)
    assert values[1] < 0.999


def test_the_same_cells_with_other_seeds_are_siblings(ledger: Ledger) -> None:
    spec = explained(ledger)
    assert ledger.siblings(spec) == []
    places = references(ledger.plan)
    assert map_checks(spec, ledger.plan.check_settings).place in places
    grid = ledger.plan.config.grid.model_copy(update={"seeds": [0, 1]})
    config = ledger.plan.config.model_copy(update={"grid": grid})
    plan = Plan(config, ledger.plan.collection, ledger.store)
    kinds = [kind for kind, _ in references(plan)]
    assert kinds.count("seed_agreements") > 0
    assert "seed_agreements" not in [kind for kind, _ in places]
