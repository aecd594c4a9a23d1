"""Trials that raise, run out of memory, diverge or are killed, through the real runner."""

from collections import Counter
from pathlib import Path

import pandas as pd
import pytest

from reports.tables import read_tables
from sweeper.config.load import load_config
from sweeper.progress import Progress
from sweeper.run import pipeline
from tests.one_ray import OneRay

TINY = str(Path(__file__).parents[1] / "tiny.yaml")
RULES: list[dict[str, object]] = [
    {"cell": ".*/shafts/none/transfer/.*", "draw": 1, "fault": "raise"},
    {"cell": ".*/shafts/fec-ige/transfer/.*", "draw": 1, "fault": "kill"},
    {"cell": ".*/holes/none/transfer/.*", "draw": 1, "fault": "memory"},
    {"cell": ".*/holes/fec-ige/transfer/.*", "draw": 1, "fault": "kill", "once": True},
    {
        "cell": ".*/holes/fec-ige/transfer/.*",
        "draw": 0,
        "place": "kept",
        "fault": "kill",
        "once": True,
    },
    {"cell": ".*/shafts/none/finetune/.*", "draw": 1, "fault": "nan"},
    {"cell": ".*/holes/none/finetune/.*", "fault": "raise"},
    {"cell": ".*/shafts/fec-ige/finetune/.*", "place": "champion", "fault": "raise"},
    {
        "cell": ".*/holes/fec-ige/finetune/.*",
        "place": "champion",
        "fault": "kill",
        "once": True,
    },
]


def run(
    sweeps: OneRay, folder: Path, name: str, rules: list[dict[str, object]], *overrides: str
) -> Counter[str]:
    """Run on the folder's store under faults; how often each line is in the log of faults."""
    always = [f"store={folder / 'store'}", "resources.retries=1", "explain.examples=0"]
    config = load_config(TINY, [*always, *overrides])
    out = folder / name
    (out / "results").mkdir(parents=True)
    with sweeps.faults(rules) as happened:
        pipeline.run_sweep(config, out, "python sweep.py run tiny.yaml", Progress())
    return happened


@pytest.fixture(scope="module")
def faulty(sweeps: OneRay, tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Counter[str]]:
    folder = tmp_path_factory.mktemp("faulty")
    return folder, run(sweeps, folder, "run", RULES, "resources.checkpoint_minutes=0.00001")


@pytest.fixture
def trials(faulty: tuple[Path, Counter[str]]) -> pd.DataFrame:
    table = read_tables(faulty[0] / "run" / "results")["trials"]
    return table.set_index(["scenario", "augmented", "strategy", "draw"])


@pytest.fixture
def cells(faulty: tuple[Path, Counter[str]]) -> pd.DataFrame:
    table = read_tables(faulty[0] / "run" / "results")["cells"]
    return table.set_index(["scenario", "augmented", "strategy"])


def times(faulty: tuple[Path, Counter[str]], line: str) -> int:
    return sum(count for said, count in faulty[1].items() if line in said)


def test_what_raises_is_failed_with_its_traceback_and_not_tried_again(
    faulty: tuple[Path, Counter[str]], trials: pd.DataFrame
) -> None:
    failed = trials.loc[("shafts", False, "transfer", 1)]
    assert failed["state"] == "failed"
    assert failed["error"].startswith("Traceback")
    assert "LookupError: a fault <b>raised</b> on purpose" in failed["error"]
    assert times(faulty, "raise grouped/mobilenet/shafts/none/transfer") == 1


@pytest.mark.parametrize(
    ("scenario", "augmented", "fault", "said"),
    [("shafts", True, "kill", "worker"), ("holes", False, "memory", "MemoryError")],
)
def test_a_crash_is_tried_again_as_configured_and_then_failed(
    faulty: tuple[Path, Counter[str]],
    trials: pd.DataFrame,
    scenario: str,
    augmented: bool,
    fault: str,
    said: str,
) -> None:
    failed = trials.loc[(scenario, augmented, "transfer", 1)]
    assert failed["state"] == "failed"
    assert failed["error"].startswith("its process died or ran out of memory (2 times):\n")
    assert said in failed["error"]
    assert "\x1b" not in failed["error"]
    assert times(faulty, f"train {fault} grouped/mobilenet/{scenario}") == 2


