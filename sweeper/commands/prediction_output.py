"""The output of `predict`: text, JSON or CSV."""

from __future__ import annotations

import csv
import io
import json
import sys
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from datasets.splitting.policies import POLICIES
from sweeper.errors import StoreError, one_line
from sweeper.use.finished import FinishedRun

if TYPE_CHECKING:
    from sweeper.use.chosen import ChosenCell
    from sweeper.use.novelty import Threshold
    from sweeper.use.prediction import Drawing, Prediction


@dataclass(frozen=True)
class Answer:
    """All results; `drawings` is empty if no explanations were requested."""

    run: FinishedRun
    chosen: ChosenCell
    predictions: Sequence[Prediction]
    drawings: Sequence[Drawing | None]
    threshold: Threshold | None
    notes: Sequence[str]

    def drawing(self, number: int) -> Drawing | None:
        return self.drawings[number] if self.drawings else None

    def decision(self, name: str, probability: float) -> str:
        """'  at its operating point (41.0 % or more)', or '' if it is not reached."""
        for point in self.chosen.points:
            if point.label == name and point.threshold is not None:
                at = f"  at its operating point ({100 * point.threshold:.1f} % or more)"
                return at if point.is_reached(probability) else ""
        return ""

    def reached(self, prediction: Prediction) -> list[str]:
        """The classes whose operating point is reached."""
        from sweeper.use.operating_points import classes_reached  # imports the report's statistics

        pairs = zip(self.chosen.classes, prediction.probabilities, strict=True)
        return classes_reached(self.chosen.points, dict(pairs))

    @property
    def warnings(self) -> list[str]:
        """Caveats on the probabilities."""
        lines = []
        if self.run.config.weights_of(self.chosen.cell.backbone).is_random:
            lines.append("the backbone's weights are random: these probabilities mean little")
        if POLICIES[self.chosen.cell.split_policy].tests_copies:
            lines.append("its test accuracy was measured on images whose copies it was trained on")
        return [*lines, *self.notes]


def print_text(answer: Answer) -> None:
    """Print the classes of each image, the most probable first, and remarks."""
    print_summary(answer, sys.stdout)
    classes = answer.chosen.classes
    width = max(len(name) for name in classes)
    for number, prediction in enumerate(answer.predictions):
        if prediction.problem:
            continue
        print(f"\n{prediction.path}")
        pairs = zip(classes, prediction.probabilities, strict=True)
        for name, probability in sorted(pairs, key=lambda pair: -pair[1]):
            decision = answer.decision(name, probability)
            print(f"    {name:<{width}} {100 * probability:5.1f} %{decision}")
        for line in _remarks(answer, prediction):
            print(f"    {line}")
        if drawing := answer.drawing(number):
            note = "" if drawing.converged else ": its map did not converge and is left out"
            print(f"    explained in {drawing.path}{note}")


def print_summary(answer: Answer, stream: Any) -> None:
    """Print the chosen cell, how its thresholds were chosen, and the warnings."""
    print(answer.chosen.summary(), file=stream)
    if points := answer.chosen.points:
        print(f"operating points: chosen on validation by {points[0].rule}", file=stream)
    for warning in answer.warnings:
        print(f"warning: {warning}", file=stream)


def print_problems(predictions: Sequence[Prediction]) -> None:
    """Print a line on standard error for each unreadable file."""
    for prediction in predictions:
        if prediction.problem:
            line = one_line(f"image {str(prediction.path)!r}: {prediction.problem}")
            print(f"error: {line}", file=sys.stderr)


def print_json(answer: Answer) -> None:
    """Print all results as JSON."""
    chosen, interval = answer.chosen, answer.chosen.interval
    results = {
        "cell": chosen.cell.id,
        "trial": chosen.spec.key,
        "test_accuracy": chosen.row["accuracy"],
        "test_accuracy_interval": [interval.low, interval.high] if interval else None,
        "test_rows": chosen.row["n_test"],
        "val_accuracy": chosen.row["val_accuracy"],
        "temperature": chosen.temperature,
        "operating_points": [asdict(point) for point in chosen.points],
        "unlike_threshold": asdict(answer.threshold) if answer.threshold else None,
        "warnings": answer.warnings,
        "images": [_as_json(answer, number) for number in range(len(answer.predictions))],
    }
    print(json.dumps(results, indent=1))


def write_csv(answer: Answer, target: str) -> None:
    """Write one row per image to a file or, for "-", to standard output.

    Raises StoreError if the file cannot be written.
    """
    text = io.StringIO(newline="")
    names = answer.chosen.classes
    head = ["path", "predicted", "probability", *(f"p({name})" for name in names)]
    head += [
        "at_operating_point",
        "known",
        "known_path",
        "known_part",
        "distance",
        "unlike",
        "explanation",
        "problem",
    ]
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(head)
    writer.writerows(_csv_row(answer, number) for number in range(len(answer.predictions)))
    if target == "-":
        print_summary(answer, sys.stderr)
        print(text.getvalue(), end="")
        return
    try:
        Path(target).write_text(text.getvalue(), encoding="utf-8", newline="")
    except OSError as error:
        raise StoreError(f"--csv '{target}': cannot be written to ({error.strerror})") from None
    print_summary(answer, sys.stdout)
    predicted = sum(not prediction.problem for prediction in answer.predictions)
    print(f"{predicted} of {len(answer.predictions)} images: {target}")


def _remarks(answer: Answer, prediction: Prediction) -> list[str]:
    lines = []
    if prediction.known:
        lines.append(f"known to the run: {prediction.known}")
    if prediction.is_far and answer.threshold:
        lines.append(
            f"unlike all training images: feature distance {prediction.distance:.2f}, "
            f"{answer.threshold}"
        )
    return lines


def _as_json(answer: Answer, number: int) -> dict[str, Any]:
    prediction, drawing = answer.predictions[number], answer.drawing(number)
    if prediction.problem:
        return {"path": str(prediction.path), "problem": prediction.problem}
    names = answer.chosen.classes
    return {
        "path": str(prediction.path),
        "predicted": names[prediction.best],
        "probabilities": dict(zip(names, prediction.probabilities, strict=True)),
        "at_operating_point": answer.reached(prediction) if answer.chosen.points else None,
        "known": asdict(prediction.known) if prediction.known else None,
        "distance": prediction.distance,
        "unlike": prediction.is_far if answer.threshold else None,
        "explanation": str(drawing.path) if drawing else None,
        "explanation_converged": drawing.converged if drawing else None,
    }


def _csv_row(answer: Answer, number: int) -> list[Any]:
    prediction, drawing = answer.predictions[number], answer.drawing(number)
    names, known = answer.chosen.classes, prediction.known
    if prediction.problem:
        return [prediction.path, *[""] * (len(names) + 9), prediction.problem]
    copy = (known.how, known.path, known.part) if known else ("", "", "")
    distance = "" if prediction.distance is None else f"{prediction.distance:.4f}"
    unlike = "" if answer.threshold is None else str(prediction.is_far).lower()
    scores = [f"{probability:.6f}" for probability in prediction.probabilities]
    checks = [
        ";".join(answer.reached(prediction)),
        *copy,
        distance,
        unlike,
        drawing.path if drawing else "",
        "",
    ]
    best = prediction.best
    return [prediction.path, names[best], scores[best], *scores, *checks]
