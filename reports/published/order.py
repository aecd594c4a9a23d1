"""How likely is it that the order of two published accuracies is wrong?

Two models were tested on the same n images, and only their accuracies were printed. Whether the
better one is better depends on the images on which exactly one of the two is right, so on their
congruence: the share of images that both get right. Papers do not print it, but it is bounded, and
the probability is computed over its plausible range.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from scipy import special

from reports.published.consistency import Line

DOUBTFUL = 0.05
"""An order that is wrong with a higher probability than this is no evidence."""

OVERLAPS = (0.25, 0.5, 0.75)
"""The plausible congruence, least, middle and most, as of `both_right`. Measured on the radiographs
of the FEC-IGE data set, on shared test images: 0.23 to 0.71 between 50 pairs of differently trained
networks of one architecture (median 0.48), 0.33 between two architectures."""


@dataclass(frozen=True)
class Order:
    """Two rows of a table with the same n_test, and the probability that the first is not better.

    Args:
        probability: at middle congruence; `low` and `high` over its plausible range.
    """

    first: Line
    second: Line
    n_test: int
    probability: float
    low: float
    high: float

    @property
    def is_tie(self) -> bool:
        return _accuracy(self.first) == _accuracy(self.second)


@dataclass(frozen=True)
class Ranking:
    """The claim of a table for one n_test: its best row above each other, the next first."""

    orders: tuple[Order, ...]

    @property
    def doubtful(self) -> int:
        """How many of the other rows may well be better than the best."""
        return sum(order.probability > DOUBTFUL for order in self.orders)


def both_right(first: float, second: float, overlap: float) -> float:
    """The share of images that both models get right.

    Args:
        first, second: accuracies, 0..1.
        overlap: 0 if the errors of the two are independent, 1 if the worse model is never right
            where the better one is wrong.
    """
    independent = first * second
    return independent + overlap * (min(first, second) - independent)


def wrong_order_probability(first: float, second: float, n: int, overlap: float) -> float:
    """The probability that the model with the accuracy `first` is in truth not better.

    Christodoulou et al., False Promises in Medical Imaging AI? (arXiv 2505.04720, 2025): with the
    congruence p11 (`both_right`), x1 = n (first - p11) images are right with the first model only
    and x2 = n (second - p11) with the second only. With a uniform prior over the four outcomes of
    an image, the posterior of the probabilities of (first only, second only, else) is
    Dirichlet(x1 + 1, x2 + 1, n - x1 - x2 + 2). Its first two, divided by their sum, are
    Beta(x1 + 1, x2 + 1), so that P(p1 <= p2) = I(1/2; x1 + 1, x2 + 1), the regularised incomplete
    beta function.

    Args:
        first, second: accuracies, 0..1, on the same `n` independent images.
        overlap: as of `both_right`.
    """
    both = both_right(first, second, overlap)
    only_first, only_second = n * max(0.0, first - both), n * max(0.0, second - both)
    return float(special.betainc(only_first + 1, only_second + 1, 0.5))


def order_of(a: Line, b: Line) -> Order | None:
    """The two rows, the higher accuracy first; None unless both have one on the same n_test."""
    if not (_is_comparable(a) and _is_comparable(b)) or a.n_test != b.n_test or not a.n_test:
        return None
    first, second = (a, b) if _accuracy(a) >= _accuracy(b) else (b, a)
    pair = _accuracy(first), _accuracy(second)
    found = [wrong_order_probability(*pair, a.n_test, overlap) for overlap in OVERLAPS]
    return Order(first, second, a.n_test, found[1], min(found), max(found))


def rankings_of(lines: Sequence[Line]) -> Iterator[Ranking]:
    """One for each n_test that two rows or more have."""
    groups: dict[int, list[Line]] = {}
    for line in lines:
        if line.n_test and _is_comparable(line):
            groups.setdefault(line.n_test, []).append(line)
    for _, members in sorted(groups.items()):
        best, *others = sorted(members, key=_accuracy, reverse=True)
        orders = [order for other in others if (order := order_of(best, other))]
        if orders:
            yield Ranking(tuple(orders))


def _is_comparable(line: Line) -> bool:
    return bool(line.accuracy and line.n_test and line.accuracy.is_share)


def _accuracy(line: Line) -> float:
    return float(line.accuracy.value) if line.accuracy else 0.0