def test_a_crash_that_does_not_come_again_leaves_no_trace(
    faulty: tuple[Path, Counter[str]], trials: pd.DataFrame, cells: pd.DataFrame
) -> None:
    assert times(faulty, "train kill grouped/mobilenet/holes/fec-ige/transfer") == 1
    assert tuple(trials.loc[("holes", True, "transfer", 1), ["state", "error"]]) == ("done", "")
    assert times(faulty, "champion kill grouped/mobilenet/holes/fec-ige/finetune") == 1
    assert tuple(cells.loc[("holes", True, "finetune"), ["state", "error"]]) == ("done", "")


def test_a_trial_killed_after_its_checkpoint_ends_and_no_checkpoint_stays(
    faulty: tuple[Path, Counter[str]], trials: pd.DataFrame
) -> None:
    assert times(faulty, "kept kill grouped/mobilenet/holes/fec-ige/transfer") == 1
    killed = trials.loc[("holes", True, "transfer", 0)]
    assert (killed["state"], killed["error"], killed["epochs"]) == ("done", "", 3)
    kept = Path(faulty[0] / "store" / "checkpoints")
    assert kept.is_dir()
    assert not [path for path in kept.rglob("*") if path.is_file()]


def test_what_diverges_is_failed_and_says_so(
    faulty: tuple[Path, Counter[str]], trials: pd.DataFrame
) -> None:
    failed = trials.loc[("shafts", False, "finetune", 1)]
    assert failed["state"] == "failed"
    assert "loss not finite in epoch 1" in failed["error"]
    assert times(faulty, "train nan") == 1


def test_cells_fail_only_where_no_trial_or_no_evaluation_is_left(cells: pd.DataFrame) -> None:
    failed = cells[cells["state"] != "done"]
    assert set(failed["state"]) == {"failed"}
    assert set(failed.index) == {("holes", False, "finetune"), ("shafts", True, "finetune")}
    assert "LookupError" in failed.loc[("holes", False, "finetune"), "error"]
    assert str(failed.loc[("shafts", True, "finetune"), "error"]).startswith("evaluate: ")


def test_the_page_shows_every_failure_s_traceback_and_escapes_it(
    faulty: tuple[Path, Counter[str]],
) -> None:
    page = (faulty[0] / "run" / "report" / "index.html").read_text()
    assert "LookupError: a fault &lt;b&gt;raised&lt;/b&gt; on purpose" in page
    assert "a fault <b>raised" not in page
    assert "its process died or ran out of memory (2 times)" in page
    assert "loss not finite in epoch 1" in page


def test_the_same_command_without_the_faults_ends_with_all_cells_done(
    sweeps: OneRay, faulty: tuple[Path, Counter[str]]
) -> None:
    folder, before = faulty
    assert before
    assert not run(sweeps, folder, "mended", [{"cell": "none", "fault": "raise"}])
    found = read_tables(folder / "mended" / "results")
    assert set(found["cells"]["state"]) == {"done"}
    assert found["trials"].query("state != 'done'")["error"].str.contains("not finite").all()


def test_cells_that_share_a_champion_share_the_failure_of_its_evaluation(
    sweeps: OneRay, faulty: tuple[Path, Counter[str]]
) -> None:
    log = run(
        sweeps,
        faulty[0],
        "shared",
        [{"cell": ".*/none/.*", "place": "champion", "fault": "raise"}],
        "split.policies=[pooled, stratified]",
        "grid.scenarios=[holes]",
        "grid.strategies=[transfer]",
        "search.draws=1",
    )
    cells = read_tables(faulty[0] / "shared" / "results")["cells"]
    plain, augmented = cells[~cells["augmented"]], cells[cells["augmented"]]
    assert plain["champion"].nunique() == 1
    assert list(plain["state"]) == ["failed", "failed"]
    assert plain["error"].str.contains("LookupError").all()
    assert set(augmented["state"]) == {"done"}
    assert log.total() == 1
