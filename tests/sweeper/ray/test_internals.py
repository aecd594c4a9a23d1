"""Every private name of Ray that the project uses is listed, and Ray still has it."""

from __future__ import annotations

import importlib
import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[3]
SOURCES = [
    path
    for package in ("datasets", "trainables", "sweeper", "reports")
    for path in (ROOT / package).rglob("*.py")
]
_ATTRIBUTE = re.compile(r"\bray(?:\.\w+)*\._\w+(?:\.\w+)*")
_IMPORT = re.compile(r"^from (ray[\w.]*) import ([^(\n]+|\([^)]*\))", re.MULTILINE)


def _private_names(text: str) -> set[str]:
    imported = {
        f"{module}.{name.strip()}"
        for module, names in _IMPORT.findall(text)
        for name in names.strip("()").split(",")
        if name.strip()
    }
    attributes = {name for name in _ATTRIBUTE.findall(text) if f"from {name}" not in text}
    return {name for name in imported | attributes if "._" in name}


def _documented() -> set[str]:
    page = (ROOT / "docs" / "explanation" / "reliability.md").read_text(encoding="utf-8")
    section = page.partition("## Reliance on Ray's internals")[2]
    return {name for name in re.findall(r"`(ray\.[\w.]+)`", section) if "._" in name}


def test_the_page_lists_the_private_names_that_the_sources_use_and_no_others() -> None:
    used = {name for path in SOURCES for name in _private_names(path.read_text(encoding="utf-8"))}
    assert {_completed(name) for name in used} == _documented()


def _completed(name: str) -> str:
    """`ray._private.worker`, held in a variable, is documented with the attribute that is used."""
    return next((one for one in _documented() if one.startswith(f"{name}.")), name)


@pytest.mark.parametrize("name", sorted(_documented()))
def test_ray_still_has_what_is_relied_on(name: str) -> None:
    module, _, attribute = name.rpartition(".")
    assert hasattr(importlib.import_module(module), attribute)


def test_a_private_name_is_found_however_it_is_written() -> None:
    text = "from ray.train._internal.x import (\n    A,\n    B,\n)\nray._private.worker.f()\n"
    assert _private_names(text) == {
        "ray.train._internal.x.A",
        "ray.train._internal.x.B",
        "ray._private.worker.f",
    }
