"""From the store to the run's tables: every cell has its row, whatever became of it."""

import io
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from PIL import Image

from datasets.decoding.decode import decode_image
from datasets.preprocess import Preprocessing, preprocess
from reports.tables import DERIVED, SCHEMAS, read_tables
from sweeper.config.load import load_config
from sweeper.plan.collect import collect
from sweeper.plan.ledger import Ledger
from sweeper.plan.plan import Plan
from sweeper.results.pictures import SIDE, draw_pictures
from sweeper.results.tables import Outcome, write_tables
from sweeper.store.store import Store
from sweeper.use.external import TABLES as OF_TEST_SETS
from tests.sweeper.by_hand import evaluate, record
from tests.sweeper.folders import write_config, write_images

Written = tuple[dict[str, pd.DataFrame], Outcome, Ledger]


@pytest.fixture(scope="module")
def ledger(tmp_path_factory: pytest.TempPathFactory) -> Ledger:
    """A plan of four cells over 20 images: the plain transfer cell is done, all trials of the
    augmented one failed, so that fine-tuning can start in the plain cell only, and has not."""
    folder = tmp_path_factory.mktemp("results")
    config = load_config(
        write_config(folder, write_images(folder / "images", {"a": 12, "b": 8})),
        ["search.draws=3"],
    )
    store = Store(config.store)
    ledger = Ledger(Plan(config, collect(config.data, store), store))
    plain, augmented = (cell for cell in ledger.plan.cells if cell.strategy == "transfer")
    first, second, third = ledger.trials(plain)
    record(ledger, first, "done", 0.5, 0.75, 0.25)
    record(ledger, second, "done", 0.25)
    record(ledger, third, "stopped", 0.125)
    evaluate(ledger, first)
    for spec in ledger.trials(augmented):
        record(ledger, spec, "failed")
    return ledger


@pytest.fixture(scope="module")
def written(ledger: Ledger, tmp_path_factory: pytest.TempPathFactory) -> Written:
    folder = tmp_path_factory.mktemp("tables")
    outcome = write_tables(ledger, {}, folder)
    return read_tables(folder), outcome, ledger


def cell(tables: dict[str, pd.DataFrame], augmented: bool, strategy: str) -> dict[str, Any]:
    cells = tables["cells"]
    (row,) = cells[(cells["augmented"] == augmented) & (cells["strategy"] == strategy)].to_dict(
        "records"
    )
    return {str(name): value for name, value in row.items()}


def test_all_tables_that_others_are_derived_from_are_written(
    ledger: Ledger, tmp_path: Path
) -> None:
    write_tables(ledger, {}, tmp_path)
    of_a_run = set(SCHEMAS) - set(DERIVED) - set(OF_TEST_SETS)
    assert {path.stem for path in tmp_path.glob("*.parquet")} == of_a_run


def test_no_cell_is_left_out_and_states_are_counted(written: Written) -> None:
    tables, outcome, ledger = written
    assert len(tables["cells"]) == len(ledger.plan.cells) == 4
    assert outcome.cells == {"done": 1, "failed": 2, "missing": 1}
    assert outcome.trials == {"done": 2, "stopped": 1, "failed": 3, "missing": 3}


def test_a_finished_cell_has_its_champion_and_the_metrics_of_the_test_set(
    written: Written,
) -> None:
    tables, _, ledger = written
    row = cell(tables, False, "transfer")
    champion = ledger.trials(ledger.plan.cells[0])[0]
    assert (row["state"], row["error"]) == ("done", "")
    assert (row["champion"], row["lr"], row["best_epoch"]) == (
        champion.key,
        champion.hyperparameters["lr"],
        2,
    )
    assert (row["trials"], row["stopped"], row["val_accuracy"]) == (3, 1, 0.75)
    assert (row["n_train"], row["n_val"], row["n_test"]) == (16, 2, 2)
    assert row["accuracy"] == evaluate(ledger, champion)
    assert row["train_s"] == 5 * 0.25


def test_a_cell_whose_trials_all_failed_says_why_and_has_no_number(written: Written) -> None:
    row = cell(written[0], True, "transfer")
    assert (row["state"], row["error"]) == ("failed", "why it failed")
    assert row["champion"] is None
    assert pd.isna(row["accuracy"])
    assert pd.isna(row["val_accuracy"])


def test_a_cell_that_has_nothing_to_start_from_failed_and_names_its_source(
    written: Written,
) -> None:
    row = cell(written[0], True, "finetune")
    assert row["state"] == "failed"
    assert "grouped/mobilenet/all/fec-ige/transfer/seed0 failed" in row["error"]


def test_a_cell_that_was_not_run_is_missing(written: Written) -> None:
    row = cell(written[0], False, "finetune")
    assert (row["state"], row["error"], row["trials"]) == ("missing", "not run yet", 3)


