"""The classes of a scenario are those of the data, however they are spelled."""

import unicodedata

import pytest

from datasets.errors import DataError
from sweeper.plan.scenarios import resolve_scenarios

CLASSES = ["Oblique fracture", "Spiral Fracture", "Hairline fracture"]


def test_classes_are_matched_without_regard_to_case_and_spelled_as_the_data_does() -> None:
    scenarios = {"1": ["spiral fracture", "OBLIQUE FRACTURE"]}
    assert resolve_scenarios(["1"], scenarios, CLASSES) == {
        "1": ["Spiral Fracture", "Oblique fracture"]
    }


def test_all_is_every_class_in_order_and_needs_no_definition() -> None:
    assert resolve_scenarios(["all"], {}, CLASSES) == {"all": CLASSES}


def test_a_class_is_meant_by_its_exact_name_or_by_the_only_spelling_of_it() -> None:
    classes = ["A", "B", "a", "two_words"]
    found = resolve_scenarios(["1"], {"1": ["a", "Two Words", "b"]}, classes)
    assert found == {"1": ["a", "two_words", "B"]}
    assert resolve_scenarios(["1"], {"1": ["a", "A"]}, classes) == {"1": ["a", "A"]}
    with pytest.raises(DataError, match="'ab' may be any of AB, Ab; give the exact name"):
        resolve_scenarios(["1"], {"1": ["ab", "x"]}, ["AB", "Ab"])


def test_only_wanted_scenarios_are_resolved() -> None:
    scenarios = {"1": CLASSES[:2], "2": ["of", "other data"]}
    assert list(resolve_scenarios(["1"], scenarios, CLASSES)) == ["1"]


def test_an_unknown_class_is_told_the_classes_and_the_nearest() -> None:
    with pytest.raises(DataError) as caught:
        resolve_scenarios(["1"], {"1": ["Spiral Fractures", "Oblique fracture"]}, CLASSES)
    message = str(caught.value)
    assert message.startswith("scenario '1': the data has no class 'Spiral Fractures'")
    assert "did you mean 'Spiral Fracture'?" in message
    assert message.endswith(", ".join(CLASSES))
    assert "\n" not in message


@pytest.mark.parametrize(
    ("wanted", "scenarios", "classes"),
    [("1", {"1": ["Spiral Fracture", "spiral fracture"]}, CLASSES), ("all", {}, CLASSES[:1])],
)
def test_a_scenario_of_one_class_is_refused(
    wanted: str, scenarios: dict[str, list[str]], classes: list[str]
) -> None:
    with pytest.raises(DataError, match="at least two classes"):
        resolve_scenarios([wanted], scenarios, classes)


def test_classes_are_matched_whatever_their_unicode_form() -> None:
    names = [unicodedata.normalize(form, "Brüche") for form in ("NFC", "NFD")]
    found = resolve_scenarios(["1"], {"1": [names[1], "Gesund"]}, [names[0], "gesund"])
    assert found == {"1": [names[0], "gesund"]}
