"""The paper's 60 numbers next to ours, and which of them are possible."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import groupby

from markupsafe import Markup

from reports import wording
from reports.axes import NO_AUGMENTATION
from reports.figures.strip import Mark, axis, strip
from reports.figures.svg import Scale
from reports.independent_images import Tested, independent_images
from reports.policy_scores import leak_score
from reports.published import (
    DOI,
    REFERENCE,
    OtherWork,
    PublishedCell,
    other_work,
    published_audit,
    published_cells,
)
from reports.published.consistency import Line
from reports.published.order import rankings_of
from reports.published.verdicts import copies_text
from reports.repeats import fold_repeats, metric_interval
from reports.run import Run
from reports.sections.section import of_run
from reports.statistics import Interval, difference_interval

COMPARE = "fec-ige"
"""The value of the config key `compare` that asks for this section."""

_SHARE = Scale(0.0, 1.0)
_GUIDES = (0.0, 0.25, 0.5, 0.75, 1.0)
_NOT_RUN = "not run"

Place = tuple[str, str, str, str]  # scenario, strategy, augmentation, backbone


@dataclass(frozen=True)
class Ours:
    """The score of a cell in this run, trainings averaged."""

    accuracy: float
    interval: Interval | None
    pictures: int  # different ones tested, a group of duplicates counted once
    mark: str


@dataclass(frozen=True)
class Number:
    """A number with the text below it."""

    value: str
    below: str


@dataclass(frozen=True)
class Entry:
    """One published cell beside ours."""

    backbone: str
    published: str
    count: str  # k/n that gives the published number, or what is wrong with it
    flag: str  # "" | copies | misprint | impossible
    findings: str
    ours: list[Number]  # one for each of `Comparison.policies`
    leak: Number | None
    strip: Markup


@dataclass(frozen=True)
class PaperTable:
    title: str
    entries: list[Entry]
    leak: str  # its mean over the table's backbones, in words; empty if there is none


@dataclass(frozen=True)
class Comparison:
    reference: str
    doi: str
    policies: list[
        tuple[str, str]
    ]  # name and mark: the leakiest and most trustworthy, or the only one
    tables: list[PaperTable]
    axis: Markup
    other_work: tuple[OtherWork, ...]
    audit: str
    order: str  # how likely the paper's best is not the best, on these test images
    results: str  # how far the paper is from ours, and what the leak is
    scope: str  # what our intervals cover


def comparison_of(run: Run) -> Comparison | None:
    """None unless the run's config says `compare: fec-ige`."""
    if run.info.get("config", {}).get("compare") != COMPARE:
        return None
    policies = _policies(run)
    pictures = independent_images(run)
    ours = {policy: _ours(run, policy, pictures) for policy in policies}
    published = zip(published_cells(), published_audit().lines, strict=True)
    tables = [
        _table([cell for cell, _ in rows], [line for _, line in rows], ours)
        for rows in (
            list(group)
            for _, group in groupby(
                published, key=lambda pair: (pair[0].table, pair[0].augmentation)
            )
        )
    ]
    marks = [(0.0, "0"), (0.5, "50"), (1.0, "100 %")]
    return Comparison(
        reference=REFERENCE,
        doi=DOI,
        policies=[(policy, shape(run, policy)) for policy in policies],
        tables=tables,
        axis=axis(marks, _SHARE),
        other_work=other_work(),
        audit=_audit(),
        order=_order(),
        results=_results(run, ours),
        scope=_scope(run),
    )


def _scope(run: Run) -> str:
    done = [rows for rows in run.configurations if fold_repeats(rows)]
    return wording.interval_scope({run.covers_trainings(rows) for rows in done})


def _policies(run: Run) -> list[str]:
    """The most trustworthy policy comes last, so that the leakiest is next to the paper."""
    return list(dict.fromkeys([*run.policies[-1:], *run.policies[:1]]))


