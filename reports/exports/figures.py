"""The page's figures as separate drawings.

grid-<policy>                        heat table of test accuracies
effects                              effect of each choice on test accuracy
leak                                 data leakage and accuracy by split policy
paper                                published and our accuracies (for `compare: fec-ige`)
confusion-, accuracy-, loss-<policy>-<scenario>    of the cell that validation prefers
"""

from __future__ import annotations

from collections.abc import Iterator

from markupsafe import Markup

from reports.exports.cell_figures import best_cells, cell_figures
from reports.exports.layout import SOFT, Column, Row, Text, Tile, table_figure
from reports.exports.names import FileNames
from reports.run import Run
from reports.sections import comparison, effects, grid, leak

_STRIP = 220.0  # px, the width of a strip
MOST_CELLS = 24
"""The most cells with a confusion matrix and curves, so that a large run is exported quickly."""


def figures(run: Run) -> Iterator[tuple[str, Markup]]:
    """File names and drawings in the order of the page; those without data are omitted."""
    names = FileNames()
    for block in grid.grid_of(run).blocks:
        yield names.make("grid", block.policy), _grid(block)
    if found := effects.effects_of(run):
        for number, one in enumerate(found.metrics):
            yield names.make(f"effects-{one.name}" if number else "effects"), _effects(found, one)
    if (leakage := leak.leakage_of(run)) and leakage.reference:
        yield names.make("leak"), _leak(leakage)
    if compared := comparison.comparison_of(run):
        yield names.make("paper"), _paper(compared)
    for row in best_cells(run)[:MOST_CELLS]:
        for kind, drawn in cell_figures(run, row):
            yield names.make(kind, row["split_policy"], row["scenario"]), drawn


def _grid(block: grid.Block) -> Markup:
    columns = [Column("", "text")]
    for one in block.columns:
        below = "random weights" if one.random else one.about
        columns.append(Column(one.backbone, "tile", below=below))
    rows: list[Row] = []
    for group in block.groups:
        rows.append(group.scenario)
        rows += [[Text(line.recipe, fill=SOFT), *map(_tile, line.tiles)] for line in group.lines]
    return table_figure(f"Test accuracy in percent, {block.policy} split", columns, rows)


def _tile(tile: grid.Tile) -> Tile | None:
    if tile.state == "absent":
        return None
    if not tile.accuracy:
        return Tile(tile.state, tile.note, "var(--warn-wash)")
    opacity = 0.0074 * tile.shade  # as the page's tiles
    return Tile(tile.accuracy, f"{tile.spread}  {tile.n}".strip(), "var(--heat)", opacity)


def _effects(found: effects.Effects, measured: effects.InMetric) -> Markup:
    columns = [Column("", "text")]
    for policy in found.policies:
        title = f"{policy}, {measured.unit}" if measured.unit else policy
        columns += [Column(title, "number"), Column("", "strip", _STRIP)]
    rows: list[Row] = []
    for factor in measured.factors:
        rows.append(factor.name)
        for choice in factor.choices:
            row: list[Text | Markup | None] = [Text(choice.level, f"vs. {choice.reference}")]
            for one in choice.estimates:
                row += [Text(one.mean, one.interval), one.strip] if one else [None, None]
            rows.append(row)
    rows.append([None, *(cell for _ in found.policies for cell in (None, measured.axis))])
    title = f"Effect of each choice on test {measured.title}"
    if measured.direction:
        title += f" ({measured.direction})"
    return table_figure(title, columns, rows)


def _leak(leakage: leak.Leakage) -> Markup:
    columns = [
        Column("split", "text"),
        Column("leaked, %", "number"),
        Column("accuracy, %", "number"),
        Column("", "strip", _STRIP),
        Column(f"vs. {leakage.reference}, points", "number"),
    ]
    rows: list[Row] = []
    for compared in leakage.comparisons:
        rows.append(compared.title)
        rows += [
            [
                Text(policy.name),
                Text(policy.leaked),
                Text(policy.accuracy, policy.interval),
                policy.strip,
                Text(policy.difference, policy.difference_interval),
            ]
            for policy in compared.policies
        ]
    rows.append([None, None, None, leakage.axis, None])
    return table_figure("Data leakage and accuracy by split policy", columns, rows)


def _paper(compared: comparison.Comparison) -> Markup:
    columns = [Column("", "text"), Column("paper, %", "number")]
    columns += [Column(f"{policy}, %", "number") for policy, _ in compared.policies]
    columns += [Column("leak, points", "number")] * (len(compared.policies) == 2)
    columns += [Column("", "strip", _STRIP)]
    rows: list[Row] = []
    for table in compared.tables:
        rows.append(table.title)
        for entry in table.entries:
            ours = [Text(one.value, one.below) for one in entry.ours]
            gap = [Text(entry.leak.value, entry.leak.below) if entry.leak else None]
            gap = gap if len(compared.policies) == 2 else []
            rows.append(
                [Text(entry.backbone), Text(entry.published, entry.count), *ours, *gap, entry.strip]
            )
    rows.append([*[None] * (len(columns) - 1), compared.axis])
    legend = ", ".join(_legend(compared))
    return table_figure(f"Published and our test accuracy: {legend}", columns, rows)


def _legend(compared: comparison.Comparison) -> list[str]:
    return ["bar published", *(f"{shape} {policy}" for policy, shape in compared.policies)]
