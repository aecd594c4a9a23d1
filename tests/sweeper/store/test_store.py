"""The store: a reader sees a whole artifact or none."""

import pickle
import threading
from pathlib import Path
from typing import Any

import pyarrow.fs as pafs
import pytest

from sweeper.errors import StoreError
from sweeper.store import commit
from sweeper.store import store as store_module
from sweeper.store.artifact import key_of
from sweeper.store.store import Store

MADE_FROM = {"version": 1, "rows": "abc"}
KEY = key_of(MADE_FROM)


@pytest.fixture(params=["local", "sub-tree", "mock"])
def store(request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Store:
    """A store on a local folder, and on two file systems that are not local."""
    if request.param == "local":
        return Store(str(tmp_path))
    if request.param == "mock":
        return Store("mock://bucket/prefix")
    tree = pafs.SubTreeFileSystem(str(tmp_path), pafs.LocalFileSystem())
    monkeypatch.setattr(store_module, "_open", lambda *_, **__: (tree, "prefix"))
    return Store("s3://bucket/prefix")


def write(store: Store, text: str, made_from: dict[str, object] = MADE_FROM) -> None:
    with store.writing("splits", made_from, {"text": text}) as folder:
        store.write_file(f"{folder}/text", text.encode())


def read(store: Store) -> str:
    return store.read_file(f"{store.get('splits', KEY).folder}/text").decode()


def test_a_finished_artifact_is_found_with_its_inputs(store: Store) -> None:
    write(store, "whole")
    artifact = store.get("splits", KEY)
    assert (artifact.made_from, artifact.info) == (MADE_FROM, {"text": "whole"})
    assert read(store) == "whole"


def test_a_missing_artifact_is_not_found(store: Store) -> None:
    write(store, "whole")
    assert store.find("trials", KEY) is None
    assert store.find("splits", key_of({})) is None
    with pytest.raises(KeyError, match=key_of({})):
        store.get("splits", key_of({}))


def test_the_keys_of_a_kind_are_those_of_its_whole_artifacts(store: Store) -> None:
    assert store.keys("splits") == []
    write(store, "one")
    write(store, "other", {"version": 2})
    killed = store.writing("splits", {"version": 3})
    store.write_file(f"{killed.__enter__()}/text", b"half")
    assert set(store.keys("splits")) == {KEY, key_of({"version": 2})}
    assert store.keys("trials") == []


def test_a_half_written_artifact_is_not_found(store: Store) -> None:
    with pytest.raises(ZeroDivisionError), store.writing("splits", MADE_FROM) as folder:
        store.write_file(f"{folder}/text", b"%d" % (1 // 0))
    assert store.find("splits", KEY) is None
    killed = store.writing("splits", MADE_FROM)
    store.write_file(f"{killed.__enter__()}/text", b"half")
    assert store.find("splits", KEY) is None
    write(store, "whole")
    assert read(store) == "whole"


def test_a_later_write_replaces_the_artifact_only_when_finished(store: Store) -> None:
    write(store, "first")
    with store.writing("splits", MADE_FROM) as folder:
        store.write_file(f"{folder}/text", b"second")
        assert read(store) == "first"
    assert read(store) == "second"


@pytest.mark.parametrize("replaces", [False, True])
def test_an_interrupt_right_after_the_last_write_removes_nothing(
    store: Store, monkeypatch: pytest.MonkeyPatch, replaces: bool
) -> None:
    if replaces:
        write(store, "first")

    def publish(*arguments: Any) -> None:
        commit.publish(*arguments)
        raise KeyboardInterrupt

    monkeypatch.setattr(store_module, "publish", publish)
    with pytest.raises(KeyboardInterrupt):
        write(store, "second")
    assert read(store) == "second"


def test_two_concurrent_writers_leave_a_complete_artifact(store: Store) -> None:
    with store.writing("splits", MADE_FROM, {"by": "slow"}) as slow:
        store.write_file(f"{slow}/text", b"slow")
        write(store, "fast")
        assert read(store) == "fast"
    assert read(store) == "slow"
    assert store.get("splits", KEY).info == {"by": "slow"}


def test_info_may_be_filled_while_writing(store: Store) -> None:
    info: dict[str, object] = {}
    with store.writing("splits", MADE_FROM, info):
        info["rows"] = 3
    assert store.get("splits", KEY).info == {"rows": 3}


def test_an_unknown_kind_is_refused(store: Store) -> None:
    with pytest.raises(ValueError, match="expected one of images"):
        store.find("models", KEY)


def test_a_key_does_not_depend_on_the_order_of_what_it_hashes() -> None:
    assert key_of({"a": 1, "b": {"c": 2, "d": 3}}) == key_of({"b": {"d": 3, "c": 2}, "a": 1})


def test_a_key_changes_with_any_value_or_name() -> None:
    variants: list[dict[str, object]] = [
        {"a": 1, "b": [1, 2]},
        {"a": 2, "b": [1, 2]},
        {"a": 1, "b": [2, 1]},
        {"a": "1", "b": [1, 2]},
        {"c": 1, "b": [1, 2]},
        {"a": 1, "b": [1, 2], "c": None},
        {"a": 1.5, "b": [1, 2]},
    ]
    assert len({key_of(one) for one in variants}) == len(variants)
    assert all(len(key_of(one)) == 32 for one in variants)


def test_a_store_sent_to_another_process_reads_the_same_artifacts(tmp_path: Path) -> None:
    store = Store(str(tmp_path))
    write(store, "whole")
    assert read(pickle.loads(pickle.dumps(store))) == "whole"


def test_a_relative_address_is_remembered_in_full(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    store = Store("here")
    monkeypatch.chdir("/")
    write(store, "whole")
    assert read(Store(store.address)) == "whole"
    assert Store(store.address).root == str(tmp_path / "here")


def test_opening_a_store_leaves_nothing_in_it(tmp_path: Path) -> None:
    Store(str(tmp_path / "store"))
    assert list((tmp_path / "store").iterdir()) == []


@pytest.mark.parametrize("address", ["{file}/store", "ftp://host/prefix", "~nobody-here/store"])
def test_an_unwritable_address_is_reported_in_one_line(tmp_path: Path, address: str) -> None:
    (tmp_path / "file").touch()
    address = address.format(file=tmp_path / "file")
    with pytest.raises(StoreError, match="cannot be written to") as caught:
        Store(address)
    assert address in str(caught.value)
    assert len(str(caught.value).splitlines()) == 1


def test_reads_are_concurrent_for_a_remote_store_and_sequential_for_a_local_one(
    tmp_path: Path,
) -> None:
    together = threading.Barrier(8)

    def look(number: int) -> int:
        together.wait(timeout=20)
        return -number

    assert Store("mock://bucket/prefix").each(look, range(8)) == [-n for n in range(8)]
    threads = Store(str(tmp_path)).each(lambda _: threading.current_thread(), range(8))
    assert set(threads) == {threading.current_thread()}
