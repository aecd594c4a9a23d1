"""The number of units of each class in each part, and their draw: the arithmetic below `splits`.

Whole numbers only, and every total holds: the parts' sizes (the notebook's), and the classes' own.
Parts are train, validation and test, or the folds of a cross-validation: any number of them.
"""

import math
from collections import Counter
from collections.abc import Sequence
from fractions import Fraction

import numpy as np
from numpy.typing import NDArray

ClassCounts = tuple[tuple[int, int], ...]  # (class index, rows of that class) of one unit
Counts = NDArray[np.int64]


def part_sizes(n: int, fractions: tuple[float, float, float]) -> tuple[int, int, int]:
    """Train, validation and test sizes of n: the hold-out, then the test part, is rounded up.

    This is `train_test_split` called twice, as the notebook does: 10161 -> 8128, 1016, 1017. Of 3
    or more, no part is left empty.
    """
    _, val, test = (Fraction(f).limit_denominator(10**6) for f in fractions)  # 0.1 is 1/10 exactly
    hold_out = math.ceil((val + test) * n)
    hold_out = max(min(hold_out, n - 1), min(2, n - 1))
    n_test = min(math.ceil(hold_out * test / (val + test)), max(1, hold_out - 1))
    return n - hold_out, hold_out - n_test, n_test


def fold_sizes(n: int, folds: int) -> tuple[int, ...]:
    """Sizes of the folds of n, the larger ones first: 10 in 4 -> 3, 3, 2, 2."""
    small, larger = divmod(n, folds)
    return tuple(small + (fold < larger) for fold in range(folds))


def class_quotas(
    class_sizes: Counts, sizes: Sequence[int], generator: np.random.Generator
) -> Counts:
    """Round `class_sizes x sizes / n` to whole numbers that keep the sums of rows and columns.

    Controlled rounding: every entry is its exact value rounded up or down. Rounded up are, first,
    entries that would be 0 (the last part, test, before the others: a class that is not tested has
    no result), then the largest remainders. A class of fewer than 6 may still miss one of three.

    Args:
        class_sizes: (C,) int64, rows per class; their sum is n.
        sizes: rows per part, J of them; their sum is n.
        generator: breaks ties.

    Returns:
        (C, J) int64.
    """
    from scipy.optimize import linprog

    n, parts = int(class_sizes.sum()), len(sizes)
    down, remainder = np.divmod(np.outer(class_sizes, np.array(sizes, np.int64)), n)  # (C, J)
    of_empty = np.array([1] * (parts - 1) + [2])
    gain = remainder / n + (down == 0) * of_empty + generator.random(down.shape) * 1e-3
    in_class = np.kron(np.eye(len(class_sizes)), np.ones((1, parts)))  # (C, J C)
    in_part = np.kron(np.ones((1, len(class_sizes))), np.eye(parts))  # (J, J C)
    # A transportation problem: its basic solutions are whole numbers.
    solution = linprog(
        -gain.ravel(),
        A_eq=np.vstack([in_class, in_part]),
        b_eq=np.concatenate([class_sizes - down.sum(axis=1), np.array(sizes) - down.sum(axis=0)]),
        bounds=[(0, int(r > 0)) for r in remainder.ravel()],
        method="highs-ds",
    )
    if not solution.success:
        raise RuntimeError(f"no rounding of {class_sizes} to {sizes}: {solution.message}")
    up: Counts = np.rint(solution.x).astype(np.int64).reshape(down.shape)
    return down + up


def draw_parts(
    units: list[ClassCounts], quotas: Counts, generator: np.random.Generator
) -> list[int]:
    """Draw a part for each unit so that the quotas are met, exactly where all units are single.

    Large units go first and never where they overshoot a quota if there is another part; among
    the parts left the chance is proportional to what their quotas still want, so that a large
    group gets into the test part about as often as its share says. A class that has just enough
    units left for its empty parts sends them there.

    Returns:
        The part's index (a column of `quotas`) of each unit.
    """
    order = generator.permutation(len(units)).tolist()
    chances = generator.random(len(units)).tolist()
    if set(units) <= {((i, 1),) for i in range(len(quotas))}:  # each is one row
        return _draw_single([unit[0][0] for unit in units], quotas, order, chances)
    drawing = _Drawing(units, quotas)
    order.sort(key=lambda i: -sum(count for _, count in units[i]))
    parts = [0] * len(units)
    for i, chance in zip(order, chances, strict=True):
        parts[i] = drawing.place(units[i], chance)
    return parts


def _draw_single(
    classes: Sequence[int], quotas: Counts, order: Sequence[int], chances: Sequence[float]
) -> list[int]:
    """What `_Drawing` does where every unit is one row, a tenth as long: a million are common."""
    wanted: list[list[int]] = quotas.tolist()
    empty = [{j for j, quota in enumerate(row) if quota > 0} for row in wanted]
    left = Counter(classes)
    parts = [0] * len(classes)
    for i, chance in zip(order, chances, strict=True):
        own = classes[i]
        row, missed = wanted[own], empty[own]
        allowed = sorted(missed) if left[own] <= len(missed) else range(len(row))
        mark = chance * sum([row[j] for j in allowed])
        for part in allowed:
            mark -= row[part]
            if mark < 0:
                break
        else:  # the chance was rounded up to 1
            part = [j for j in allowed if row[j] > 0][-1]
        row[part] -= 1
        missed.discard(part)
        left[own] -= 1
        parts[i] = part
    return parts


class _Drawing:
    """What the quotas still want while units are placed one after another."""

    def __init__(self, units: list[ClassCounts], quotas: Counts) -> None:
        self.quotas: list[list[int]] = quotas.tolist()
        self.wanted: list[list[int]] = quotas.tolist()
        self.parts = list(range(quotas.shape[1]))
        self.empty = [{j for j in self.parts if row[j] > 0} for row in self.quotas]
        self.units_left = Counter(c for unit in units for c, _ in unit)

    def place(self, unit: ClassCounts, chance: float) -> int:
        part = self._choose(unit, chance)
        for c, count in unit:
            self.wanted[c][part] -= count
            self.empty[c].discard(part)
            self.units_left[c] -= 1
        return part

    def _choose(self, unit: ClassCounts, chance: float) -> int:
        parts = self._allowed(unit)
        excess = [sum(max(0, count - self.wanted[c][j]) for c, count in unit) for j in parts]
        parts = [j for j, e in zip(parts, excess, strict=True) if e == min(excess)]
        weights = [max(0, sum(self.wanted[c][j] for c, _ in unit)) for j in parts]
        if not any(weights):
            weights = [1 + sum(self.quotas[c][j] for c, _ in unit) for j in parts]
        mark = chance * sum(weights)
        for j, weight in zip(parts, weights, strict=True):
            mark -= weight
            if mark < 0:
                return j
        return parts[-1]

    def _allowed(self, unit: ClassCounts) -> list[int]:
        """All parts, or the empty ones of a class of the unit that is about to run out."""
        for c, _ in unit:
            if self.empty[c] and self.units_left[c] <= len(self.empty[c]):
                return sorted(self.empty[c])
        return self.parts
