"""What is written to a bucket is hashed by its writer, and not read back."""

from collections import Counter
from pathlib import Path
from typing import Any

import pytest
from moto.s3.responses import S3Response

from datasets.file_sums import FileSum, SummedFile
from sweeper.store.artifact import key_of
from sweeper.store.store import Artifact, Store
from sweeper.store.sums import sums_of_folder
from tests.sweeper.conftest import Bucket

MADE_FROM = {"version": 1, "rows": "abc"}
LARGE = bytes(range(256)) * 1000


@pytest.fixture
def served(monkeypatch: pytest.MonkeyPatch) -> Counter[str]:
    """The bytes that the bucket sends from now on, by file name."""
    found: Counter[str] = Counter()
    respond = S3Response._key_response_get

    def get(self: S3Response, query: dict[str, Any], key_name: str) -> Any:
        response = respond(self, query, key_name)
        found[key_name.rpartition("/")[2]] += len(response[2])
        return response

    monkeypatch.setattr(S3Response, "_key_response_get", get)
    return found


def write(store: Store, *, announced: bool) -> Artifact:
    """An artifact with a file written by the store, and one written as a worker does."""
    with store.writing("splits", MADE_FROM) as folder:
        store.write_file(f"{folder}/by-the-store", LARGE)
        with SummedFile(store.filesystem, f"{folder}/by-a-worker") as file:
            file.write(LARGE)
        if announced:
            store.add_sums(folder, {"by-a-worker": file.sum})
    return store.get("splits", key_of(MADE_FROM))


def test_a_bucket_sends_back_nothing_of_what_is_written_to_it(
    s3_bucket: Bucket, served: Counter[str]
) -> None:
    store = Store(s3_bucket())
    artifact = write(store, announced=True)
    assert artifact.files == dict.fromkeys(("by-a-worker", "by-the-store"), FileSum.of(LARGE))
    assert {name for name, size in served.items() if size} == {"artifact.json"}
    store.check(artifact)  # its files are as they were announced
    assert served["by-a-worker"] == served["by-the-store"] == len(LARGE)


def test_a_file_that_nobody_announced_is_hashed_all_the_same(
    s3_bucket: Bucket, served: Counter[str]
) -> None:
    artifact = write(Store(s3_bucket()), announced=False)
    assert artifact.files == dict.fromkeys(("by-a-worker", "by-the-store"), FileSum.of(LARGE))
    assert (served["by-a-worker"], served["by-the-store"]) == (len(LARGE), 0)


def test_a_folder_that_is_uploaded_is_hashed_on_this_machine(tmp_path: Path) -> None:
    (tmp_path / "below").mkdir()
    (tmp_path / "below" / "file").write_bytes(LARGE)
    assert sums_of_folder(tmp_path) == {"below/file": FileSum.of(LARGE)}
