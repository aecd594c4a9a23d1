"""Classes that a flip turns into one another are found by their names."""

import pytest

from datasets.findings.sides import opposite_classes


@pytest.mark.parametrize(
    ("classes", "found"),
    [
        (["left", "right"], [("horizontal", "left", "right")]),
        (["Left_Knee", "Right Knee", "Hip"], [("horizontal", "Left_Knee", "Right Knee")]),
        (["kneeL", "kneeR"], [("horizontal", "kneeL", "kneeR")]),
        (["lungLeftUpper", "lungRightUpper"], [("horizontal", "lungLeftUpper", "lungRightUpper")]),
        (["arrow-up", "arrow-down"], [("vertical", "arrow-up", "arrow-down")]),
        (["6", "9"], [("half turn", "6", "9")]),
        (["rot 0", "rot 180"], [("half turn", "rot 0", "rot 180")]),
        (["horizontal", "vertical"], [("quarter turn", "horizontal", "vertical")]),
        (["clockwise", "anticlockwise"], [("mirror", "clockwise", "anticlockwise")]),
        (["type B", "type D"], []),
        (["left", "normal"], []),
        (["left hip", "right knee"], []),
        (["bright", "cleft"], []),
        (["malignant", "benign"], []),
    ],
)
def test_opposite_classes_differ_in_one_word_only(
    classes: list[str], found: list[tuple[str, str, str]]
) -> None:
    assert list(opposite_classes(classes)) == found
    assert len(list(opposite_classes(classes[::-1]))) == len(found)
