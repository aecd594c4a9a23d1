"""What the commands that use a finished run read from it."""

import json
from dataclasses import asdict
from pathlib import Path

from datasets.preprocess import Preprocessing
from sweeper.config.backbones import preprocessing_of
from sweeper.config.load import load_config
from sweeper.use.finished import FinishedRun


def test_images_are_preprocessed_as_recorded_whatever_timm_says_now(tmp_path: Path) -> None:
    config = load_config("smoke", ["preprocess.fit=model", "preprocess.interpolation=model"])
    trained = Preprocessing(64, fit="model", interpolation="lanczos", crop_pct=0.5, fill=(0, 0, 0))
    assert preprocessing_of(config, "mobilenet") != trained
    about = {"backbones": {"mobilenet": {"preprocessing": asdict(trained)}}}
    run = FinishedRun(tmp_path, json.loads(json.dumps(about)), config)
    assert run.preprocessing("mobilenet") == trained


def test_a_run_without_a_record_was_preprocessed_as_its_configuration_says(tmp_path: Path) -> None:
    run = FinishedRun(tmp_path, {"backbones": {"mobilenet": {}}}, load_config("smoke"))
    assert run.preprocessing("mobilenet") == Preprocessing(64, fit="squash")