def _ours(run: Run, policy: str, pictures: Mapping[Tested, int]) -> dict[Place, Ours]:
    found = {}
    for rows in run.configurations:
        first, repeats = rows[0], fold_repeats(rows)
        if repeats is None or first["split_policy"] != policy:
            continue
        augmentation = first["augmentation"]
        n = pictures.get((policy, first["scenario"], augmentation)) or repeats.n
        interval = metric_interval(run, rows, "accuracy", repeats.mean, n)
        place = (first["scenario"], first["strategy"], augmentation, first["backbone"])
        found[place] = Ours(repeats.mean, interval, n, shape(run, policy))
    return found


def _table(
    cells: Sequence[PublishedCell],
    lines: Sequence[Line],
    ours: Mapping[str, Mapping[Place, Ours]],
) -> PaperTable:
    first = cells[0]
    how = f"{wording.strategy(first.strategy)}, {wording.augmentation(first.augmentation)}"
    return PaperTable(
        title=f"Table {first.table}: {wording.scenario(first.scenario)}, {how}",
        entries=[_entry(cell, line, ours) for cell, line in zip(cells, lines, strict=True)],
        leak=_table_leak(cells, ours),
    )


def _entry(cell: PublishedCell, line: Line, ours: Mapping[str, Mapping[Place, Ours]]) -> Entry:
    own = {policy: found.get(_place(cell)) for policy, found in ours.items()}
    flag, count = _plausibility(line)
    return Entry(
        backbone=cell.backbone,
        published=wording.percent(cell.accuracy, 2),
        count=count,
        flag=flag,
        findings="; ".join(finding.text for finding in line.findings),
        ours=[_number(one) for one in own.values()],
        leak=_leak(*own.values()) if len(own) == 2 else None,
        strip=strip(_marks(cell, own), _SHARE, guides=_GUIDES),
    )


def shape(run: Run, policy: str) -> str:
    """The mark of a split policy: a ring where test rows are copies, else a dot."""
    return "ring" if run.split_policy(policy).tests_copies else "dot"


def _marks(cell: PublishedCell, own: Mapping[str, Ours | None]) -> list[Mark]:
    """The paper's number as a bar, ours as rings and dots; only the most trusted has whiskers."""
    marks = [Mark(cell.accuracy, "bar", "published")]
    for policy, one in own.items():
        if one:
            whisker = one.interval if policy == list(own)[-1] else None
            marks.append(Mark(one.accuracy, one.mark, policy, whisker))
    return marks


def _number(one: Ours | None) -> Number:
    if one is None:
        return Number("", _NOT_RUN)
    return Number(wording.percent(one.accuracy), wording.percent_range(one.interval))


def _leak(leaky: Ours | None, trusted: Ours | None) -> Number | None:
    if leaky is None or trusted is None:
        return None
    interval = difference_interval(
        leaky.accuracy, leaky.pictures, trusted.accuracy, trusted.pictures
    )
    return Number(wording.points(leaky.accuracy - trusted.accuracy), wording.points_range(interval))


def _table_leak(cells: Sequence[PublishedCell], ours: Mapping[str, Mapping[Place, Ours]]) -> str:
    """The mean over the backbones that are done under both policies, if there are several."""
    if len(ours) < 2:
        return ""
    (leaky, trusted), places = ours.values(), [_place(cell) for cell in cells]
    pairs = [(leaky[one], trusted[one]) for one in places if one in leaky and one in trusted]
    if len(pairs) < 2:
        return ""
    first, second = (
        sum(one.accuracy for one in own) / len(pairs) for own in zip(*pairs, strict=True)
    )
    pictures = pairs[0][0].pictures, pairs[0][1].pictures
    interval = difference_interval(first, pictures[0], second, pictures[1])
    return (
        f"{' minus '.join(ours)}: {wording.points(first - second)} points (95 % CI "
        f"{wording.points_range(interval)}), {wording.plural(len(pairs), 'backbone')}"
    )


def _place(cell: PublishedCell) -> Place:
    return cell.scenario, cell.strategy, cell.augmentation, cell.backbone


