"""Damaged artifacts are detected, quarantined and treated as missing."""

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from sweeper.errors import DamagedError
from sweeper.store.artifact import key_of
from sweeper.store.store import Artifact, Store
from tests.sweeper.conftest import Bucket

MADE_FROM = {"version": 1, "rows": "abc"}
KEY = key_of(MADE_FROM)
TEXT, OTHER = b"what was written", b"more of it"


@pytest.fixture(params=["local", "s3"])
def store(request: pytest.FixtureRequest, tmp_path: Path, s3_bucket: Bucket) -> Store:
    return Store(str(tmp_path) if request.param == "local" else s3_bucket())


def write(store: Store) -> Artifact:
    with store.writing("splits", MADE_FROM) as folder:
        store.write_file(f"{folder}/text", TEXT)
        store.filesystem.create_dir(f"{folder}/below")
        store.write_file(f"{folder}/below/other", OTHER)
    return store.get("splits", KEY)


def put(store: Store, path: str, data: bytes) -> None:
    store.write_file(path, data)


def truncate(store: Store, artifact: Artifact) -> None:
    put(store, f"{artifact.folder}/text", TEXT[:-1])


def empty(store: Store, artifact: Artifact) -> None:
    put(store, f"{artifact.folder}/below/other", b"")


def flip(store: Store, artifact: Artifact) -> None:
    put(store, f"{artifact.folder}/text", bytes([TEXT[0] ^ 1]) + TEXT[1:])


def delete(store: Store, artifact: Artifact) -> None:
    store.filesystem.delete_file(f"{artifact.folder}/text")


def add(store: Store, artifact: Artifact) -> None:
    put(store, f"{artifact.folder}/more", b"of a writer that came too late")


def record_of(store: Store, artifact: Artifact) -> str:
    return artifact.folder.rpartition("/")[0] + "/artifact.json"


def empty_record(store: Store, artifact: Artifact) -> None:
    put(store, record_of(store, artifact), b"")


def garbage_record(store: Store, artifact: Artifact) -> None:
    put(store, record_of(store, artifact), b'{"folder": ["../.."], "made_from": 3')


def record_of_another(store: Store, artifact: Artifact) -> None:
    record = json.loads(store.read_file(record_of(store, artifact)))
    record["made_from"]["rows"] = "abd"
    put(store, record_of(store, artifact), json.dumps(record).encode())


def record_that_leads_elsewhere(store: Store, artifact: Artifact) -> None:
    record = json.loads(store.read_file(record_of(store, artifact)))
    record["folder"] = "../../elsewhere"
    put(store, record_of(store, artifact), json.dumps(record).encode())


DAMAGES = [
    truncate,
    empty,
    flip,
    delete,
    add,
    empty_record,
    garbage_record,
    record_of_another,
    record_that_leads_elsewhere,
]


@pytest.mark.parametrize("damage", DAMAGES)
def test_a_damaged_artifact_is_quarantined_in_one_line_and_can_be_rebuilt(
    store: Store,
    damage: Callable[[Store, Artifact], None],
    capfd: pytest.CaptureFixture[str],
) -> None:
    damage(store, write(store))
    assert store.verified("splits", KEY) is None
    said = capfd.readouterr().err
    assert said.startswith(f"damaged: splits/{KEY}: ")
    assert len(said.splitlines()) == 1
    assert store.damaged() == {("splits", KEY)}
    assert store.find("splits", KEY) is None
    assert capfd.readouterr().err == ""

    rebuilt = write(store)
    assert store.verified("splits", KEY) == rebuilt
    assert store.read(rebuilt, "text") == TEXT
    assert store.damaged() == set()


def test_damaged_files_are_kept_with_their_record(tmp_path: Path) -> None:
    store = Store(str(tmp_path))
    artifact = write(store)
    truncate(store, artifact)
    store.find("splits", KEY)
    kept = tmp_path / "damaged" / "splits" / KEY
    assert (kept / artifact.attempt / "text").read_bytes() == TEXT[:-1]
    assert (kept / artifact.attempt / "below" / "other").read_bytes() == OTHER
    record = json.loads((kept / f"{artifact.attempt}.json").read_text())
    assert record["made_from"] == MADE_FROM


def test_a_file_is_verified_whenever_it_is_read(store: Store) -> None:
    artifact = write(store)
    assert store.verified("splits", KEY) == artifact
    flip(store, artifact)
    with pytest.raises(DamagedError, match="text has changed since it was written"):
        store.read(artifact, "text")
    assert store.find("splits", KEY) is None


def test_a_missing_folder_is_not_damage(store: Store, capfd: pytest.CaptureFixture[str]) -> None:
    artifact = write(store)
    store.filesystem.delete_dir(artifact.folder)
    assert store.find("splits", KEY) is None
    assert capfd.readouterr().err == ""


def test_damage_found_by_two_processes_is_reported_by_one(
    store: Store, capfd: pytest.CaptureFixture[str]
) -> None:
    artifact = write(store)
    flip(store, artifact)
    for _ in range(2):
        with pytest.raises(DamagedError):
            store.read(artifact, "text")
    assert len(capfd.readouterr().err.splitlines()) == 1


def test_late_detection_does_not_quarantine_the_rebuilt_artifact(store: Store) -> None:
    old = write(store)
    flip(store, old)
    store.verified("splits", KEY)
    new = write(store)
    with pytest.raises(DamagedError):
        store.read(old, "text")
    assert store.verified("splits", KEY) == new


def test_a_reader_of_a_replaced_artifact_keeps_its_files(store: Store) -> None:
    old = write(store)
    new = write(store)
    assert old.folder != new.folder
    assert store.read(old, "text") == TEXT


def test_an_artifact_without_hashes_is_accepted(store: Store) -> None:
    artifact = write(store)
    record = json.loads(store.read_file(record_of(store, artifact)))
    del record["files"]
    put(store, record_of(store, artifact), json.dumps(record).encode())
    found = store.verified("splits", KEY)
    assert found is not None
    assert (found.files, store.read(found, "text")) == (None, TEXT)
