"""The sections of the page, in their order. A new one is a module with its `SECTION`, a template
and a line here."""

from __future__ import annotations

from reports.sections import (
    augmentations,
    cells,
    comparison,
    cost,
    data,
    diagnoses,
    effects,
    explanations,
    external,
    glossary,
    grid,
    leak,
    listing,
    map_checks,
    population,
    reproduce,
    robustness,
    screening,
    significance,
    subgroups,
)
from reports.sections.section import Section

SECTIONS: tuple[Section, ...] = (
    screening.SECTION,
    grid.SECTION,
    leak.SECTION,
    effects.SECTION,
    significance.SECTION,
    diagnoses.SECTION,
    subgroups.SECTION,
    robustness.SECTION,
    external.SECTION,
    comparison.SECTION,
    explanations.SECTION,
    map_checks.SECTION,
    listing.SECTION,
    cells.SECTION,
    data.SECTION,
    population.SECTION,
    augmentations.SECTION,
    cost.SECTION,
    reproduce.SECTION,
    glossary.SECTION,
)
