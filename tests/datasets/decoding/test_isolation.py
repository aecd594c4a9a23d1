"""A decoder that misbehaves costs one file."""

import sys
import time
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from datasets.decoding.describe import describe
from datasets.decoding.isolation import Reader

GONE = "cannot be opened: No such file or directory"
BAD_WORKER = (sys.executable, "-m", "tests.datasets.decoding.bad_worker")


@pytest.fixture
def reader() -> Iterator[Reader]:
    with Reader(BAD_WORKER, seconds=2) as reader:
        yield reader


@pytest.fixture
def good(tmp_path: Path) -> str:
    path = tmp_path / "gööd one.png"
    Image.fromarray(np.eye(20, dtype=np.uint8)).save(path)
    return str(path)


def test_a_file_is_described_as_in_this_process(good: str, tmp_path: Path) -> None:
    (tmp_path / "text.png").write_text("no image")
    with Reader() as reader:
        for path in (good, str(tmp_path / "text.png"), str(tmp_path / "gone.png"), good):
            assert reader.describe(path) == describe(path)


def test_after_a_crash_the_next_file_is_read(reader: Reader, good: str) -> None:
    for _ in range(2):
        assert reader.describe("crash.png").description.problem == "crashes its decoder"
        assert reader.describe(good) == describe(good)


def test_a_worker_killed_by_something_else_costs_no_file(reader: Reader, good: str) -> None:
    reader.describe(good)
    assert reader._worker is not None
    reader._worker.kill()
    reader._worker.wait()
    assert reader.describe(good) == describe(good)


def test_a_hang_times_out_and_the_next_file_is_read(reader: Reader, good: str) -> None:
    reader.describe(good)
    began = time.perf_counter()
    assert reader.describe("hang.png").description.problem == "cannot be decoded within 2 seconds"
    assert 2 <= time.perf_counter() - began < 20
    assert reader.describe(good) == describe(good)


def test_what_a_decoder_prints_is_no_answer(reader: Reader, good: str, tmp_path: Path) -> None:
    assert reader.describe(str(tmp_path / "print.png")).description.problem == GONE
    assert reader.describe(good) == describe(good)


@pytest.mark.skipif(sys.platform == "win32", reason="no limit of memory there")
def test_memory_beyond_the_limit_is_not_to_be_had(reader: Reader, good: str) -> None:
    assert reader.describe("greed.png").description.problem == "crashes its decoder"
    assert reader.describe(good) == describe(good)


def test_a_worker_that_does_not_start_is_not_blamed_on_the_file() -> None:
    with Reader((sys.executable, "-c", "pass")) as reader, pytest.raises(RuntimeError):
        reader.describe("any.png")
