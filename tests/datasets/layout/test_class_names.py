"""Which folders are one class."""

import unicodedata

import pytest

from datasets.layout.class_names import class_key, classes_of, spelled_alike


def test_folders_beside_each_other_are_classes_of_their_own() -> None:
    assert classes_of([["A", "a", "b"]]) == [["A", "a", "b"]]
    assert classes_of([["A", "a"], ["A", "a"], ["a"]]) == [["A", "a"], ["A", "a"], ["a"]]


@pytest.mark.parametrize("other", ["Two Words", "two_words", "two  words ", "two-words"])
def test_spellings_in_two_layers_are_one_class_called_as_in_the_first(other: str) -> None:
    assert classes_of([["two words", "x"], [other, "x"]]) == [["two words", "x"]] * 2


def test_unicode_forms_are_one_class_beside_each_other_too() -> None:
    composed, apart = (unicodedata.normalize(form, "é") for form in ("NFC", "NFD"))
    assert classes_of([[apart, composed]]) == [[composed, composed]]


def test_a_spelling_that_fits_no_single_class_is_one_of_its_own() -> None:
    assert classes_of([["A", "a"], ["a", "Á"]]) == [["A", "a"], ["a", "Á"]]
    assert classes_of([["ab"], ["AB", "Ab"]]) == [["ab"], ["ab", "Ab"]]


def test_signs_are_no_hyphens() -> None:
    assert class_key("-1") != class_key("1")
    assert class_key("grade-1") == class_key("Grade 1")
    assert spelled_alike(["-1", "1", "x_y", "X y"]) == [["X y", "x_y"]]