def test_an_evaluation_that_failed_fails_its_cell(ledger: Ledger, tmp_path: Path) -> None:
    errors = {cell.id: "evaluate: why" for cell in ledger.plan.cells if cell.strategy == "finetune"}
    write_tables(ledger, errors, tmp_path)
    row = cell(read_tables(tmp_path), False, "finetune")
    assert (row["state"], row["error"]) == ("failed", "evaluate: why")


def test_every_trial_has_a_row_with_its_state(written: Written) -> None:
    trials = written[0]["trials"]
    plain = trials[(trials["strategy"] == "transfer") & ~trials["augmented"]]
    assert list(plain["state"]) == ["done", "done", "stopped"]
    assert list(plain["epochs"]) == [3, 1, 1]
    assert list(plain["draw"]) == [0, 1, 2]
    missing = trials[trials["state"] == "missing"]
    assert list(missing["epochs"]) == [0, 0, 0]
    assert missing["val_accuracy"].isna().all()


def test_curves_have_every_epoch_of_every_trial_once(written: Written) -> None:
    curves = written[0]["curves"]
    assert len(curves) == 5
    assert not curves.duplicated(["trial", "epoch"]).any()


def test_confusion_counts_the_predictions_by_class_name(written: Written) -> None:
    tables, _, _ = written
    confusion, predictions = tables["confusion"], tables["predictions"]
    assert len(confusion) == 4
    assert confusion["count"].sum() == len(predictions) == 2
    assert set(predictions["label"]) == {"a", "b"}
    assert set(predictions["predicted"]) == {"a"}
    assert confusion.loc[confusion["predicted"] == "b", "count"].sum() == 0


def test_splits_and_images_list_what_was_used(written: Written) -> None:
    tables, _, ledger = written
    assert len(tables["images"]) == 20
    expected = {
        augmented: len(ledger.plan.split_of(cell).rows)
        for cell in ledger.plan.cells
        for augmented in [cell.augmented]
    }
    assert tables["splits"].groupby("augmented").size().to_dict() == expected
    assert list(tables["leaks"]["leaked"]) == [0, 0, 0, 0]


def test_a_finished_cell_tells_how_far_its_probabilities_can_be_believed(written: Written) -> None:
    tables, _, _ = written
    row = cell(tables, False, "transfer")
    wrong = 1 - row["accuracy"]
    assert row["brier"] == pytest.approx(2 * (0.25**2 * (1 - wrong) + 0.75**2 * wrong))
    assert row["temperature"] > 0
    unfinished = cell(tables, True, "transfer")
    assert pd.isna(unfinished["temperature"])
    assert pd.isna(unfinished["brier_scaled"])


def test_bins_of_confidence_hold_every_test_row_before_and_after_scaling(written: Written) -> None:
    bins = written[0]["reliability"]
    assert bins.groupby("scaled")["rows"].sum().to_dict() == {False: 2, True: 2}
    plain = bins[~bins["scaled"]]
    assert list(plain["confidence"]) == [0.75]


def test_trials_tell_their_rungs(written: Written) -> None:
    tables, _, ledger = written
    found = {tuple(rungs) for rungs in tables["trials"]["rungs"]}
    assert found == {tuple(ledger.plan.rungs(name)) for name in ("transfer", "finetune")}


def test_a_mistaken_image_has_its_picture_and_no_other_image_has(written: Written) -> None:
    tables, _, _ = written
    predictions, pictures = tables["predictions"], tables["pictures"]
    wrong = predictions[predictions["label"] != predictions["predicted"]]
    assert set(pictures["image_id"]) == set(wrong["image_id"])
    assert len(pictures) == 1
    with Image.open(io.BytesIO(pictures["image"][0])) as picture:
        assert picture.size == (pictures["width"][0], pictures["height"][0])


def test_pictures_are_drawn_from_what_is_kept_and_decode_nothing(
    ledger: Ledger, decoded: list[str]
) -> None:
    collection = ledger.plan.collection
    wanted = list(collection.images["image_id"][:3])
    kept = draw_pictures(collection, wanted, Preprocessing(SIDE), ledger.store)
    assert [row["image_id"] for row in kept] == wanted
    assert decoded == []
    with Image.open(io.BytesIO(kept[0]["image"])) as picture:
        shown = np.asarray(picture.convert("L"), np.float64)
    path = Path(collection.root) / collection.images["path"][0]
    expected = preprocess(decode_image(path.read_bytes()), Preprocessing(SIDE))[..., 0]
    assert np.corrcoef(shown.ravel(), expected.ravel())[0, 1] > 0.9


def test_an_image_that_is_gone_with_its_preview_has_no_picture_and_stops_nothing(
    ledger: Ledger, tmp_path: Path
) -> None:
    collection = ledger.plan.collection
    first, second = collection.images["image_id"][:2]
    gone = collection.images.assign(
        path=collection.images["path"].where(collection.images["image_id"] != first, "a/gone.png")
    )
    empty = Store(str(tmp_path / "empty"))
    found = draw_pictures(
        replace(collection, images=gone), [first, second], Preprocessing(SIDE), empty
    )
    assert [row["image_id"] for row in found] == [second]
