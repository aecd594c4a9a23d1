"""`python -m tests.chaos --kills 40 --seed 1`: exit code 0 where every promise held."""

from __future__ import annotations

import argparse
import sys
import tempfile
from collections import Counter
from pathlib import Path

from tests.chaos.campaign import Campaign
from tests.chaos.driver import STAGES
from tests.chaos.kills import TARGETS, planned

_A_ROUND = 11  # kills, of the 22 pairs of a stage and a target


def main() -> int:
    options = _options()
    folder = Path(options.folder or tempfile.mkdtemp(prefix="sweeper-chaos-"))
    folder.mkdir(parents=True, exist_ok=True)
    with (folder / "chaos.log").open("a", encoding="utf-8") as log:

        def say(line: str) -> None:
            for stream in (sys.stdout, log):
                print(line, file=stream, flush=True)

        campaign = Campaign(folder, options.seed, say)
        run(campaign, options.kills)
        for line in summary(campaign):
            say(line)
    return 1 if campaign.wrong else 0


def run(campaign: Campaign, kills: int) -> None:
    """An unbroken run, then rounds until so many kills were made or a promise did not hold."""
    usual_s = campaign.unbroken()
    seed = campaign.seed
    while len(campaign.made) < kills and not campaign.wrong:
        wanted = planned(min(_A_ROUND, kills - len(campaign.made)), seed)
        campaign.round(f"round{seed}", wanted, usual_s)
        seed += 1


def summary(campaign: Campaign) -> list[str]:
    """Kills by stage and target, and what was seen."""
    lines = [f"{'':<12}" + "".join(f"{target:>8}" for target in TARGETS)]
    counts = Counter((kill.stage, kill.target) for kill in campaign.made)
    for stage in STAGES:
        lines.append(f"{stage:<12}" + "".join(f"{counts[stage, target]:>8}" for target in TARGETS))
    lines += [
        f"{len(campaign.made)} kills, {len(campaign.missed)} came too late for their stage",
        f"{campaign.starts} starts, {campaign.committed} trials committed",
        f"processes outlived a driver by at most {campaign.orphan_s:.1f} s",
        f"{campaign.poisoned} files of killed writers overwritten between the starts",
    ]
    return [*lines, *(f"WRONG: {line}" for line in campaign.wrong or ["nothing"])]


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m tests.chaos", description=__doc__)
    parser.add_argument("--kills", type=int, default=40)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--folder", help="where stores, runs and chaos.log go; kept")
    return parser.parse_args()


if __name__ == "__main__":
    sys.exit(main())
