"""A run's name is a valid folder name on any machine, in any script."""

import pytest

from sweeper.config.load import load_config
from sweeper.config.paths import is_folder_name


@pytest.mark.parametrize(
    "name", ["x", "2024", "Überprüfung_3", "骨折 2", "العظام", "हड्डी", "a.b-c"]
)
def test_a_name_may_be_of_any_script(name: str) -> None:
    assert load_config("smoke", [f"name={name}"]).name == name


@pytest.mark.parametrize(
    "name", ["", ".", "..", "a/b", "a\\b", "a:b", "_a", "🦴", "x" * 101, "骨" * 70]
)
def test_a_name_is_a_valid_folder_name_everywhere(name: str) -> None:
    assert not is_folder_name(name)
