"""`sweep.py store`: contents, damage and leftovers of a store."""

import os
import time
from collections.abc import Callable
from pathlib import Path

import pytest
import yaml

from sweeper.cli import main
from sweeper.config.load import load_config
from sweeper.plan.artifacts import explanation
from sweeper.plan.collect import collect
from sweeper.plan.ledger import Ledger
from sweeper.plan.plan import Plan
from sweeper.store import address as address_module
from sweeper.store.artifact import key_of
from sweeper.store.store import Store
from tests.sweeper.by_hand import evaluate, record
from tests.sweeper.conftest import Bucket
from tests.sweeper.folders import write_config, write_images

Say = Callable[..., tuple[int, list[str]]]


@pytest.fixture
def say(capsys: pytest.CaptureFixture[str]) -> Say:
    """Runs `store ARGUMENTS`; returns the exit code and the printed lines."""

    def run(*arguments: str) -> tuple[int, list[str]]:
        capsys.readouterr()
        code = main(["store", *arguments])
        captured = capsys.readouterr()
        return code, (captured.out + captured.err).splitlines()

    return run


@pytest.fixture(params=["local", "s3"])
def store(request: pytest.FixtureRequest, tmp_path: Path, s3_bucket: Bucket) -> Store:
    return Store(str(tmp_path / "store") if request.param == "local" else s3_bucket())


def write(store: Store, kind: str, name: str, data: bytes = b"0123456789") -> str:
    made_from = {"name": name}
    with store.writing(kind, made_from) as folder:
        store.write_file(f"{folder}/file", data)
    return key_of(made_from)


def leave_behind(store: Store, kind: str, name: str) -> str:
    """Leave files like a killed writer."""
    folder = f"{store.root}/{kind}/{key_of({'name': name})}/0123456789ab"
    store.filesystem.create_dir(folder, recursive=True)
    store.write_file(f"{folder}/file", b"half of it")
    return folder


def age(store: Store, hours: float) -> None:
    """Make all files of a local store this old."""
    then = time.time() - hours * 3600
    for path in Path(store.root).rglob("*"):
        os.utime(path, (then, then))


def test_list_counts_artifacts_and_bytes_by_kind(store: Store, say: Say) -> None:
    write(store, "splits", "one")
    write(store, "trials", "two", b"x" * 1500)
    write(store, "trials", "three", b"x" * 500)
    leave_behind(store, "trials", "four")
    code, lines = say("list", store.address)
    assert code == 0
    assert [line.split()[:4] for line in lines[1:]] == [
        ["splits", "1", "10", "B"],
        ["trials", "2", "2.0", "kB"],
        ["left", "over", "1", "10"],
    ]
    assert time.strftime("%Y-%m-%d", time.localtime()) in lines[1]


def test_a_whole_store_verifies(store: Store, say: Say) -> None:
    write(store, "splits", "one")
    code, lines = say("verify", store.address)
    assert code == 0
    assert lines[-1].startswith("1 artifacts, 10 B compared in ")
    assert lines[-1].endswith(": 0 damaged, 0 left over or quarantined")


@pytest.mark.parametrize("action", ["list", "verify"])
def test_a_read_only_command_does_not_write_to_the_store(
    store: Store, say: Say, monkeypatch: pytest.MonkeyPatch, action: str
) -> None:
    write(store, "splits", "one")
    monkeypatch.setattr(address_module, "_opened", {})
    monkeypatch.setattr(address_module, "_check_writable", lambda *_: 1 / 0)
    assert say(action, store.address)[0] == 0


