"""Print an audit: plain text, with bold and colour on a terminal.

File and class names are never interpreted as markup.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from rich.console import Console
from rich.table import Table
from rich.text import Text

from sweeper.audit.findings import Findings, leak_text

_WIDTH = 100  # without a terminal
_LABEL_WIDTH = 13
_SHOWN = 5  # files and labels by name
_PAIRS_SHOWN = 3
_MAX_CLASSES = 40


def print_summary(findings: Findings, console: Console | None = None) -> None:
    """Print findings and advice; one screen for a typical folder."""
    console = console or Console(highlight=False)
    if not console.is_terminal:
        console = Console(file=console.file, highlight=False, width=_WIDTH, color_system=None)
    about = findings.as_json()
    console.print(_classes(about))
    console.print()
    for label, lines in _facts(findings, about):
        _print_lines(console, label, lines)
    console.print()
    if findings.listed:
        texts = [f"- {finding.text}" for finding in findings.listed]
        _print_lines(console, "findings", texts, "bold yellow")
        console.print()
    _print_lines(console, "what to do", [findings.advice], "bold")


def _print_lines(console: Console, label: str, lines: Iterable[str], style: str = "") -> None:
    """Print lines beside their label, with a hanging indent."""
    grid = Table.grid(padding=(0, 2))
    grid.add_column(width=_LABEL_WIDTH, no_wrap=True)
    grid.add_column(overflow="fold")
    for number, line in enumerate(lines):
        grid.add_row(Text("" if number else label, style="dim"), Text(line, style=style))
    console.print(grid)


def _classes(about: dict[str, Any]) -> Table:
    table = Table(box=None, padding=(0, 2, 0, 0), header_style="dim")
    table.add_column("class", overflow="fold")
    numbers = ["images", "groups", *about["layers"], "excluded"]
    for name in numbers:
        table.add_column(Text(name), justify="right")
    for row in about["classes"][:_MAX_CLASSES]:
        layers = [row["layers"][layer] for layer in about["layers"]]
        counts = [row["images"], row["groups"], *layers, row["excluded"]]
        table.add_row(Text(row["name"]), *(str(count) for count in counts))
    if (more := len(about["classes"]) - _MAX_CLASSES) > 0:
        table.add_row(Text(f"and {more} more"))
    totals = [sum(row["layers"][layer] for row in about["classes"]) for layer in about["layers"]]
    sums = [about["images"], about["groups"]["number"], *totals, about["excluded"]]
    table.add_row(Text("all", style="bold"), *(Text(str(count), style="bold") for count in sums))
    return table


def _facts(findings: Findings, about: dict[str, Any]) -> Iterable[tuple[str, list[str]]]:
    yield "pairs", [_pairs(about), *_named_pairs(findings)]
    yield "groups", [_groups(about)]
    if about["leaks"]:
        yield "own layers", [_layer(part, leak, about) for part, leak in about["leaks"].items()]
    yield "labels", list(_labels(findings, about))
    yield "sizes", [_sizes(about["size"])]
    if about["metadata"]:
        yield "metadata", [_metadata(about["metadata"])]
    if about["excluded"]:
        yield "excluded", list(_excluded(findings))
    if about["left_out"]:
        yield "left out", about["left_out"]


def _pairs(about: dict[str, Any]) -> str:
    counts = ", ".join(f"{number} {kind}" for kind, number in about["pairs"].items())
    layers = f"{about['cross_layer']} across layers, " if about["layers"] else ""
    return f"{counts}; {layers}{about['cross_class']} copies across classes"


def _named_pairs(findings: Findings) -> Iterable[str]:
    """The first copies by name, those under two classes first."""
    pairs = findings.duplicates[findings.duplicates["kind"] != "user"]
    if pairs.empty:
        return
    path = findings.images.set_index("image_id")["path"]
    class_of = findings.images.set_index("image_id")["class"]
    crosses = pairs["image_id_a"].map(class_of) != pairs["image_id_b"].map(class_of)
    first = pairs.assign(crosses=crosses).sort_values("crosses", ascending=False, kind="stable")
    for row in first.head(_PAIRS_SHOWN).to_dict("records"):
        names = " and ".join(printed(path[row[side]]) for side in ("image_id_a", "image_id_b"))
        yield f"{row['kind']}: {names}"
    if (more := len(pairs) - _PAIRS_SHOWN) > 0:
        yield f"and {more} more in duplicates.parquet"


def _groups(about: dict[str, Any]) -> str:
    groups = about["groups"]
    text = (
        f"{groups['number']}, of which {groups['several']} have several images "
        f"({groups['images_in_several']} in total, {groups['largest']} in the largest)"
    )
    unmatched = about["ungrouped"]
    return text + (f"; data.group_by does not match {unmatched} images" if unmatched else "")


def _layer(part: str, leak: dict[str, int], about: dict[str, Any]) -> str:
    text = leak_text(part, leak["rows"], leak["leaked"])
    return text + (f"; {about['uncounted']}" if about["uncounted"] else "")


def _labels(findings: Findings, about: dict[str, Any]) -> Iterable[str]:
    labels = about["labels"]
    yield (
        f"{labels['doubtful']} doubtful beyond chance (outlines alone predict the class of "
        f"{100 * labels['agreement']:.0f} %, the largest class has {100 * labels['chance']:.0f} %)"
    )
    path = findings.images.set_index("image_id")["path"]
    for row in findings.doubtful.head(_SHOWN).to_dict("records"):
        name = printed(path[row["image_id"]])
        yield f"{name}: labelled {row['class']}, looks like {row['suggested']}"
    if (more := len(findings.doubtful) - _SHOWN) > 0:
        yield f"and {more} more in labels.parquet"


def _sizes(size: dict[str, Any]) -> str:
    text = f"{size['sizes']} different"
    if "accuracy" not in size:
        return text
    return (
        f"{text}; size and file type alone predict the class of {100 * size['accuracy']:.0f} % "
        f"(chance {100 * size['chance']:.0f} %)"
    )


def _metadata(columns: list[dict[str, Any]]) -> str:
    """How much each column says of the class."""
    listed = ", ".join(f"{one['column']} {one['v']:.2f}" for one in columns)
    return f"association with the class (Cramér's V): {listed}"


def _excluded(findings: Findings) -> Iterable[str]:
    for row in findings.excluded.head(_SHOWN).to_dict("records"):
        yield f"{printed(row['path'])}: {row['problem']}"
    if (more := len(findings.excluded) - _SHOWN) > 0:
        yield f"and {more} more in images.parquet"


def printed(name: str) -> str:
    """A name with control characters escaped."""
    return name if name.isprintable() else name.encode("unicode_escape").decode("ascii")
