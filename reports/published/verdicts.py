"""What the check of a table found, in words: one line for each row, and what they come to."""

from __future__ import annotations

from reports.published.consistency import Line
from reports.published.table_file import Audit, Copies, Teeth


def row_text(line: Line) -> str:
    """'row 6, resnet50: accuracy 0.9663 is impossible with n=66, ...'."""
    name = f"row {line.number}" + (f", {line.label}" if line.label else "")
    if line.findings:
        return f"{name}: {'; '.join(finding.text for finding in line.findings)}"
    if line.count is not None and line.accuracy:
        return f"{name}: accuracy {line.accuracy.text} is possible as {line.count}/{line.n_test}"
    why = "no n_test" if line.accuracy else "no accuracy"
    return f"{name}: nothing found, but {why} to check a count with"


def conclusions(audit: Audit) -> list[str]:
    """What was not checked, how strong the evidence is, whether copies explain it, and how many
    rows have findings."""
    texts = [teeth_text(one) for one in audit.teeth]
    if audit.copies:
        texts.append(copies_text(audit.copies))
    total = len(audit.lines)
    return [
        *audit.notes,
        *texts,
        f"{audit.findings} of {total} row{'s' * (total != 1)} cannot be as printed",
    ]


def teeth_text(teeth: Teeth) -> str:
    """How many rows the count rules out, and how much that test can see."""
    if teeth.share == 1:
        return (
            f"n={teeth.n_test}: so many rows, so few decimals: every printable value is possible, "
            "and counting can find nothing"
        )
    return (
        f"n={teeth.n_test}: {teeth.impossible} of {teeth.rows} impossible; a number made up at "
        f"random would be possible with a chance of {_percent(teeth.share)}"
    )


def copies_text(copies: Copies) -> str:
    """Which multiple of n fits, and whether chance could do that."""
    return (
        f"{copies.factor} x n fits {copies.fits} of the {copies.of} impossible rows, where chance "
        f"would fit {copies.expected:.1f} (p {_probability(copies.probability)}): the test set "
        f"held {copies.factor} rows for each image, or was that much larger than told"
    )


def _percent(share: float) -> str:
    return f"{100 * share:.1f} %" if share >= 0.0005 else f"{100 * share:.1g} %"


def _probability(value: float) -> str:
    return "below 1e-9" if value < 1e-9 else f"{value:.1g}"