def test_verify_lists_damage_and_leftovers_and_changes_nothing(store: Store, say: Say) -> None:
    write(store, "trials", "whole")
    keys = [write(store, "trials", name) for name in ("altered", "short", "unreadable")]
    altered, short = (store.get("trials", key) for key in keys[:2])
    store.write_file(f"{altered.folder}/file", b"0123456780")
    store.write_file(f"{short.folder}/file", b"012345678")
    store.write_file(f"{store.root}/trials/{keys[2]}/artifact.json", b"{")
    left = leave_behind(store, "trials", "left")
    for _ in range(2):
        code, lines = say("verify", store.address, "--older-than", "0")
        assert code == 1
        damaged = {line.split()[1].strip(":").removeprefix("trials/"): line for line in lines[:3]}
        assert set(damaged) == set(keys)
        assert "has changed since it was written" in damaged[keys[0]]
        assert "has 9 bytes instead of 10" in damaged[keys[1]]
        assert "cannot be read" in damaged[keys[2]]
        over = [line for line in lines if line.startswith("left over")]
        assert [left.removeprefix(f"{store.root}/") in line for line in over] == [True, False]
        assert lines[-1].endswith("3 damaged, 2 left over or quarantined")


def test_files_of_an_active_writer_are_not_a_problem_and_never_pruned(
    store: Store, say: Say
) -> None:
    with store.writing("trials", {"name": "at work"}) as folder:
        store.write_file(f"{folder}/file", b"so far")
        code, lines = say("verify", store.address)
        assert code == 0
        assert lines[0].startswith("in use")
        assert say("prune", store.address, "--yes") == (0, ["nothing to prune"])
    assert store.verified("trials", key_of({"name": "at work"}))


def test_prune_shows_and_with_yes_removes_leftovers_of_killed_runs(
    tmp_path: Path, say: Say
) -> None:
    store = Store(str(tmp_path))
    whole = write(store, "trials", "whole")
    write(store, "trials", "whole", b"in its place")
    left = leave_behind(store, "trials", "left")
    damaged = store.get("splits", write(store, "splits", "damaged"))
    store.write_file(f"{damaged.folder}/file", b"")
    assert store.find("splits", damaged.key) is None
    age(store, 25)
    before = sorted(tmp_path.rglob("*"))
    code, lines = say("prune", str(tmp_path))
    assert (code, sorted(tmp_path.rglob("*"))) == (0, before)
    assert [line.split()[:-2] for line in lines[:2]] == [  # without the size
        ["quarantined", "1"],
        ["left", "over", "2"],
    ]
    assert lines[-1].endswith("can be deleted; nothing is deleted without --yes")

    assert say("prune", str(tmp_path), "--yes")[0] == 0
    assert not Path(left).parent.exists()
    assert not (tmp_path / "damaged" / "splits").exists()
    assert len(list((tmp_path / "trials" / whole).iterdir())) == 2
    kept = store.verified("trials", whole)
    assert kept is not None
    assert store.read(kept, "file") == b"in its place"


def test_prune_on_s3(s3_bucket: Bucket, say: Say) -> None:
    store = Store(s3_bucket())
    whole = write(store, "trials", "whole")
    leave_behind(store, "trials", "left")
    assert say("prune", store.address, "--older-than", "0", "--yes")[0] == 0
    assert say("verify", store.address, "--older-than", "0")[0] == 0
    assert store.verified("trials", whole)


