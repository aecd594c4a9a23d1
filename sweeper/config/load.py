"""Load a configuration from a YAML file and `--set key.path=value`; reports all errors at once."""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from sweeper.config.contradictions import contradictions
from sweeper.config.mistakes import mistake_line
from sweeper.config.paths import typed_path
from sweeper.config.schema import Config, DataSection
from sweeper.config.strict_yaml import NotYaml, parse
from sweeper.config.typed_values import typed_value
from sweeper.errors import ConfigError

SHIPPED = Path(__file__).resolve().parents[2] / "configs"
AUDIT_KEYS = (
    "data.group_by",
    "data.near_duplicates",
    "data.check_labels",
    "data.use_patient_id",
    "data.follow_links",
    "data.labels",
    "data.label",
    "data.image_column",
    "data.labels_unmatched",
)


def load_chosen_config(
    name: str | None, overrides: Sequence[str], say: Callable[[str], None] = print
) -> Config:
    """As `load_config`; without a name, `SWEEP_CONFIG` or else a shipped config.

    The shipped one is `default` if data.path is set, otherwise `demo`; a message says which.
    """
    name = name or os.environ.get("SWEEP_CONFIG")
    if name is None:
        name = "default" if _sets_data_path(overrides) else "demo"
        say(f"no CONFIG: using '{name}'")
    return load_config(name, overrides)


def load_config(name: str, overrides: Sequence[str] = ()) -> Config:
    """Load the config of a path or a shipped name, with `key.path=value` overrides.

    Raises ConfigError with all errors. See `typed_values` for the types of overrides.
    """
    data = _read_yaml(_find(name))
    lines = []
    for override in overrides:
        try:
            _apply(data, override)
        except ConfigError as error:
            lines += error.lines
    try:
        config = Config.model_validate(data)
    except ValidationError as error:
        raise ConfigError(lines + [mistake_line(details) for details in error.errors()]) from None
    lines += contradictions(config)
    if lines:
        raise ConfigError(lines)
    return config


def shipped(name: str) -> Config | None:
    """A shipped configuration as it is, with a data.path that is no folder where it needs one; None
    if there is none of that name."""
    path = SHIPPED / f"{name}.yaml"
    if not path.is_file():
        return None
    data = _read_yaml(path)
    if data.get("data", {}).get("source") == "folder":
        data["data"] = {"path": "?", **data["data"]}
    return Config.model_validate(data)


def load_audit_section(folder: str, overrides: Sequence[str] = ()) -> DataSection:
    """The data section of an audit, with overrides of `AUDIT_KEYS` only.

    Raises ConfigError with all errors.
    """
    data: dict[str, Any] = {}
    lines = []
    for override in overrides:
        try:
            _apply(data, override)
            key = override.partition("=")[0].strip()
            if key not in AUDIT_KEYS:
                lines.append(f"{key}: not a key of an audit; expected {', '.join(AUDIT_KEYS)}")
        except ConfigError as error:
            lines += error.lines
    if lines:
        raise ConfigError(lines)
    try:
        section = {"path": folder, **data.get("data", {})}
        return Config.model_validate({"name": "audit", "data": section}).data
    except ValidationError as error:
        raise ConfigError([mistake_line(details) for details in error.errors()]) from None


def _sets_data_path(overrides: Sequence[str]) -> bool:
    data: dict[str, Any] = {}
    for override in overrides:
        with suppress(ConfigError):  # reported when the config is loaded
            _apply(data, override)
    section = data.get("data")
    return isinstance(section, dict) and "path" in section


def _find(name: str) -> Path:
    path = typed_path(name)
    if path.suffix in {".yaml", ".yml"}:
        if not path.is_file():
            raise ConfigError([f"config '{name}': no such file"])
        return path
    shipped = sorted(file.stem for file in SHIPPED.glob("*.yaml"))
    if name not in shipped and path.is_dir():
        advice = f"to use its images, write --set data.path={name} and no config"
        raise ConfigError([f"config '{name}': a folder; {advice}"])
    if name not in shipped:
        raise ConfigError([f"config '{name}': expected a YAML file or one of {', '.join(shipped)}"])
    return SHIPPED / f"{name}.yaml"


def _read_yaml(path: Path) -> dict[str, Any]:
    try:
        data = parse(path.read_text(encoding="utf-8"))
    except NotYaml as error:
        raise ConfigError([f"config '{path}': {error}"]) from None
    except UnicodeDecodeError as error:
        raise ConfigError([f"config '{path}': not YAML in UTF-8: {error}"]) from None
    except OSError as error:
        raise ConfigError([f"config '{path}': cannot be read: {error.strerror}"]) from None
    if not isinstance(data, dict):
        raise ConfigError([f"config '{path}': expected key: value pairs"])
    return data


def _apply(data: dict[str, Any], override: str) -> None:
    path, equals, text = override.partition("=")
    keys = path.strip().split(".")
    if not equals or not all(keys):
        raise ConfigError([f"--set {override}: expected key.path=value"])
    try:
        value = typed_value(keys, text.lstrip())
    except ValueError as error:
        raise ConfigError([f"--set {override}: {error}"]) from None
    for key in keys[:-1]:
        if not isinstance(data.get(key), dict):
            data[key] = {}
        data = data[key]
    data[keys[-1]] = value
