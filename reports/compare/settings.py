"""What differs between groups of runs: configuration, images, software and hardware."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from reports import wording
from reports.compare.groups import SEEDS, Group, NamedRun, Row

_UNSAID = ("name", "store")
CONFIGURATION, DATA, SOFTWARE, HARDWARE = "configuration", "data", "software", "hardware"


def setting_rows(groups: Sequence[Group]) -> list[Row]:
    """One row for each setting that differs and each group: part, setting, group, value."""
    rows: list[Row] = []
    for part, described in (
        (CONFIGURATION, [_configuration(group) for group in groups]),
        (DATA, _data(groups)),
        (SOFTWARE, [_software(group.first) for group in groups]),
        (HARDWARE, [_hardware(group.first) for group in groups]),
    ):
        for name in dict.fromkeys(name for own in described for name in own):
            values = [own.get(name, "") for own in described]
            if len(set(values)) > 1:
                rows += [
                    {"part": part, "setting": name, "run": group.letter, "value": value}
                    for group, value in zip(groups, values, strict=True)
                ]
    return rows


def _configuration(group: Group) -> dict[str, str]:
    """The first run's settings; of the seeds, those of all repeats."""
    settings = {k: v for k, v in group.first.settings.items() if k not in _UNSAID}
    for key in SEEDS:
        values = dict.fromkeys(run.settings.get(key, "") for run in group.runs)
        settings[key] = ", ".join(filter(None, values))
    return settings


def _data(groups: Sequence[Group]) -> list[dict[str, str]]:
    """Counts of each group's images, and how they overlap with those of the first group."""
    reference = groups[0].first
    return [
        {
            "images used": wording.count(len(group.first.images)),
            "images excluded": wording.count(_of_data(group.first, "excluded")),
            f"images that {groups[0].letter} has too": _shared(group.first, reference),
            f"of these, with another class than in {groups[0].letter}": wording.count(
                _relabelled(group.first.images, reference.images)
            ),
            "independent groups": wording.count(len({own for _, own in group.first.groups})),
            **_classes(group.first),
        }
        for group in groups
    ]


def _classes(run: NamedRun) -> dict[str, str]:
    counts = Counter(run.images.values())
    return {f"images of {name}": wording.count(counts[name]) for name in sorted(counts)}


def _shared(run: NamedRun, reference: NamedRun) -> str:
    shared = len(run.images.keys() & reference.images.keys())
    return f"{wording.count(shared)} of {wording.count(len(run.images))}"


def _relabelled(images: Mapping[str, str], reference: Mapping[str, str]) -> int:
    return sum(reference.get(image_id, own) != own for image_id, own in images.items())


def _of_data(run: NamedRun, name: str) -> int:
    return int(run.run.info.get("data", {}).get(name, 0))


def _software(run: NamedRun) -> dict[str, str]:
    info = run.run.info
    versions: Mapping[str, Any] = info.get("versions", {})
    return {"commit": str(info.get("git_commit", "")), **{k: str(v) for k, v in versions.items()}}


def _hardware(run: NamedRun) -> dict[str, str]:
    about = run.run.info.get("hardware", {})
    gpus = about.get("gpus") or []
    return {
        "CPU": str(about.get("cpu", "")),
        "CPU cores": str(about.get("cores", "")),
        "GPUs": ", ".join(map(str, gpus)) or "none",
    }


def by_setting(rows: Sequence[Row]) -> Iterator[tuple[str, str, dict[str, str]]]:
    """Part, setting, and its value by group, of the rows of the table `settings`."""
    found: dict[tuple[str, str], dict[str, str]] = {}
    for row in rows:
        found.setdefault((row["part"], row["setting"]), {})[row["run"]] = row["value"]
    for (part, setting), values in found.items():
        yield part, setting, values