@pytest.fixture
def two(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> tuple[str, str, Ledger, Ledger]:
    """Two configs that differ in image size, one store with trials of both, and their ledgers; no
    listing, however long this takes."""
    monkeypatch.setattr("sweeper.plan.listings.SETTLED_S", 3600.0)
    images = write_images(tmp_path / "images", {"a": 5, "b": 5})
    one = write_config(tmp_path, images)
    data = yaml.safe_load(Path(one).read_text())
    other = str(tmp_path / "other.yaml")
    Path(other).write_text(yaml.safe_dump({**data, "preprocess": {"image_size": 64}}))
    ledgers = []
    for path in (one, other):
        config = load_config(path)
        store = Store(config.store)
        ledger = Ledger(Plan(config, collect(config.data, store), store))
        for strategy in ("transfer", "finetune"):
            for cell in ledger.plan.cells:
                for spec in ledger.trials(cell) if cell.strategy == strategy else ():
                    record(ledger, spec, "done", 0.7)
        for cell in ledger.plan.cells:
            champion = ledger.champion(cell)
            assert champion is not None
            evaluate(ledger, champion)
            target = explanation(champion, ledger.plan.explanation_settings)
            with store.writing(*target.content) as made:
                store.write_file(f"{made}/examples.json", b"[]")
        ledgers.append(ledger)
    return one, other, ledgers[0], ledgers[1]


def test_prune_keeps_what_the_given_configs_use(
    two: tuple[str, str, Ledger, Ledger], say: Say
) -> None:
    one, other, mine, others = two
    age(mine.store, 25)
    assert say("prune", one, "--keep", one, other, "--yes") == (0, ["nothing to prune"])
    code, lines = say("prune", one, "--keep", one)
    assert code == 0
    assert [line.split()[:2] for line in lines[:-1]] == [
        ["trials", "8"],
        ["evaluations", "4"],
        ["explanations", "4"],
    ]
    assert all(others.is_settled(cell) for cell in others.plan.cells)

    assert say("prune", one, "--keep", one, "--yes")[0] == 0
    mine, others = Ledger(mine.plan), Ledger(others.plan)
    assert all(mine.is_settled(cell) for cell in mine.plan.cells)
    champions = filter(None, map(mine.champion, mine.plan.cells))
    assert all(mine.explanation(one) for one in champions)  # the leading ones' too
    assert not any(others.is_settled(cell) for cell in others.plan.cells)
    assert say("verify", one)[0] == 0


def test_prune_keeps_what_decoding_gave_and_lets_go_of_what_files_were_before(
    two: tuple[str, str, Ledger, Ledger],
    say: Say,
    decoded: list[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    one, other, mine, _ = two
    monkeypatch.setattr("sweeper.plan.listings.SETTLED_S", -3600.0)
    data, store = mine.plan.config.data, mine.store
    images = write_images(Path(str(data.path)), {"a": 7})
    collect(data, store)
    (images / "a" / "6.png").unlink()
    before = [kind for kind, _ in collect(data, store).artifacts]
    assert before == ["listings", "descriptions", "descriptions"]
    age(store, 25)
    decoded.clear()
    code, lines = say("prune", one, "--keep", one, other, "--yes")
    assert code == 0
    assert ["listings", "1"] in [line.split()[:2] for line in lines]
    assert "descriptions" not in " ".join(lines)
    assert len(collect(data, store).images) == 11
    assert decoded == []
    assert say("verify", one)[0] == 0


def test_prune_keeps_what_would_be_referred_to_once_a_lost_trial_is_back(
    two: tuple[str, str, Ledger, Ledger], say: Say
) -> None:
    one, other, mine, _ = two
    store, cell = mine.store, next(c for c in mine.plan.cells if c.strategy == "transfer")
    lost = mine.trials(cell)[0]
    store.filesystem.delete_dir(store.get("trials", lost.key).folder)
    age(store, 25)
    say("prune", one, "--keep", one, other, "--yes")
    record(mine, lost, "done", 0.7)
    mine = Ledger(mine.plan)
    assert all(mine.is_settled(cell) for cell in mine.plan.cells)


def test_recently_written_files_are_kept(two: tuple[str, str, Ledger, Ledger], say: Say) -> None:
    one, _, _, others = two
    assert say("prune", one, "--keep", one, "--yes") == (0, ["nothing to prune"])
    assert all(others.is_settled(cell) for cell in others.plan.cells)


@pytest.mark.parametrize("action", ["list", "verify", "prune"])
def test_an_invalid_store_is_reported_in_one_line(
    say: Say, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, action: str
) -> None:
    monkeypatch.chdir(tmp_path)
    code, lines = say(action, "nowhere")
    assert code == 2
    assert lines == ["error: store 'nowhere': no such folder, config or run folder"]
    assert list(tmp_path.iterdir()) == []
