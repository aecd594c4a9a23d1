"""Each class of the headlines as CSV and LaTeX, and their misclassified images as CSV."""

from __future__ import annotations

from collections.abc import Iterator

from reports import wording
from reports.axes import TRAININGS
from reports.derived.operating_points import AT_THRESHOLD, SHARES
from reports.diagnoses import POINTS, ClassLine, Diagnoses, Figure, diagnoses, wrong_images
from reports.exports.latex import escape
from reports.exports.metrics import csv_text, number_text
from reports.exports.names import FileNames
from reports.run import Run

_NOTHING = Figure(None, None, 0, None)
_HEADINGS = {
    "sensitivity": "Sensitivity",
    "specificity": "Specificity",
    "ppv": "PPV",
    "npv": "NPV",
}


def diagnosis_files(run: Run) -> Iterator[tuple[str, str]]:
    """Names and contents, for every split policy and scenario."""
    names = FileNames()
    for one in diagnoses(run):
        name = names.make(one.headline.policy, one.headline.scenario)
        yield f"classes-{name}.csv", classes_csv(one)
        yield f"classes-{name}.tex", classes_latex(one, name)
        yield f"wrong-{name}.csv", wrong_csv(run, one)


def classes_csv(one: Diagnoses) -> str:
    """A row for each class as predicted and at its threshold; numbers 0..1 to six decimals."""
    head = ["class", "point", "threshold", "prevalence"]
    ends = ("", "_low", "_high", "_groups", "_groups_for_5_points")
    head += [f"{metric}{end}" for metric in one.metrics for end in ends]
    rows = []
    for point in POINTS:
        for line in one.lines[point]:
            row: list[object] = [line.label, point, number_text(line.threshold)]
            row += [number_text(one.prevalence.get(line.label))]
            for metric in one.metrics:
                row += _columns(line.figures.get(metric, _NOTHING))
            rows.append(row)
    return csv_text(head, rows)


def _columns(figure: Figure) -> list[object]:
    low = figure.interval.low if figure.interval else None
    high = figure.interval.high if figure.interval else None
    numbers = [number_text(one) for one in (figure.value, low, high)]
    return [*numbers, figure.groups, "" if figure.needed is None else figure.needed]


def wrong_csv(run: Run, one: Diagnoses) -> str:
    """A row for each misclassified test row, the most confident errors first."""
    head = ["path", "copy", "class", "predicted", "confidence", "probability_of_class", *TRAININGS]
    rows = [
        [
            *(image.path, image.copy, image.label, image.predicted),
            *(number_text(image.confidence), number_text(image.of_label)),
            *image.training,
        ]
        for image in wrong_images(run, one.headline)
    ]
    return csv_text(head, rows)


def classes_latex(one: Diagnoses, name: str) -> str:
    """A `table` environment of the classes at their operating point, in percent."""
    best = one.headline.best
    what = f"{best['backbone']}, {wording.recipe(best)}, {wording.scenario(one.headline.scenario)}"
    scope = wording.interval_scope({one.covers_trainings})
    caption = (
        f"{what}, {one.headline.policy} split: each class against the rest at the operating point "
        f"chosen on validation, in percent; small: 95 % intervals ({scope})."
    )
    lines = [
        r"% \usepackage{booktabs}",
        r"\begin{table}",
        r"  \centering\footnotesize\setlength{\tabcolsep}{2.5pt}",
        rf"  \caption{{{escape(caption)}}}",
        rf"  \label{{tab:classes-{name}}}\smallskip",
        rf"  \begin{{tabular}}{{lr{'r' * len(SHARES)}}}",
        r"    \toprule",
        rf"    Class & Images & {' & '.join(_HEADINGS[metric] for metric in SHARES)} \\",
        r"    \midrule",
        *(f"    {_latex_row(line)}" for line in one.lines[AT_THRESHOLD]),
        r"    \bottomrule",
        r"  \end{tabular}",
        r"\end{table}",
    ]
    return "\n".join(lines) + "\n"


def _latex_row(line: ClassLine) -> str:
    figures = [line.figures.get(metric, _NOTHING) for metric in SHARES]
    numbers = " & ".join(_latex_number(figure) for figure in figures)
    return rf"{escape(line.label)} & {figures[0].groups} & {numbers} \\"


def _latex_number(figure: Figure) -> str:
    if figure.value is None:
        return "---"
    text = f"{100 * figure.value:.1f}"
    if figure.interval is None:
        return text
    low, high = 100 * figure.interval.low, 100 * figure.interval.high
    return rf"{text} {{\scriptsize {low:.1f}--{high:.1f}}}"
