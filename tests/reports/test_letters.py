"""Names in any script take the room that they need."""

from reports.figures.letters import shortened, width_of


def test_wide_letters_count_twice_and_accents_not_at_all() -> None:
    assert width_of("abc") == 3
    assert width_of("骨折") == 4
    assert width_of("e\u0301te\u0301") == 3


def test_a_name_is_cut_to_the_room_there_is() -> None:
    assert shortened("short", 5) == "short"
    assert shortened("longer", 5) == "long…"
    assert shortened("螺旋形骨折", 6) == "螺旋…"
    assert width_of(shortened("螺旋形骨折", 6)) <= 6
