"""The findings of the check of a table in words: one line for each row, and a summary."""

from __future__ import annotations

from reports.published.consistency import Line
from reports.published.evidence import Copies, Teeth
from reports.published.order import DOUBTFUL, Order, Ranking, rankings_of
from reports.published.table_file import Audit


def row_text(line: Line) -> str:
    """'row 6, resnet50: accuracy 0.9663 is impossible with n=66, ...'."""
    name = f"row {line.number}" + (f", {line.label}" if line.label else "")
    texts = [finding.text for finding in line.findings] or [_passed(line)]
    texts += [f"not checked: {text}" for text in line.unread]
    return f"{name}: {'; '.join(text for text in texts if text)}"


def _passed(line: Line) -> str:
    """The text for a row without findings."""
    accuracy = line.accuracy
    if not line.metrics:
        return "" if line.unread else "nothing to check"
    if accuracy is None:
        return "no contradiction found; there is no accuracy to check"
    printed = f"{line.counted_name} {accuracy.text}"
    if line.count is not None:
        return f"{printed} is possible as {line.count}/{line.n_test}"
    if line.n_test is None:
        return "no contradiction found; without n_test (--n-test) the accuracy is not checked"
    fraction = f"a whole number of n={line.n_test}"
    return f"{printed} is not {fraction}, but may be a mean over several trainings"


def conclusions(audit: Audit) -> list[str]:
    """What was not checked, the strength of the evidence, whether copies explain it, how likely
    the best row is not the best, and the number of rows with findings."""
    texts = [teeth_text(one) for one in audit.teeth]
    if audit.copies:
        texts.append(copies_text(audit.copies))
    texts += [ranking_text(one) for one in rankings_of(audit.lines)]
    return [*audit.notes, *texts, _total(audit)]


def teeth_text(teeth: Teeth) -> str:
    """The number of rows that the count rules out, and the power of that check."""
    precision = "without decimals" if teeth.digits == 1 else f"to {100 / teeth.digits:g} %"
    printed = f"n={teeth.n_test}, accuracies printed {precision}: "
    if teeth.share == 1:
        return f"{printed}every such value is possible, so this check cannot find errors in them"
    return (
        f"{printed}{teeth.impossible} of {teeth.rows} impossible; a random value would be "
        f"possible with a probability of {_percent(teeth.share)}"
    )


def copies_text(copies: Copies) -> str:
    """The multiple of n that fits, and how likely that is by chance."""
    return (
        f"{copies.factor} x n fits {copies.fits} of the {copies.of} impossible rows, where chance "
        f"would fit {copies.expected:.1f} (p {_probability(copies.probability)}): the test set "
        f"held {copies.factor} rows for each image, or was that much larger than reported"
    )


def ranking_text(ranking: Ranking) -> str:
    """The best row against the next, and how many of the others may be better."""
    text, others = order_text(ranking.orders[0]), len(ranking.orders)
    if others == 1:
        return text
    return (
        f"{text}; {ranking.doubtful} of the {others} other rows are in truth at least as good as "
        f"the first with a probability above {100 * DOUBTFUL:g} %"
    )


def order_text(order: Order) -> str:
    """The probability that the order of two rows is wrong."""
    first, second = (_short(line) for line in (order.first, order.second))
    if order.is_tie:
        return f"n={order.n_test}: {first} and {second} are equal"
    low, middle, high = (_chance(one) for one in (order.low, order.probability, order.high))
    plausible = f"{low} to {high} %" if low != high else f"{low} %"
    return (
        f"n={order.n_test}: {first} is above {second}; probability that this order is wrong: "
        f"{middle} % ({plausible} at plausible congruence)"
    )


def _chance(probability: float) -> str:
    """In percent: below a tenth, what is left is what the model does not know."""
    return "below 0.1" if probability < 0.001 else f"{100 * probability:.1f}"


def _short(line: Line) -> str:
    printed = f" ({line.accuracy.text})" if line.accuracy else ""
    return f"row {line.number}{', ' + line.label if line.label else ''}{printed}"


def _total(audit: Audit) -> str:
    """How many rows are impossible, repeated or not wholly checked, in a sentence each."""
    total = len(audit.lines)
    wrong = sum(line.is_impossible for line in audit.lines)
    same = audit.findings - wrong
    unread = sum(len(line.unread) for line in audit.lines)
    sentences = [
        f"{wrong} of {total} rows {_is(wrong)} impossible." if wrong else "No row is impossible.",
        f"{same} row{'s repeat' if same > 1 else ' repeats'} the numbers of another."
        if same
        else "",
        f"{unread} cell{'s were' if unread > 1 else ' was'} not checked." if unread else "",
    ]
    if total == wrong == 1:
        sentences[0] = "The only row is impossible."
    return " ".join(filter(None, sentences))


def _is(number: int) -> str:
    return "is" if number == 1 else "are"


def _percent(share: float) -> str:
    return f"{100 * share:.1f} %" if share >= 0.0005 else f"{100 * share:.1g} %"


def _probability(value: float) -> str:
    return "below 1e-9" if value < 1e-9 else f"{value:.1g}"
