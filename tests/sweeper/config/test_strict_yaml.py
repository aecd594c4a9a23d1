"""YAML that a config may not contain."""

import time
from itertools import pairwise

import pytest

from sweeper.config.load import load_config
from sweeper.config.strict_yaml import NotYaml, parse
from sweeper.errors import ConfigError


def test_scalars_are_text_as_written() -> None:
    text = (
        "a: [012, 2.50, yes, 2024-01-02, 0x1F, =, 'no']\nno: ~\nd: &x {e: 1}\nf: {<<: *x, e: 2}\n"
    )
    value = parse(text)
    assert value["a"] == ["012", "2.50", "yes", "2024-01-02", "0x1F", "=", "no"]
    assert value["no"] is None
    assert value["f"] == {"e": "2"}


@pytest.mark.parametrize("text", ["a: 1\nb:\n", "a: 1\nb: # nothing yet\n", "a: 1\n? b\n"])
def test_a_key_without_a_value_is_refused(text: str) -> None:
    with pytest.raises(NotYaml, match=r"line [23]: a key without a value; write one, or null"):
        parse(text)


@pytest.mark.parametrize("text", ["a: 1\nb: 2\na: 3", "a: {b: 1, b: 1}", "- {1: x, 1: y}"])
def test_a_duplicate_key_is_refused(text: str) -> None:
    with pytest.raises(NotYaml, match="duplicate key"):
        parse(text)


def bomb(line: str) -> str:
    """Forty levels, each referring to the previous one nine times."""
    names = [f"a{level}" for level in range(40)]
    lines = [f"{names[0]}: &{names[0]} {{x: 1}}"]
    for before, name in pairwise(names):
        lines.append(f"{name}: &{name} {line.format(', '.join([f'*{before}'] * 9))}")
    return "\n".join(lines)


@pytest.mark.parametrize("line", ["[{}]", "{{<<: [{}]}}", "{{k: [{}]}}"])
def test_exponential_anchors_are_refused_quickly(line: str) -> None:
    started = time.process_time()
    with pytest.raises(NotYaml, match=r"values, with anchors expanded|nested deeper"):
        parse(bomb(line))
    assert time.process_time() - started < 2


@pytest.mark.parametrize("text", ["a: &a [*a]", "[" * 30 + "]" * 30, "[" * 5000])
def test_recursive_or_too_deeply_nested_values_are_refused(text: str) -> None:
    with pytest.raises(NotYaml, match="nested deeper than 12 levels"):
        parse(text)


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("!!binary gIGC", "type bytes"),
        ("!!set {a: null}", "type set"),
        ("!!python/object/apply:os.system [ls]", "could not determine a constructor"),
        ("x" * 1_000_001, "more than 1000000 characters"),
    ],
)
def test_values_that_no_config_contains_are_refused(text: str, why: str) -> None:
    with pytest.raises(NotYaml, match=why):
        parse(text)


def test_numbers_far_out_of_range_are_reported_with_the_bound() -> None:
    wanted = {
        "preprocess.image_size": "1024",
        "augmentations.fec-ige.copies": "64",
        "search.draws": "10000",
        "search.epochs": "10000",
        "explain.max_steps": "10000",
        "data.synthetic.images_per_class": "10000",
        "recipes.x.batch_size": "65536",
        "resources.workers_per_trial": "10000",
    }
    with pytest.raises(ConfigError) as caught:
        load_config("smoke", [f"{key}=1000000000" for key in wanted])
    lines = sorted(caught.value.lines)
    assert len(lines) == len(wanted)
    for line, (key, bound) in zip(lines, sorted(wanted.items()), strict=True):
        assert line.startswith(f"{key}=1000000000: ")
        assert line.endswith(f": expected {bound} or less")


def test_a_grid_with_more_trials_than_measured_is_refused() -> None:
    seeds = f"grid.seeds={list(range(1000))}"
    draws = "recipes.paper.lr=[" + ", ".join(f"{n}.0e-5" for n in range(1, 90)) + "]"
    with pytest.raises(ConfigError, match="4000 cells with their draws make 800000 trials, more"):
        load_config("smoke", [seeds, draws, "search.draws=200"])
    with pytest.raises(ConfigError, match=r"grid.seeds: expected at most 1000 values"):
        load_config("smoke", [f"grid.seeds={list(range(1001))}"])
