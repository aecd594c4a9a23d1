"""Numbers and names as a reader sees them: the page's only place for rounding and units."""

from __future__ import annotations

import math
from collections.abc import Collection, Iterable
from typing import Any

from reports.axes import AXIS, describe_training
from reports.metrics import Metric
from reports.metrics.deciding import Deciding
from reports.statistics import Interval

DASH = "\u2013"
MINUS = "\u2212"
NONE = "—"


def percent(value: float | None, decimals: int = 1) -> str:
    """0.9663 -> '96.6'; nothing -> '—'. The % sign is the template's."""
    return NONE if value is None or math.isnan(value) else f"{100 * value:.{decimals}f}"


def percent_range(interval: Interval | None) -> str:
    """(0.49, 0.72) -> '49.0–72.0'."""
    return NONE if interval is None else f"{percent(interval.low)}{DASH}{percent(interval.high)}"


def metric(of: Metric, value: float | None) -> str:
    """A metric's value: in percent, or as it is where it is not a share."""
    return percent(value) if of.percent else decimal(value)


def score(of: Deciding, value: float | None) -> str:
    """A validation score as the metric that it is of."""
    value = value if value is None or of.higher_is_better else -value
    return percent(value) if of.percent else decimal(value)


def metric_range(of: Metric, interval: Interval | None) -> str:
    """Its interval, in the same unit; empty where there is none."""
    if interval is None:
        return ""
    return percent_range(interval) if of.percent else decimal_range(interval)


def points(value: float | None) -> str:
    """A difference in accuracy points, with its sign: 0.312 -> '+31.2'."""
    if value is None or math.isnan(value):
        return NONE
    text = f"{100 * value:+.1f}"
    return "0.0" if float(text) == 0 else text.replace("-", MINUS)


def points_range(interval: Interval | None) -> str:
    """An interval of differences: '+28.0 to +34.4'."""
    return NONE if interval is None else f"{points(interval.low)} to {points(interval.high)}"


def difference(of: Deciding, value: float | None) -> str:
    """A difference in a metric: in points where it is shown in percent, else '+0.312'."""
    if of.percent:
        return points(value)
    if value is None or math.isnan(value):
        return NONE
    text = f"{value:+.3f}"
    return "0.000" if float(text) == 0 else text.replace("-", MINUS)


def difference_range(of: Deciding, interval: Interval | None) -> str:
    """An interval of differences in a metric: '+0.280 to +0.344'."""
    ends = (interval.low, interval.high) if interval else ()
    return " to ".join(difference(of, end) for end in ends) or NONE


def tick(of: Deciding, value: float) -> str:
    """A difference at an axis: without zeros at the end of its decimals."""
    text = difference(of, value)
    return text.rstrip("0").removesuffix(".") if "." in text else text


def unit(of: Deciding) -> str:
    """What differences in a metric are shown in; empty for a number without a unit."""
    return "points" if of.percent else of.title.partition(", ")[2]


def without_unit(of: Deciding) -> str:
    """The metric's name."""
    return of.title.partition(", ")[0]


def direction(of: Deciding) -> str:
    """A note on the metrics of which less is better; empty for the others."""
    return "" if of.higher_is_better else "lower is better"


def count(value: float | int | None) -> str:
    """Whole numbers with a thin space between thousands: 10161 -> '10 161'."""
    return NONE if value is None else f"{round(value):,}".replace(",", "\u2009")


def decimal(value: float | None, decimals: int = 3) -> str:
    """A plain number, or a dash."""
    return NONE if value is None or math.isnan(value) else f"{value:.{decimals}f}"


def p_value(value: float | None) -> str:
    """0.0296 -> '0.030', 0.0001 -> '< 0.001'."""
    if value is None or math.isnan(value):
        return NONE
    return "< 0.001" if value < 0.001 else f"{value:.3f}" if value < 0.1 else f"{value:.2f}"


def decimal_range(interval: Interval, decimals: int = 3) -> str:
    """(0.81, 1.204) -> '0.810–1.204'."""
    return f"{decimal(interval.low, decimals)}{DASH}{decimal(interval.high, decimals)}"


def rate(value: float | None) -> str:
    """A learning rate: 0.0001 -> '1e-4'."""
    if value is None or value <= 0:
        return NONE
    mantissa, _, exponent = f"{value:.2e}".partition("e")
    return f"{mantissa.rstrip('0').rstrip('.')}e{int(exponent)}".replace("-", MINUS)


def setting(value: float | int | str | None) -> str:
    """A hyperparameter's value: 0.0001 -> '1e-4', 16 -> '16', '512-128' as it is."""
    if value is None or isinstance(value, str):
        return value or NONE
    if isinstance(value, int) or value == int(value):
        return count(value)
    return rate(value) if abs(value) < 0.1 else decimal(value)


def seconds(value: float | None) -> str:
    """A duration in at most two units: 3725 -> '1 h 2 min'."""
    if value is None or math.isnan(value):
        return NONE
    if value < 1:
        return f"{value:.2f} s"
    if value < 100:
        return f"{value:.1f} s"
    minutes, rest = divmod(round(value), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours} h {minutes} min" if hours else f"{minutes} min {rest} s"


def size(value: float | None) -> str:
    """Bytes in binary units: 17179869184 -> '16.0 GiB'."""
    if value is None:
        return NONE
    for unit in ("B", "KiB", "MiB", "GiB"):
        if value < 1024:
            return f"{value:.0f} B" if unit == "B" else f"{value:.1f} {unit}"
        value /= 1024
    return f"{value:.1f} TiB"


def millions(value: float | None) -> str:
    """A number of parameters: 10696232 -> '10.7 M'."""
    return NONE if value is None else f"{value / 1e6:.1f} M"


def plural(number: int, noun: str) -> str:
    """'1 cell', '60 cells', '3 classes', '3 epochs'."""
    hissing = noun.endswith(("s", "x", "ch")) and not noun.endswith("epoch")
    forms = f"{noun}es" if hissing else f"{noun}s"
    return f"{count(number)} {noun if number == 1 else forms}"


def listed(texts: Iterable[str]) -> str:
    """'1, 2 and 4'; empty for none."""
    found = list(texts)
    return " and ".join(filter(None, [", ".join(found[:-1]), *found[-1:]]))


def interval_scope(over_trainings: Collection[bool]) -> str:
    """The scope of 95 % intervals, given for each whether it covers other trainings too."""
    if not any(over_trainings):
        return "choice of test images, for these trained networks"
    if all(over_trainings):
        return "choice of test images and training randomness"
    return "choice of test images and, with enough trainings, training randomness"


def strategy(name: str) -> str:
    """'finetune' -> 'fine-tuned'."""
    return AXIS["strategy"].text(name)


def augmentation(name: str) -> str:
    """'fec-ige' -> 'augmented', 'none' -> 'not augmented'; others keep their name."""
    return AXIS["augmentation"].text(name)


def recipe(row: dict[str, Any]) -> str:
    """How a cell was trained: 'fine-tuned, augmented'."""
    return describe_training(row)


def scenario(name: str) -> str:
    """'1' -> 'scenario 1'; a scenario with a name of its own keeps it."""
    return f"scenario {name}"
