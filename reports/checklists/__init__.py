"""Reporting checklists, filled in from a run's tables as far as a run can.

    checklists  a checklist and its items, read from `<name>.yaml`
    fillers     functions from a run to facts, named by the items
    sheet       a filled-in checklist as HTML and Markdown

A checklist is a YAML file in this folder. The wording of its items is ours; the numbers are those
of the publication, which the sheet cites.
"""
