"""How weights are written in a config, and what identifies them."""

import shutil
from pathlib import Path

import pytest

from trainables.registry import Weights, WeightsError


def test_what_a_config_writes_is_taken_apart() -> None:
    assert Weights.parse("imagenet") == Weights("imagenet")
    assert Weights.parse("none").is_random
    weights = Weights.parse("/data/a.safetensors?pad_type=same&mean=0.5")
    assert weights.source == "/data/a.safetensors"
    assert weights.model_args == (("mean", "0.5"), ("pad_type", "same"))
    assert [Weights.parse(text).label for text in ("imagenet", "none", "/data/a.st?b=1")] == [
        "imagenet",
        "none",
        "file:a.st",
    ]
    with pytest.raises(ValueError, match="pad_type"):
        Weights.parse("a.safetensors?pad_type")


def test_what_identifies_weights_is_the_files_content_never_its_path(tmp_path: Path) -> None:
    (tmp_path / "a.safetensors").write_bytes(b"content")
    shutil.copy(tmp_path / "a.safetensors", tmp_path / "b.safetensors")
    (tmp_path / "c.safetensors").write_bytes(b"other")
    a, b, c = (Weights.parse(f"{tmp_path}/{x}.safetensors").identity() for x in "abc")
    assert a == b != c
    assert str(tmp_path) not in str(a)
    assert "a.safetensors" not in str(a)
    same = Weights.parse(f"{tmp_path}/a.safetensors?pad_type=same").identity()
    assert same != a
    assert Weights.parse("none").identity() != Weights.parse("imagenet").identity()


def test_a_file_that_is_not_there_has_no_identity(tmp_path: Path) -> None:
    with pytest.raises(WeightsError, match=r"gone\.safetensors': no such file; give imagenet"):
        Weights.parse(str(tmp_path / "gone.safetensors")).identity()
