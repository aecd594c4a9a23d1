"""A run's tables -> one self-contained HTML file: no network, no fonts, readable without scripts.

`build_page(Path("runs/demo"))` writes `runs/demo/report/index.html`. Same tables, same bytes:
no clock, no host, no unordered set gets into the page.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup

from reports.derived import write_derived
from reports.detail import MOST_BYTES, fit
from reports.run import Run, load_run
from reports.sections.cells import Entries
from reports.sections.contents import SECTIONS
from reports.sections.explanations import atlas_of
from reports.sections.section import Section, Shown
from reports.sections.verdict import verdict_of

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


def render(run: Run, most_bytes: int = MOST_BYTES, sections: Sequence[Section] = SECTIONS) -> str:
    """The whole page as text, with as many cells in full as it has bytes for."""
    templates, entries = environment(), Entries(run)
    header = Markup(templates.get_template("verdict.html.j2").render(verdict=verdict_of(run)))
    fixed: dict[str, Markup] = {}

    def made(section: Section, shown: Shown) -> Markup:
        if section.by_cells:
            return _made(templates, section, shown)
        if section.anchor not in fixed:
            fixed[section.anchor] = _made(templates, section, shown)
        return fixed[section.anchor]

    def page_of(in_full: Run) -> str:
        shown = Shown(run, in_full, atlas_of(in_full), entries)
        found = [(section, text) for section in sections if (text := made(section, shown))]
        return templates.get_template("page.html.j2").render(
            name=run.info.get("name", "run"),
            header=header,
            sections=found,
            style=verbatim("figures.css") + verbatim("flow.css") + verbatim("style.css"),
            cells_style=verbatim("cells.css"),
            script=verbatim("script.js"),
            pictures=shown.atlas.style,
        )

    return fit(run, page_of, most_bytes)


def _made(templates: Environment, section: Section, shown: Shown) -> Markup:
    """The section as HTML; empty where the run has nothing for it."""
    content = section.make(shown)
    if content is None:
        return Markup("")
    names = {section.variable: content, "reading": section.reading}
    return Markup(templates.get_template(section.template).render(names))


def environment() -> Environment:
    """Templates that escape names."""
    return Environment(
        loader=FileSystemLoader(_TEMPLATES),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
    )


def verbatim(name: str) -> Markup:
    """One of our own style sheets or scripts, not escaped."""
    return Markup((_TEMPLATES / name).read_text(encoding="utf-8"))
