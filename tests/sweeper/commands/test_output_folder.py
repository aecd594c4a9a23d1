"""No run and no audit silently overwrites another one's output."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

import pytest

from sweeper.commands.output_folder import audit_folder, resolved_path, run_folder
from sweeper.config.load import load_config
from sweeper.config.run_paths import started_in
from sweeper.config.schema import Config
from sweeper.errors import StoreError


@pytest.fixture(autouse=True)
def _here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


def finish(folder: Path, name: str, about: dict[str, Any]) -> None:
    (folder / "results").mkdir(parents=True)
    (folder / "results" / name).write_text(json.dumps(about))


def finish_run(config: Config, folder: Path) -> None:
    about = {"config": config.model_dump(mode="json"), "paths": started_in(folder)}
    finish(folder, "run.json", about)


def finish_audit(path: str, folder: Path) -> None:
    finish(folder, "audit.json", {"folder": resolved_path(path)})


def smoke(path: str = "", *more: str) -> Config:
    return load_config("smoke", [*([f"data.path={path}"] if path else []), *more])


def test_audits_of_two_folders_of_one_name_get_separate_folders() -> None:
    said: list[str] = []
    assert audit_folder("a/images/", None) == Path("runs/audit-images")
    finish_audit("a/images", Path("runs/audit-images"))
    assert audit_folder("b/images", None, said.append) == Path("runs/audit-images-2")
    assert "runs/audit-images contains an audit of other images" in said[0]
    finish_audit("b/images", Path("runs/audit-images-2"))
    assert audit_folder("c/images", None, said.append) == Path("runs/audit-images-3")


def test_the_same_folder_replaces_its_own_audit_however_it_is_spelled() -> None:
    finish_audit("a/images", Path("runs/audit-images"))
    finish_audit("b/images", Path("runs/audit-images-2"))
    for spelling in ("b/images", "./a/../b/images/", str(Path("b/images").resolve())):
        assert audit_folder(spelling, None, lambda _: None) == Path("runs/audit-images-2")


def test_runs_of_one_name_on_other_images_get_separate_folders_and_reuse_them() -> None:
    finish_run(smoke(), Path("runs/smoke"))
    assert run_folder(smoke("", "grid.seeds=[0, 1]"), None) == Path("runs/smoke")
    said: list[str] = []
    assert run_folder(smoke("bones"), None, said.append) == Path("runs/smoke-2")
    assert said == [
        "runs/smoke contains a run of other images (drawn radiographs); writing to runs/smoke-2"
    ]
    finish_run(smoke("bones"), Path("runs/smoke-2"))
    assert run_folder(smoke(str(Path("bones").resolve())), None, said.append).name == "smoke-2"


def test_a_folder_given_by_out_is_used_and_its_replaced_content_reported() -> None:
    finish_run(smoke("bones"), Path("mine"))
    said: list[str] = []
    assert run_folder(smoke("hands"), Path("mine"), said.append) == Path("mine")
    bones = Path("bones").resolve()
    assert said == [f"mine contains a run of other images ({bones}), which is replaced"]


def test_a_run_and_an_audit_never_share_a_folder() -> None:
    finish_run(smoke(), Path("run"))
    finish_audit("images", Path("audit"))
    with pytest.raises(StoreError, match="--out 'audit': contains an audit; choose another folder"):
        run_folder(smoke(), Path("audit"))
    with pytest.raises(StoreError, match="--out 'run': contains a run; choose another folder"):
        audit_folder("images", Path("run"))


@pytest.mark.parametrize(
    "text", ["", "{}", "[]", '{"config": 3}', '{"config": {"augmentations": [1]}}']
)
def test_a_folder_with_an_unreadable_run_is_reused(text: str) -> None:
    (Path("runs/smoke/results")).mkdir(parents=True)
    Path("runs/smoke/results/run.json").write_text(text)
    assert run_folder(smoke(), None) == Path("runs/smoke")


def test_a_folder_behind_a_link_may_have_any_name() -> None:
    os.mkdir(b"M\xfcller")
    os.symlink(b"M\xfcller", "plain")
    assert resolved_path("plain").endswith("/M\\xfcller")


def test_another_column_of_labels_is_another_run(tmp_path: Path) -> None:
    labels = "data.labels=labels.csv"
    finish_run(smoke("images", labels, "data.label=age"), Path("runs/smoke"))
    assert run_folder(smoke("images", labels, "data.label=age"), None) == Path("runs/smoke")
    for other in (smoke("images"), smoke("images", labels, "data.label=sex")):
        assert run_folder(other, None, lambda text: None) == Path("runs/smoke-2")
