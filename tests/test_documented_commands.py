"""Commands, configuration keys and YAML examples of the documentation are valid."""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterator
from pathlib import Path
from typing import Any, get_args, get_origin

import pytest
import yaml

from sweeper.cli import _parser
from sweeper.config.load import load_audit_section, load_chosen_config, load_config
from sweeper.config.schema import Config

ROOT = Path(__file__).parents[1]
GENERATED = ROOT / "docs" / "reference" / "configuration.md"
HISTORY = ROOT / "CHANGELOG.md"  # names old keys
PAGES = sorted({*ROOT.glob("*.md"), *ROOT.glob("docs/**/*.md")} - {GENERATED, HISTORY})
COMMAND = re.compile(r"^[^#\n`]*\bsweep\.py (?:-- )?(\w[^\n]*)$", re.M)
KEY = re.compile(r"`(?:--set )?\"?([a-z_]+(?:\.[\w-]+)+)(?:=[^`]*)?`")
SETTING = re.compile(r"--set (\"[^\"\n]+\"|[\w.-]+=[^\s`]+)")
EXAMPLE = re.compile(r"(?:^    [^\n]*\n|^\n)+", re.M)


def _text(page: Path) -> str:
    return page.read_text(encoding="utf-8").replace("\\\n", " ")


def _commands(page: Path) -> Iterator[list[str]]:
    """The arguments of each complete command; those with options in brackets are templates."""
    for line in COMMAND.findall(_text(page)):
        words = shlex.split(re.sub(r" \.\.\.|\[--\w+\]", "", line), comments=True)
        if not any(word.startswith("[") for word in words):
            yield words


def _sections(page: Path) -> Iterator[dict[str, Any]]:
    """The indented blocks that are parts of a configuration."""
    for block in EXAMPLE.findall(_text(page)):
        first = re.match(r"\s*(\w+):(?= |$)", block, re.M)
        if first and first[1] in Config.model_fields:
            yield yaml.safe_load(block)


def _exists(key: str) -> bool:
    section: Any = Config
    for name in key.split("."):
        if get_origin(section) is dict:  # the user chooses its names
            section = get_args(section)[1]
        elif name in getattr(section, "model_fields", ()):
            section = section.model_fields[name].annotation
        else:
            return False
    return True


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_commands_parse_and_their_settings_are_valid(page: Path) -> None:
    for words in _commands(page):
        given = ["66" if word == "N" else word for word in words]
        options = _parser(given).parse_args(given)
        if words[0] in ("run", "plan"):
            load_chosen_config(options.config, options.overrides, lambda line: None)
        if words[0] == "audit":
            load_audit_section(options.folder, options.overrides)


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_settings_and_examples_are_valid(page: Path) -> None:
    for setting in SETTING.findall(_text(page)):
        override = setting.strip('"')
        if "..." not in override and _exists(override.partition("=")[0]):
            needed = ["split.file=split.csv"] if "[file]" in override else []
            needed += ["split.policies=[file]"] if "split.file=" in override else []
            load_config("default", ["data.path=images", override, *needed])
    for example in _sections(page):
        Config.model_validate({"name": "example", **example})


def test_keys_named_in_the_documentation_exist() -> None:
    named = {
        key
        for page in PAGES
        for key in [*KEY.findall(_text(page)), *re.findall(r"--set \"?([\w.-]+)=", _text(page))]
        if key.partition(".")[0] in Config.model_fields
    }
    assert {"data.group_by", "split.folds", "resources.workers_per_trial"} <= named
    assert [key for key in sorted(named) if not _exists(key)] == []


def test_a_page_with_many_commands_is_read_completely() -> None:
    commands = list(_commands(ROOT / "docs" / "getting-started" / "tutorial.md"))
    assert [words[0] for words in commands] == ["run", "audit", "plan", "run", "predict", "export"]
    assert list(_sections(ROOT / "docs" / "how-to" / "preprocessing-and-augmentation.md"))
    assert not _exists("split.fold")
