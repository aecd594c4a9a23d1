"""A run's tables -> one HTML file that needs nothing else: no network, no fonts, and no scripts to
be read.

`build_page(Path("runs/demo"))` writes `runs/demo/report/index.html`. Same tables, same bytes:
no clock, no host, no unordered set gets into the page.
"""

from __future__ import annotations

from pathlib import Path

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup

from reports.derived import write_derived
from reports.detail import MOST_BYTES, fit
from reports.run import Run, load_run
from reports.sections import (
    cells,
    comparison,
    cost,
    data,
    distinguishable,
    effects,
    explanations,
    grid,
    leak,
    listing,
    reproduce,
    verdict,
)

_TEMPLATES = Path(__file__).parent / "templates"


def build_page(run_dir: Path) -> Path:
    """Write the derived tables and the page of the run in `run_dir`; return the page's path.

    Raises FileNotFoundError if there is no `results/run.json`, ValueError for a table whose
    columns are not those of `reports.tables.SCHEMAS`.
    """
    write_derived(run_dir / "results")
    page = render(load_run(run_dir))
    path = run_dir / "report" / "index.html"
    path.parent.mkdir(parents=True, exist_ok=True)
    beside = path.with_suffix(".html.part")
    beside.write_text(page, encoding="utf-8", newline="\n")
    beside.replace(path)
    return path


def render(run: Run, most_bytes: int = MOST_BYTES) -> str:
    """The whole page as text, with as many cells in full as it has bytes for."""
    template = environment().get_template("page.html.j2")
    sections = {
        "verdict": verdict.build(run),
        "grid": grid.build(run),
        "leak": leak.build(run),
        "effects": effects.build(run),
        "distinguishable": distinguishable.build(run),
        "comparison": comparison.build(run),
        "data": data.build(run),
        "cost": cost.build(run),
        "reproduce": reproduce.build(run),
    }

    entries = cells.Entries(run)

    def page_of(shown: Run) -> str:
        atlas = explanations.build_atlas(shown)
        return template.render(
            **sections,
            listing=listing.build(run, {row["anchor"] for row in shown.cells}),
            gallery=explanations.build_gallery(shown, atlas),
            cells=entries.build(shown, atlas),
            style=verbatim("figures.css") + verbatim("style.css"),
            cells_style=verbatim("cells.css"),
            script=verbatim("script.js"),
            pictures=atlas.style,
        )

    return fit(run, page_of, most_bytes)


def environment() -> Environment:
    """Templates that escape whatever a name may hold."""
    return Environment(
        loader=FileSystemLoader(_TEMPLATES),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
    )


def verbatim(name: str) -> Markup:
    """Our own style sheet or script, which must not be escaped."""
    return Markup((_TEMPLATES / name).read_text(encoding="utf-8"))
