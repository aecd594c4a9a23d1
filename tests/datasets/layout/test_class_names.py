"""Folders of one class."""

import unicodedata

import pytest

from datasets.layout.class_names import class_key, classes_of, spelled_alike


def test_sibling_folders_are_separate_classes() -> None:
    assert classes_of([["A", "a", "b"]]) == [["A", "a", "b"]]
    assert classes_of([["A", "a"], ["A", "a"], ["a"]]) == [["A", "a"], ["A", "a"], ["a"]]


@pytest.mark.parametrize("other", ["Two Words", "two_words", "two  words ", "two-words"])
def test_spellings_in_two_layers_are_one_class_named_as_in_the_first(other: str) -> None:
    assert classes_of([["two words", "x"], [other, "x"]]) == [["two words", "x"]] * 2


def test_unicode_forms_are_one_class_even_as_siblings() -> None:
    composed, apart = (unicodedata.normalize(form, "é") for form in ("NFC", "NFD"))
    assert classes_of([[apart, composed]]) == [[composed, composed]]


def test_an_ambiguous_spelling_is_a_separate_class() -> None:
    assert classes_of([["A", "a"], ["a", "Á"]]) == [["A", "a"], ["a", "Á"]]
    assert classes_of([["ab"], ["AB", "Ab"]]) == [["ab"], ["ab", "Ab"]]


def test_plus_and_minus_signs_are_not_hyphens() -> None:
    assert class_key("-1") != class_key("1")
    assert class_key("grade-1") == class_key("Grade 1")
    assert spelled_alike(["-1", "1", "x_y", "X y"]) == [["X y", "x_y"]]