def _plausibility(line: Line) -> tuple[str, str]:
    if any(finding.kind == "recall" for finding in line.findings):
        return "misprint", "misprint"
    if line.count is not None:
        return "", f"{line.count}/{line.n_test}"
    copies = published_audit().copies
    if copies and line.copies == copies.factor:
        finding = next(one for one in line.findings if one.kind == "count")
        return "copies", finding.possible
    return "impossible", f"no k/{line.n_test}"


def _results(run: Run, ours: Mapping[str, Mapping[Place, Ours]]) -> str:
    """The distance of the paper's numbers from ours, and the run's leak."""
    texts = [text for policy, found in ours.items() if (text := _distance(policy, found))]
    if not texts:
        return "None of the paper's cells has been run yet."
    score = leak_score(run)
    if score is None:
        return f"{'. '.join(texts)}."
    cells = run.split_policy(score.policy).compared_cells
    texts.append(
        f"Leakage ({score.policy} minus {score.reference}, {score.cells} matched {cells}): "
        f"{wording.points(score.difference)} points (95 % CI "
        f"{wording.points_range(score.difference_interval)})"
    )
    return f"{'. '.join(texts)}."


def _distance(policy: str, found: Mapping[Place, Ours]) -> str:
    gaps = [
        cell.accuracy - found[_place(cell)].accuracy
        for cell, line in zip(published_cells(), published_audit().lines, strict=True)
        if _place(cell) in found and not any(finding.kind == "recall" for finding in line.findings)
    ]
    if not gaps:
        return ""
    gap = sum(gaps) / len(gaps)
    return (
        f"Over {wording.plural(len(gaps), 'cell')} run under the {policy} split, the published "
        f"accuracy is {wording.percent(abs(gap))} points {'lower' if gap < 0 else 'higher'} than "
        "ours on average"
    )


def _audit() -> str:
    """The number of published results that are possible, and the misprints."""
    pairs = list(zip(published_cells(), published_audit().lines, strict=True))
    plain = [line for cell, line in pairs if cell.augmentation == NO_AUGMENTATION]
    augmented = [line for cell, line in pairs if cell.augmentation != NO_AUGMENTATION]
    copies = published_audit().copies
    text = (
        f"With 66, 47 and 113 test images an accuracy must be k/66, k/47 or k/113. "
        f"{_possible(plain)} of the {len(plain)} published numbers without augmentation are; of "
        f"the {len(augmented)} with augmentation only {_possible(augmented)} are. "
    )
    if copies:
        text += f"{copies_text(copies)}. "
    misprints = "; ".join(
        _misprint(cell) for cell, line in pairs if _plausibility(line)[0] == "misprint"
    )
    return f"{text}Weighted recall must equal accuracy, so these rows are misprinted: {misprints}."


def _order() -> str:
    """For each scenario, the best published row against the next."""
    texts = []
    for ranking in rankings_of(published_audit().lines):
        one = ranking.orders[0]
        first, second = (published_cells()[line.number - 1] for line in (one.first, one.second))
        range_ = wording.percent_range(Interval(one.low, one.high))
        chance = f"{wording.percent(one.probability)} % ({range_} %)"
        texts.append(
            f"{wording.scenario(first.scenario)}, {_named(first)} above {_named(second)} on "
            f"{one.n_test} images: {'equal' if one.is_tie else chance}"
        )
    return (
        "Probability that the best published row of a scenario is in truth not better than the "
        f"next one: {'; '.join(sorted(texts))}."
    )


def _named(cell: PublishedCell) -> str:
    return f"{cell.backbone} ({wording.percent(cell.accuracy, 2)} %)"


def _possible(lines: Sequence[Line]) -> int:
    return sum(line.count is not None for line in lines)


def _misprint(cell: PublishedCell) -> str:
    return (
        f"Table {cell.table}, {cell.backbone}, {wording.augmentation(cell.augmentation)} (accuracy "
        f"{wording.percent(cell.accuracy, 2)}, recall {wording.percent(cell.recall, 2)})"
    )


SECTION = of_run(
    "paper",
    "The paper",
    "paper.html.j2",
    comparison_of,
    "A published number whose bar lies outside the whiskers of the grouped split cannot be "
    "expected on new images.",
)
