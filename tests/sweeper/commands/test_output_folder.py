"""No run and no audit overwrites another one's output in silence."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

import pytest

from sweeper.commands.output_folder import audit_folder, place_of, run_folder
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
    finish(folder, "audit.json", {"folder": place_of(path)})


def smoke(path: str = "", *more: str) -> Config:
    return load_config("smoke", [*([f"data.path={path}"] if path else []), *more])


def test_audits_of_two_folders_of_one_name_get_a_folder_each() -> None:
    said: list[str] = []
    assert audit_folder("a/images/", None) == Path("runs/audit-images")
    finish_audit("a/images", Path("runs/audit-images"))
    assert audit_folder("b/images", None, said.append) == Path("runs/audit-images-2")
    assert "runs/audit-images holds an audit of other images" in said[0]
    finish_audit("b/images", Path("runs/audit-images-2"))
    assert audit_folder("c/images", None, said.append) == Path("runs/audit-images-3")


def test_the_same_folder_replaces_its_own_audit_however_it_is_spelled() -> None:
    finish_audit("a/images", Path("runs/audit-images"))
    finish_audit("b/images", Path("runs/audit-images-2"))
    for spelling in ("b/images", "./a/../b/images/", str(Path("b/images").resolve())):
        assert audit_folder(spelling, None, lambda _: None) == Path("runs/audit-images-2")


def test_runs_of_one_name_on_other_images_get_a_folder_each_and_find_it_again() -> None:
    finish_run(smoke(), Path("runs/smoke"))
    assert run_folder(smoke("", "grid.seeds=[0, 1]"), None) == Path("runs/smoke")
    said: list[str] = []
    assert run_folder(smoke("bones"), None, said.append) == Path("runs/smoke-2")
    assert said == [
        "runs/smoke holds a run of other images (drawn radiographs); this one's folder is "
        "runs/smoke-2"
    ]
    finish_run(smoke("bones"), Path("runs/smoke-2"))
    assert run_folder(smoke(str(Path("bones").resolve())), None, said.append).name == "smoke-2"


def test_a_folder_that_out_names_is_taken_and_what_it_held_is_told() -> None:
    finish_run(smoke("bones"), Path("mine"))
    said: list[str] = []
    assert run_folder(smoke("hands"), Path("mine"), said.append) == Path("mine")
    bones = Path("bones").resolve()
    assert said == [f"mine holds a run of other images ({bones}); it is replaced"]


def test_a_run_and_an_audit_never_share_a_folder() -> None:
    finish_run(smoke(), Path("run"))
    finish_audit("images", Path("audit"))
    with pytest.raises(StoreError, match="--out 'audit': holds an audit; give another folder"):
        run_folder(smoke(), Path("audit"))
    with pytest.raises(StoreError, match="--out 'run': holds a run; give another folder"):
        audit_folder("images", Path("run"))


@pytest.mark.parametrize("text", ["", "{}", "[]", '{"config": 3}'])
def test_a_folder_whose_run_cannot_be_read_is_free(text: str) -> None:
    (Path("runs/smoke/results")).mkdir(parents=True)
    Path("runs/smoke/results/run.json").write_text(text)
    assert run_folder(smoke(), None) == Path("runs/smoke")


def test_a_folder_behind_a_link_may_have_any_name() -> None:
    os.mkdir(b"M\xfcller")
    os.symlink(b"M\xfcller", "plain")
    assert place_of("plain").endswith("/M\\xfcller")
