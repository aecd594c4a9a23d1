"""A paper's table in LaTeX, for `\\usepackage{booktabs}` and any text font."""

from __future__ import annotations

from reports import wording
from reports.exports.metrics import METRICS, Line, PaperTable, Value

_SPECIAL = {
    "\\": r"\textbackslash{}",
    "{": r"\{",
    "}": r"\}",
    "$": r"\$",
    "&": r"\&",
    "#": r"\#",
    "%": r"\%",
    "_": r"\_",
    "^": r"\textasciicircum{}",
    "~": r"\textasciitilde{}",
    "<": r"\textless{}",
    ">": r"\textgreater{}",
    "|": r"\textbar{}",
    '"': "''",
    "\u2026": r"\dots{}",
    "\u00b1": r"$\pm$",
    "\u2013": "--",
    "\u2014": "---",
    "\u2212": r"$-$",
    "\u00d7": r"$\times$",
    "\u2009": r"\,",
}
_HEADS = ("Accuracy", "Precision", "Recall", "F1")


def escape(text: str) -> str:
    """Text that LaTeX sets as it stands, on one line."""
    return "".join(_SPECIAL.get(character, character) for character in " ".join(text.split()))


def latex_table(table: PaperTable) -> str:
    """A `table` environment that fits a page of 12 cm; numbers in percent, 95 % intervals small
    behind them."""
    lines = [
        r"% \usepackage{booktabs}",
        r"\begin{table}",
        r"  \centering\footnotesize\setlength{\tabcolsep}{2.5pt}",
        rf"  \caption{{{_caption(table)}}}",
        rf"  \label{{tab:{table.name}}}\smallskip",
        r"  \begin{tabular}{llrrrr}",
        r"    \toprule",
        rf"    Backbone & Augm. & {' & '.join(_HEADS)} \\",
        r"    \midrule",
        *(f"    {_row(line)}" for line in table.lines),
        r"    \bottomrule",
        r"  \end{tabular}",
        r"\end{table}",
    ]
    return "\n".join(lines) + "\n"


def _caption(table: PaperTable) -> str:
    what = f"{wording.scenario(table.scenario)}, {wording.strategy(table.strategy)}"
    scope = wording.interval_scope({line.covers_trainings for line in table.lines if line.values})
    return escape(
        f"{what[0].upper()}{what[1:]}, {table.policy} split. Percent of the test set, averages "
        f"weighted by class size; small: 95 % intervals ({scope})."
    )


def _row(line: Line) -> str:
    names = f"{escape(line.backbone)} & {escape(line.augmentation)}"
    if not line.values:
        return rf"{names} & \multicolumn{{4}}{{c}}{{{escape(line.state)}}} \\"
    return f"{names} & {' & '.join(_number(line.values.get(one)) for one in METRICS)} \\\\"


def _number(value: Value | None) -> str:
    if value is None:
        return "---"
    text = f"{100 * value.value:.1f}"
    if value.interval is None:
        return text
    low, high = (f"{100 * end:.1f}" for end in (value.interval.low, value.interval.high))
    return rf"{text} {{\scriptsize {low}--{high}}}"
