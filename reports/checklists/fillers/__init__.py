"""Fillers: functions from a run to the facts that answer an item of a checklist.

A new one is a function in one of the modules, registered by `@fills`; items name it. It returns no
facts where the run does not know.
"""

from reports.checklists.fillers import data, model, results
from reports.checklists.fillers.registry import FILLERS, Fact, Subject

__all__ = ["FILLERS", "Fact", "Subject", "data", "model", "results"]
