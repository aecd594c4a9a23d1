"""What every method of explanation has in common."""

from trainables import registry
from trainables.explain import METHODS


def test_the_configuration_names_the_methods_that_there_are() -> None:
    assert tuple(METHODS) == registry.METHODS
