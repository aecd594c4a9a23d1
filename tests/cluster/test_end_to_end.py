"""`ray up`, `submit`, `down` on fake machines: minutes each, so only where it is asked for."""

import os

import pytest

from tests.cluster.machines import missing_tools
from tests.cluster.scenarios import SCENARIOS

pytestmark = [
    pytest.mark.ray,
    pytest.mark.skipif(
        not os.environ.get("SWEEPER_END_TO_END") or bool(missing_tools()),
        reason="set SWEEPER_END_TO_END=1, as root with iproute2, openssh-server and rsync",
    ),
]


@pytest.mark.parametrize("name", SCENARIOS)
def test_it_goes_the_whole_way(name: str) -> None:
    SCENARIOS[name]()
