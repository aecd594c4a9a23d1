"""The sections of the page: one list from which contents and order follow."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from reports.page import environment, render
from reports.run import Run, load_run
from reports.sections import contents
from reports.sections.contents import SECTIONS
from reports.sections.glossary import TERMS
from reports.sections.section import Section, of_run
from tests.reports.fake_run import FakeRun, write_fake_run


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Run:
    fake = FakeRun(
        policies=("grouped",),
        backbones=("vgg16",),
        scenarios={"few": ["a", "b"]},
        trials=1,
        epochs=2,
        attributions=0,
        compare=None,
    )
    return load_run(write_fake_run(tmp_path_factory.mktemp("run"), fake))


def test_every_section_has_a_template_and_an_anchor_of_its_own() -> None:
    assert len({section.anchor for section in SECTIONS}) == len(SECTIONS)
    for section in SECTIONS:
        source, _, _ = environment().loader.get_source(environment(), section.template)
        assert f'<section id="{section.anchor}">' in source


def test_every_section_says_how_to_read_it() -> None:
    for section in SECTIONS:
        source, _, _ = environment().loader.get_source(environment(), section.template)
        assert '{% include "reading.html.j2" %}' in source, section.template
        assert section.reading.endswith("."), section.anchor


def test_the_glossary_is_in_alphabetical_order_and_names_each_term_once() -> None:
    names = [term.lower() for term, _ in TERMS]
    assert names == sorted(set(names))


def test_every_module_with_a_section_is_in_the_list() -> None:
    folder = Path(contents.__file__).parent
    modules = [path for path in folder.glob("*.py") if "\nSECTION = " in path.read_text()]
    assert len(modules) == len(SECTIONS)


def test_contents_name_the_sections_of_the_page_in_order_and_no_other(run: Run) -> None:
    page = render(run)
    links = re.findall(r'<a href="#([a-z]+)">', page[page.index("<nav") : page.index("</nav>")])
    assert links == re.findall(r'<section id="([a-z]+)">', page)
    assert "explanations" not in links  # this run explained nothing
    assert links == [section.anchor for section in SECTIONS if section.anchor in links]


def test_a_section_without_content_leaves_no_trace(run: Run) -> None:
    empty = of_run("nothing", "Nothing", "grid.html.j2", lambda run: None)
    shown: tuple[Section, ...] = (empty, *SECTIONS)
    assert render(run, sections=shown) == render(run)
