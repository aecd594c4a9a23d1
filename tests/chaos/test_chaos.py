"""The short version of `python -m tests.chaos`: five kills of one run, and what must hold after."""

from collections import Counter
from pathlib import Path

import pytest

from tests.chaos.campaign import Campaign
from tests.chaos.commits import CommitWatch, leftovers, poison
from tests.chaos.driver import STAGES
from tests.chaos.kills import TARGETS, WITHOUT_RAY, Kill, planned

KILLS = [
    Kill("preprocess", "worker", 0.2),
    Kill("extract", "worker", 0.5),
    Kill("transfer", "driver", 0.5),
    Kill("finetune", "worker", 0.5),
    Kill("evaluate", "raylet", 0.3),
]


@pytest.mark.ray
@pytest.mark.chaos
def test_a_run_killed_five_times_ends_with_the_tables_of_an_unbroken_one(tmp_path: Path) -> None:
    campaign = Campaign(tmp_path, 0, print)
    campaign.round("round", KILLS, campaign.unbroken())
    assert campaign.wrong == []
    assert len(campaign.made) >= 4  # a stage may be over before its kill
    assert campaign.starts >= 2
    assert campaign.committed == 16


def test_two_seeds_kill_every_target_at_every_stage_that_has_it() -> None:
    kills = planned(11, 6) + planned(11, 7)
    pairs = Counter((kill.stage, kill.target) for kill in kills)
    assert set(pairs.values()) == {1}
    assert set(pairs) == {
        (stage, target)
        for stage in STAGES
        for target in TARGETS
        if target == "driver" or stage not in WITHOUT_RAY
    }


@pytest.mark.parametrize("count", [1, 11, 30])
def test_kills_are_made_in_the_order_of_the_stages(count: int) -> None:
    kills = planned(count, 3)
    places = [STAGES.index(kill.stage) for kill in kills]
    assert len(kills) == count
    assert places == sorted(places)
    assert kills == planned(count, 3) != planned(count, 4)


def test_a_second_commit_is_seen_and_what_no_artifact_names_is_spoilt(tmp_path: Path) -> None:
    place = tmp_path / "trials" / "key"
    for attempt in ("first", "second", "killed"):
        (place / attempt).mkdir(parents=True)
        (place / attempt / "record.json").write_text("{}")
    watch = CommitWatch(tmp_path)
    for attempt in ("first", "second"):
        scratch = place / "scratch"
        scratch.write_text(f'{{"folder": "{attempt}"}}')
        scratch.rename(place / "artifact.json")
        watch._look()
    assert watch.commits("trials") == {"key": 2}
    assert watch.commits("evaluations") == {}
    assert {folder.name for folder in leftovers(tmp_path)} == {"first", "killed"}
    assert poison(tmp_path) == 2
    assert (place / "second" / "record.json").read_text() == "{}"
    assert "killed writer" in (place / "killed" / "record.json").read_text()
