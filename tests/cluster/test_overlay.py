"""The fake machines get the project's own cluster.yaml; what is laid over it stays small."""

from pathlib import Path

import pandas as pd
import pytest
import yaml
from ray.autoscaler._private.util import prepare_config, validate_config

from tests.cluster.interruptions import Interruptions
from tests.cluster.overlay import CLUSTER, INSTALLS, filled_in, laid_over
from tests.cluster.tables import differing_tables


@pytest.fixture
def filled() -> dict[str, object]:
    return filled_in("~/images", "bucket", "smoke")


def test_a_user_changes_three_values(filled: dict[str, object]) -> None:
    original = yaml.safe_load(CLUSTER.read_text(encoding="utf-8"))
    changed = {key for key in original if filled[key] != original[key]}
    assert changed == {"file_mounts", "setup_commands"}


@pytest.mark.parametrize("name", ["aws", "local"])
def test_what_is_laid_over_it_satisfies_ray(name: str, filled: dict[str, object]) -> None:
    validate_config(prepare_config(laid_over(filled, name, "/venv")))


@pytest.mark.parametrize("name", ["aws", "local"])
def test_nothing_but_the_installation_is_left_out_of_the_set_up(
    name: str, filled: dict[str, object]
) -> None:
    laid = laid_over(filled, name, "/venv")
    lines = filled["setup_commands"]
    assert isinstance(lines, list)
    kept = [line for line in lines if INSTALLS not in line]
    assert laid["setup_commands"] == [*kept, "ln -sfn /venv ~/venv"]
    assert laid["file_mounts"] == filled["file_mounts"]


def test_on_aws_the_start_commands_and_the_head_are_the_projects(filled: dict[str, object]) -> None:
    laid = laid_over(filled, "aws", "/venv")
    for key in ("head_start_ray_commands", "worker_start_ray_commands", "rsync_filter"):
        assert laid[key] == filled[key]
    assert laid["available_node_types"]["head"]["resources"] == {"CPU": 0, "trial_driver": 64}
    assert laid["available_node_types"]["gpu_worker"]["resources"] == {"CPU": 2, "GPU": 1}


@pytest.mark.parametrize(("midway", "first"), [(False, "0 of 600"), (True, "64 of 600")])
def test_a_machine_is_struck_once_in_each_stage(midway: bool, first: str) -> None:
    struck = Interruptions(lambda: "w1", midway=midway)
    hit = []
    for line in (
        "extract  ━━━━  0 of 600 images, starting",
        "\x1b[2Kextract  ━━━━  64 of 600 images",
        "extract  ━━━━  128 of 600 images",
        "transfer  ━━━━  8 of 8 trials",
        "transfer  ━━━━  3 of 8 trials, 3 done",
    ):
        before = len(struck.struck)
        struck._look(line)
        hit += [line] * (len(struck.struck) > before)
    assert struck.struck == ["extract", "transfer"]
    assert first in hit[0]
    assert "3 of 8" in hit[1]


def test_a_stage_is_not_counted_where_no_machine_was_at_work() -> None:
    struck = Interruptions(lambda: None)
    struck._look("extract  ━━━━  64 of 600 images")
    assert struck.struck == []


def test_tables_are_compared_by_their_rows_and_not_by_what_was_measured(tmp_path: Path) -> None:
    rows = pd.DataFrame({"trial": ["a", "b"], "lr": [0.1, 0.2], "wall_s": [1.0, 2.0]})
    one, same, other = (tmp_path / name for name in ("one", "same", "other"))
    for folder in (one, same, other):
        folder.mkdir()
    rows.to_parquet(one / "trials.parquet")
    rows.assign(wall_s=9.0).iloc[::-1].to_parquet(same / "trials.parquet")
    rows.assign(lr=[0.1, 0.3]).to_parquet(other / "trials.parquet")
    assert differing_tables(one, same) == []
    assert differing_tables(one, other) == ["trials.parquet"]
    (same / "trials.parquet").unlink()
    assert differing_tables(one, same) == ["trials.parquet"]
