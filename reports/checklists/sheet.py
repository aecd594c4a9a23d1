"""A checklist filled in from a run: what the run answers, and marked blanks for the rest."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from markupsafe import Markup

from reports import wording
from reports.checklists.checklists import Checklist, Item, checklist
from reports.checklists.fillers import FILLERS, Fact, Subject
from reports.figures.flow import draw_flow
from reports.image_flow import flow_of
from reports.page import environment, verbatim
from reports.run import Run

BLANK = "To be written"


@dataclass(frozen=True)
class Answer:
    """An item with what the run fills in. `todo`: what is left to the author; empty if nothing."""

    item: Item
    facts: list[Fact]
    todo: str


@dataclass(frozen=True)
class Sheet:
    """A whole filled-in checklist."""

    run: str
    checklist: Checklist
    about: str  # which model the numbers are of
    answers: list[Answer]
    flow: Markup

    def section(self, name: str) -> list[Answer]:
        return [one for one in self.answers if one.item.section == name]

    @property
    def counts(self) -> str:
        """How much is left to write."""
        total = len(self.answers)
        whole = sum(not one.todo for one in self.answers)
        part = sum(bool(one.todo and one.facts) for one in self.answers)
        return (
            f"Of {total} items, the run answers {whole}, {part} in part; {total - whole - part} "
            "only you can answer."
        )


def fill(run: Run, name: str) -> Sheet:
    """The checklist of that name for a run."""
    of, found = Subject(run), checklist(name)
    return Sheet(
        run=str(run.info.get("name", "run")),
        checklist=found,
        about=_about(of),
        answers=[_answer(of, item) for item in found.items],
        flow=draw_flow(flow_of(run, of.policy, of.scenario)),
    )


def write_sheet(sheet: Sheet, folder: Path) -> tuple[Path, Path]:
    """Write the sheet as HTML and as Markdown into `folder`; returns both paths."""
    page = (
        environment()
        .get_template("checklist.html.j2")
        .render(
            sheet=sheet,
            blank=BLANK,
            style=verbatim("style.css") + verbatim("flow.css") + verbatim("checklist.css"),
        )
    )
    folder.mkdir(parents=True, exist_ok=True)
    paths = []
    for suffix, text in ((".html", page), (".md", "\n".join(markdown(sheet)) + "\n")):
        path = folder / f"{sheet.checklist.name}{suffix}"
        beside = path.with_name(f"{path.name}.part")
        beside.write_text(text, encoding="utf-8", newline="\n")
        beside.replace(path)
        paths.append(path)
    return paths[0], paths[1]


def markdown(sheet: Sheet) -> Iterator[str]:
    """The sheet as lines of Markdown."""
    found = sheet.checklist
    yield f"# {found.title}: {sheet.run}"
    yield ""
    yield f"{found.about}. {found.reference}, https://doi.org/{found.doi}. The wording is ours."
    yield ""
    yield f"{sheet.about} {sheet.counts}"
    for section in found.sections:
        yield ""
        yield f"## {section}"
        for answer in sheet.section(section):
            yield ""
            yield f"**{answer.item.number}. {answer.item.ask}**"
            yield ""
            for fact in answer.facts:
                yield f"- {fact.text} (*{fact.table}*)"
            if answer.todo:
                yield f"- [ ] {BLANK}: {answer.todo}"


def _answer(of: Subject, item: Item) -> Answer:
    facts = [fact for name in item.fill for fact in FILLERS[name](of)]
    facts = list(dict.fromkeys(facts))
    return Answer(item, facts, item.blank or ("" if facts else item.ask))


def _about(of: Subject) -> str:
    scenario = wording.scenario(of.scenario)
    if of.best is None:
        return f"No cell has a result yet; the data are those of {scenario}, {of.policy} split."
    return (
        f"Numbers are of the model that predict and export use: {of.best['backbone']}, "
        f"{wording.recipe(of.best)}, {scenario}, {of.policy} split."
    )
