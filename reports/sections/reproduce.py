"""Everything needed to reproduce the run."""

from __future__ import annotations

import shlex
from dataclasses import dataclass
from typing import Any

import yaml

from reports import wording
from reports.arithmetic import arithmetic_lines
from reports.run import Run, records
from reports.sections.section import of_run


@dataclass(frozen=True)
class Model:
    name: str
    timm_name: str
    weights: str
    note: str
    random: bool
    suffix: str
    parameters: str
    suffix_parameters: str
    feature_dim: str
    prefix_shape: str


@dataclass(frozen=True)
class Hash:
    """A hash and the name of its object."""

    what: str
    key: str


@dataclass(frozen=True)
class Reproduction:
    determined: str  # what another run of the configuration shares with this one
    command: str
    config: str
    facts: list[tuple[str, str]]
    versions: list[tuple[str, str]]
    models: list[Model]
    scenarios: list[tuple[str, str]]
    steps: list[tuple[str, str]]  # what it does, command
    splits: list[Hash]
    artifacts: list[Hash]
    champions: int


def _determined(run: Run) -> str:
    """A paragraph on what another run of the same configuration shares with this one."""
    trials = (
        "Every trial is determined by the configuration, the images and the seeds, except for "
        "timings and for rounding differences between processors. On a GPU, repeated trials agree "
        "to rounding only."
    )
    if run.info.get("config", {}).get("search", {}).get("scheduler") == "none":
        return (
            f"{trials} No trial is stopped early, so a repeated or resumed run has the same tables."
        )
    return (
        f"{trials} Which trials ASHA stops early also depends on which trials run concurrently, so "
        "a repeated or resumed run may select a different champion in a cell."
    )


def reproduction_of(run: Run) -> Reproduction:
    """Everything from run.json, in words."""
    info = run.info
    return Reproduction(
        determined=_determined(run),
        command=info.get("command", ""),
        config=yaml.safe_dump(
            info.get("config", {}), sort_keys=False, allow_unicode=True, width=96
        ),
        facts=[(name, text) for name, text in _facts(run) if text],
        versions=sorted((str(k), str(v)) for k, v in info.get("versions", {}).items()),
        models=[_model(name, about) for name, about in info.get("backbones", {}).items()],
        scenarios=[(name, ", ".join(names)) for name, names in info.get("scenarios", {}).items()],
        steps=_steps(info),
        splits=_splits(run),
        artifacts=[
            Hash(f"{one['kind']} {one['backbone']}".strip(), one["key"])
            for one in info.get("artifacts", [])
        ],
        champions=run.tables["cells"]["champion"].dropna().nunique(),
    )


def _steps(info: dict[str, Any]) -> list[tuple[str, str]]:
    described = str(info.get("git_commit") or "")
    commit = described.removesuffix("+")
    is_clean = commit == described
    code = "Check out the code" if is_clean else "Check out the code (without uncommitted changes)"
    checkout = [(code, f"git checkout {commit}")] if commit else []
    return [
        *checkout,
        ("Install the packages at the versions below", "make setup && . .venv/bin/activate"),
        ("Run it; results already in the store are reused", info.get("command", "")),
        ("Rebuild this page and the tables from the store", _report(info.get("command", ""))),
    ]


def _report(command: str) -> str:
    """The command that rebuilds the report of what `command` ran."""
    words = shlex.split(command)
    if "--out" in words[:-1]:
        return f"python sweep.py report {shlex.quote(words[words.index('--out') + 1])}"
    return "python sweep.py report RUN"


def _splits(run: Run) -> list[Hash]:
    """Every split's hash, with its repeat and fold where there are several."""
    leaks = run.tables["leaks"]
    rows = records(leaks[leaks["part"] == "test"])
    rows.sort(
        key=lambda row: (
            run.policies.index(row["split_policy"]),
            run.scenarios.index(row["scenario"]),
            (row["augmented"], row["augmentation"]),
            *(row[name] for name in ("repeat", "fold")),
        )
    )
    several = [name for name in ("repeat", "fold") if name in run.repeated]
    return [
        Hash(
            ", ".join(
                [
                    row["split_policy"],
                    wording.scenario(row["scenario"]),
                    wording.augmentation(row["augmentation"]),
                    *(f"{name} {row[name]}" for name in several),
                ]
            ),
            row["split_key"],
        )
        for row in rows
    ]


def _facts(run: Run) -> list[tuple[str, str]]:
    info = run.info
    machine = info.get("hardware", {})
    gpus = [str(name) for name in machine.get("gpus", [])]
    return [
        ("git commit", str(info.get("git_commit") or "")),
        ("data", str(info.get("data", {}).get("manifest_hash") or "")),
        ("training seeds", ", ".join(str(seed) for seed in info.get("seeds", []))),
        ("started", str(info.get("started") or "")),
        ("ended", str(info.get("ended") or "")),
        ("processor", _processor(machine)),
        ("memory", wording.size(machine.get("memory_bytes"))),
        ("accelerators", ", ".join(gpus) or "none"),
        *((f"{title}: arithmetic", text) for title, text in arithmetic_lines(run)),
        ("platform", str(machine.get("platform") or "")),
        ("Python", str(machine.get("python") or "")),
    ]


def _processor(machine: dict[str, Any]) -> str:
    if not machine.get("cpu"):
        return ""
    return f"{machine['cpu']}, {wording.plural(int(machine.get('cores') or 0), 'core')}"


def _model(name: str, about: dict[str, Any]) -> Model:
    return Model(
        name=name,
        timm_name=about.get("timm_name", ""),
        weights=str(about.get("weights", "")),
        note=about.get("weights_note", ""),
        random=bool(about.get("random")),
        suffix=about.get("suffix", ""),
        parameters=wording.millions(about.get("parameters")),
        suffix_parameters=wording.millions(about.get("suffix_parameters")),
        feature_dim=wording.count(about.get("feature_dim")),
        prefix_shape="\u00d7".join(str(size) for size in about.get("prefix_shape", [])),
    )


SECTION = of_run(
    "reproduce",
    "Reproduce",
    "reproduce.html.j2",
    reproduction_of,
    "The same command on the same images resumes or repeats this run; the hash says whether the "
    "images are the same.",
)
