"""The estimate of a run's cost as lines of text."""

from __future__ import annotations

from collections.abc import Iterator

from sweeper.estimate.cost import Estimate
from sweeper.estimate.span import Span
from sweeper.estimate.speed import GUESSED, LEARNT, MEASURED

_ORIGINS = {
    GUESSED: "estimated from multiply-adds (--measure times this machine)",
    LEARNT: "from earlier runs",
    MEASURED: "just measured on this machine",
}
_UNITS = ((3600.0, "h"), (60.0, "min"), (1.0, "s"))


def cost_lines(estimate: Estimate, device: str, price_per_hour: float | None) -> Iterator[str]:
    """A table of the stages, their sum, and the basis of the estimate."""
    if not estimate.stages:
        yield "nothing to run: everything is in the store"
        return
    yield f"{'stage':<40}{'to do':>16}{'time':>18}{'busy ' + device:>20}{'store':>18}"
    for stage in estimate.stages:
        name = f"{stage.stage} {stage.backbone}".strip()
        todo = f"{stage.work:,} {stage.unit}"
        yield _row(name, todo, stage.wall_s, stage.busy_s, stage.store_bytes)
    yield _row("all", "", estimate.wall_s, estimate.busy_s, estimate.store_bytes)
    yield f"memory: {bytes_text(estimate.memory_bytes)} on {estimate.slots} {device}s"
    if price_per_hour is not None:
        cost = estimate.wall_s * (price_per_hour / 3600)
        yield f"price: {cost.low:.2f} to {cost.high:.2f} at {price_per_hour:g} an hour"
    origins = dict.fromkeys(stage.origin for stage in estimate.stages)
    for origin in origins:
        stages = dict.fromkeys(s.stage for s in estimate.stages if s.origin == origin)
        yield f"{', '.join(stages)}: {_ORIGINS[origin]}"


def _row(name: str, todo: str, wall: Span, busy: Span, stored: Span) -> str:
    return (
        f"{name:<40}{todo:>16}{seconds_text(wall):>18}{seconds_text(busy):>20}"
        f"{bytes_text(stored):>18}"
    )


def seconds_text(span: Span) -> str:
    """`4 to 9 min`, in the unit that suits the upper end."""
    size, unit = next((one for one in _UNITS if span.high >= 2 * one[0]), _UNITS[-1])
    return _range(span.low / size, span.high / size, unit)


def bytes_text(span: Span) -> str:
    """`1.2 to 3 GB`."""
    size, unit = (1e9, "GB") if span.high >= 1e9 else (1e6, "MB")
    return _range(span.low / size, span.high / size, unit)


def _range(low: float, high: float, unit: str) -> str:
    first, last = f"{_two_digits(low)}", f"{_two_digits(high)}"
    return f"{last} {unit}" if first == last else f"{first} to {last} {unit}"


def _two_digits(value: float) -> str:
    return f"{value:.0f}" if value >= 10 else f"{value:.1f}".removesuffix(".0")
