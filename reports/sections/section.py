"""A section of the page: its anchor, its title, its template and its content."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

from reports.run import Run

if TYPE_CHECKING:
    from reports.sections.cells import Entries
    from reports.sections.explanations import Atlas


@dataclass(frozen=True)
class Shown:
    """The material of a section.

    Attributes:
        run: the whole run.
        in_full: the same, narrowed to the cells that the page shows in full.
        atlas: the pictures of the page.
        entries: the entries of the cells.
    """

    run: Run
    in_full: Run
    atlas: Atlas
    entries: Entries


@dataclass(frozen=True)
class Section:
    """One section.

    Attributes:
        anchor: `id` of its element.
        title: of its link in the contents.
        template: its file in `templates/`, which is given what `make` returns under the file's
            stem: `leak` in `leak.html.j2`.
        make: what the template shows; None leaves the section out.
        reading: how to read it, in a sentence or two.
        by_cells: whether it depends on which cells are shown in full, so that it is made again
            each time the page is tried with other cells.
    """

    anchor: str
    title: str
    template: str
    make: Callable[[Shown], object | None]
    reading: str = ""
    by_cells: bool = False

    @property
    def variable(self) -> str:
        """The name of its content in the template."""
        return self.template.partition(".")[0]


def of_run(
    anchor: str,
    title: str,
    template: str,
    make: Callable[[Run], object | None],
    reading: str = "",
) -> Section:
    """A section that is made from the run alone."""
    return Section(anchor, title, template, lambda shown: make(shown.run), reading)
