"""Facts on the models: architecture, weights, training, selection, and how to run them again."""

from __future__ import annotations

from typing import Any

from reports import wording
from reports.axes import AXES, Role
from reports.checklists.fillers.registry import Fact, Subject, fills
from reports.compare.groups import flat

_DESIGN = "the program"


@fills
def technology(of: Subject) -> list[Fact]:
    """The kind of models."""
    return [Fact(f"Deep learning: image classifiers ({_listed(of.run.backbones)})", "cells")]


@fills
def factors(of: Subject) -> list[Fact]:
    """What the experiment compares."""
    cells = of.run.cells
    levels = {
        axis.title: list(dict.fromkeys(str(row[axis.name]) for row in cells))
        for axis in AXES
        if axis.role is Role.FACTOR
    }
    text = "; ".join(f"{title}: {_listed(names)}" for title, names in levels.items())
    return [Fact(f"{wording.plural(len(cells), 'cell')} that cross {text}", "cells")]


@fills
def architecture(of: Subject) -> list[Fact]:
    """The network of the best model, and its head."""
    if of.best is None:
        return []
    about = _backbone(of)
    facts = []
    if about:
        facts.append(
            Fact(
                f"{of.best['backbone']} (timm {about['timm_name']}), "
                f"{wording.millions(about['parameters'])} parameters without the head; fine-tuning "
                f"trains {about['suffix']}",
                "run.json",
            )
        )
    hidden = of.best.get("hidden")
    if hidden:
        text = f"Head: hidden layers {hidden}, then {wording.plural(len(of.classes), 'output')}"
        facts.append(Fact(text, "cells"))
    return facts


@fills
def weights(of: Subject) -> list[Fact]:
    """The weights that training started from."""
    about = of.run.info.get("backbones", {})
    notes = [f"{name}: {one.get('weights_note', '?')}" for name, one in about.items()]
    return [Fact("; ".join(notes), "run.json")] if notes else []


@fills
def software(of: Subject) -> list[Fact]:
    """Versions of the libraries."""
    versions = of.run.info.get("versions", {})
    text = ", ".join(f"{name} {version}" for name, version in versions.items())
    return [Fact(text, "run.json")] if text else []


@fills
def hardware(of: Subject) -> list[Fact]:
    """The machine."""
    about = of.run.info.get("hardware", {})
    if not about:
        return []
    gpus = ", ".join(about.get("gpus") or []) or "no GPU"
    text = f"{about.get('cpu', 'unknown CPU')}, {about.get('cores')} cores, {gpus}"
    return [Fact(f"{text}, {wording.size(about.get('memory_bytes'))} memory", "run.json")]


@fills
def training(of: Subject) -> list[Fact]:
    """The search space, and the settings of the best model."""
    search = flat(of.config.get("search", {}))
    facts = []
    if search:
        text = ", ".join(f"{name} {value}" for name, value in search.items() if value)
        facts.append(Fact(f"Search: {text}", "run.json"))
    if of.best is not None and of.best["epochs"] is not None:
        drawn = ", ".join(
            f"{title} {wording.setting(of.best[name])}"
            for name, title in of.run.hyperparameters.items()
            if of.best.get(name) is not None
        )
        facts.append(
            Fact(
                f"The best model trained {wording.plural(int(of.best['epochs']), 'epoch')} "
                f"({wording.count(of.best['steps'])} steps) and kept epoch "
                f"{of.best['best_epoch']}{'; ' + drawn if drawn else ''}",
                "cells",
            )
        )
    return facts


@fills
def augmentation(of: Subject) -> list[Fact]:
    """The augmentations of the run."""
    about: dict[str, Any] = of.run.info.get("augmentations", {})
    facts = []
    for name, settings in about.items():
        text = ", ".join(f"{key} {value}" for key, value in flat(settings).items() if value)
        facts.append(Fact(f"Augmentation {name}: {text}", "run.json"))
    return facts


@fills
def trials(of: Subject) -> list[Fact]:
    """How many models were trained."""
    states = of.table("trials").drop_duplicates("trial")["state"].value_counts()
    counts = ", ".join(f"{int(states[name])} {name}" for name in sorted(states.index))
    return [Fact(f"{wording.plural(int(states.sum()), 'trial')}: {counts}", "trials")]


@fills
def selection(of: Subject) -> list[Fact]:
    """How the best model was chosen."""
    if of.headline is None or of.best is None:
        return []
    metric = of.run.metric
    return [
        Fact(
            f"Of {wording.plural(of.headline.of, 'configuration')}, the one that is best on "
            f"validation ({metric.title}: {wording.score(metric, of.best['val_score'])}); of its "
            f"{wording.plural(int(of.best['trials']), 'draw')} of hyperparameters likewise",
            "cells",
        ),
        Fact("The test images took no part in the choice", _DESIGN),
    ]


@fills
def single_network(of: Subject) -> list[Fact]:
    """No ensemble is made."""
    return [Fact("No ensemble: one network predicts", _DESIGN)]


@fills
def pixels_only(of: Subject) -> list[Fact]:
    """What a model sees."""
    text = (
        "The models see pixels only: no name, no clinical information, no reference standard; "
        "nobody selects or measures predictors"
    )
    return [Fact(text, _DESIGN)]


@fills
def clean_training(of: Subject) -> list[Fact]:
    """Which rows are used for what."""
    return [
        Fact(
            "Training rows fit the weights, validation rows choose epoch, hyperparameters and "
            "temperature, test rows are predicted once by the chosen model; preprocessing treats "
            "every image by itself",
            _DESIGN,
        )
    ]


@fills
def output(of: Subject) -> list[Fact]:
    """What the model gives, and what is done with it."""
    facts = [
        Fact(
            f"A probability for each of {wording.plural(len(of.classes), 'class')}; the most "
            "probable class is the answer, without a cut-off and without an indeterminate result",
            "run.json",
        )
    ]
    return [*facts, *temperature(of)]


@fills
def temperature(of: Subject) -> list[Fact]:
    """The recalibration."""
    if of.best is None or of.best["temperature"] is None:
        return []
    value = wording.decimal(of.best["temperature"], 2)
    return [
        Fact(
            f"Probabilities are recalibrated with temperature {value}, fitted on validation rows",
            "cells",
        )
    ]


@fills
def unfamiliar(of: Subject) -> list[Fact]:
    """What `predict` does with images that cannot be used."""
    text = (
        "predict refuses files that cannot be read, and warns of images unlike the training images "
        "and of images that the model was trained on"
    )
    return [Fact(text, _DESIGN)]


@fills
def command(of: Subject) -> list[Fact]:
    """The command that repeats the run."""
    found = of.run.info.get("command")
    return [Fact(f"Reproduce with: {found}", "run.json")] if found else []


@fills
def code(of: Subject) -> list[Fact]:
    """The version of the program."""
    commit = of.run.info.get("git_commit")
    return [Fact(f"Version of the program: commit {commit}", "run.json")] if commit else []


@fills
def files(of: Subject) -> list[Fact]:
    """What can be handed on."""
    predictions = of.table("predictions")
    return [
        Fact(
            f"All {wording.plural(len(predictions), 'prediction')} on test rows are stored with "
            "their probabilities",
            "predictions",
        ),
        Fact("sweep.py export writes the model with its preprocessing and a model card", _DESIGN),
    ]


def _backbone(of: Subject) -> dict[str, Any]:
    assert of.best is not None
    found: dict[str, Any] = of.run.info.get("backbones", {}).get(of.best["backbone"], {})
    return found


def _listed(names: list[str]) -> str:
    return wording.listed(names)
