"""Any config file or `--set` gives either a valid plan or error lines.

`SWEEPER_FUZZ=20 python -m pytest tests/sweeper/config/test_config_fuzz.py` runs 20 times as many
cases, different ones every time.
"""

from __future__ import annotations

import os
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any, get_args, get_origin

import pytest
import yaml
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st
from pydantic import BaseModel

from datasets.drawn.synthetic import FRACTURE_TYPES
from datasets.errors import DataError
from sweeper.config.load import SHIPPED, load_config
from sweeper.config.schema import Config, DataSection
from sweeper.errors import ConfigError, StoreError, one_line
from sweeper.plan.collect import Collection, collect
from sweeper.plan.plan import Plan
from sweeper.store.store import Store
from tests.sweeper.folders import write_images
from trainables.registry import WeightsError

TIMES = int(os.environ.get("SWEEPER_FUZZ", "0"))
MAX_SECONDS = 5.0  # for one case; an exponential expansion takes longer
MOST_SPLITS = 6  # created in one case; a grid has more


def cases(count: int) -> Any:
    return settings(
        max_examples=count * max(1, TIMES),
        derandomize=not TIMES,
        database=None,
        deadline=None,
        suppress_health_check=list(HealthCheck),
    )


def paths_of(section: type[BaseModel], at: str = "") -> Iterator[str]:
    for name, field in section.model_fields.items():
        yield f"{at}{name}"
        kind = field.annotation
        if isinstance(kind, type) and issubclass(kind, BaseModel):
            yield from paths_of(kind, f"{at}{name}.")
        elif get_origin(kind) is dict and isinstance(entry := get_args(kind)[1], type):
            yield from paths_of(entry, f"{at}{name}.x.") if issubclass(entry, BaseModel) else ()


PATHS = sorted(paths_of(Config))
NUMBERS = (
    "0 -1 1 2 3 7 64 65 224 1025 1000000000 1e9 1e-3 1e400 -.inf .nan 0x10 0b1 1_000 2024-13-45"
)
NAMES = (
    "none null ~ true grouped pooled file given stratified transfer finetune all demo resnet50 "
    "mobilenet imagenet asha suffix random black stretch folder synthetic roboflow stop leave_out "
    "filename"
)
ODDITIES = "( [a-z]+ (a)|b /dev/null /no/where ~nobody/x x.csv x.parquet file?a file?a=b&c=d ? é"
LETTERS = ["", " ", "a b", "\u202e", "\x00", "\x1b[31m", "\ud800", "a\nb", "12:30:45"]
WORDS = [*f"{NUMBERS} {NAMES} {ODDITIES}".split(" "), *LETTERS]
SCALARS = st.one_of(
    st.sampled_from(WORDS),
    st.none(),
    st.booleans(),
    st.integers(-3, 70),
    st.integers(),
    st.sampled_from([10**9, 10**12, 10**30, 10**4000, -(10**18), 2**31, 2**32, 2**63, 2**64]),
    st.floats(),
    st.sampled_from([0.0, 0.1, 0.5, 0.8, 1.0, 1e-300, 1e300]),
    st.text(max_size=12),
    st.binary(max_size=8),
    st.dates(),
)
TEXT = st.characters(exclude_categories=["Cs"])
KEYS = st.one_of(
    st.sampled_from([path.rpartition(".")[2] for path in PATHS]),
    st.text(max_size=6),
    st.integers(-5, 5),
    st.none(),
    st.booleans(),
)
VALUES = st.recursive(
    SCALARS,
    lambda inner: (
        st.lists(inner, max_size=5) | st.dictionaries(KEYS, inner, max_size=4) | st.tuples(inner)
    ),
    max_leaves=12,
)
VALUE_TEXTS = st.one_of(
    st.sampled_from(WORDS),
    st.text(max_size=20),
    VALUES.map(lambda value: yaml.safe_dump(plain(value), allow_unicode=True).strip()),
    st.lists(st.sampled_from(WORDS), max_size=5).map(lambda words: f"[{', '.join(words)}]"),
    st.integers(1, 200).map(lambda depth: "[" * depth),
    st.sampled_from(
        [
            "&a [*a]",
            "{<<: {a: 1}}",
            "!!python/object:os.system x",
            "!!binary x",
            "\t",
            "- a\n- b",
            "#",
            "!!int x",
            "!!timestamp x",
            "&a {a: *a}",
            "9" * 5000,
            "!!set {a}",
            "? [a]\n: b",
            "*b",
        ]
    ),
)
KEY_PATHS = st.one_of(
    st.sampled_from(PATHS),
    st.sampled_from(PATHS).map(lambda path: f"{path}.x"),
    st.lists(st.text(max_size=5), max_size=4).map(".".join),
)


def plain(value: Any) -> Any:
    """The value in a form that `yaml.safe_dump` accepts."""
    if isinstance(value, tuple | list):
        return [plain(one) for one in value]
    if isinstance(value, dict):
        return {key: plain(one) for key, one in value.items()}
    return value


class Bench:
    """A folder of images and a store, for planning every case."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.images = write_images(folder / "images", dict.fromkeys(FRACTURE_TYPES, 4))
        self.store = Store(str(folder / "store"))
        section = DataSection(path=str(self.images))
        self.collection: Collection = collect(section, self.store)

    def answer(self, name: str, *overrides: str) -> list[str]:
        """The error lines; none for a valid plan. Fails if it takes too long."""
        started = time.process_time()
        try:
            config = load_config(name, overrides)
            self._plan(config)
            assert Config.model_validate(config.model_dump(mode="json")) == config  # as run.json
            lines = []
        except ConfigError as error:
            lines = error.lines
            assert lines
        except (DataError, StoreError, WeightsError) as error:
            lines = [one_line(str(error))]
        assert time.process_time() - started < MAX_SECONDS
        for line in lines:
            assert line.strip()
            assert len(line) < 2000
            assert len(line.splitlines()) == 1
            assert not any(ord(letter) < 32 or ord(letter) == 127 for letter in line), line
        return lines

    def of_text(self, text: str | bytes, *overrides: str) -> list[str]:
        path = self.folder / "case.yaml"
        data = text if isinstance(text, bytes) else text.encode("utf-8", "surrogatepass")
        path.write_bytes(data)
        return self.answer(str(path), *overrides)

    def _plan(self, config: Config) -> None:
        plan = Plan(config, self.collection, self.store)
        for cell in plan.cells[:: max(1, len(plan.cells) // MOST_SPLITS)]:
            assert plan.draws(cell)
            plan.rungs(cell.strategy)
        if len(plan.cells) <= 2 * MOST_SPLITS:
            for cell in plan.cells:
                assert plan.trials(cell)


def test_the_fuzz_knows_the_nested_keys() -> None:
    assert {"name", "data.synthetic.seed", "recipes.x.lr"} <= set(PATHS)


@pytest.fixture(scope="module")
def bench(tmp_path_factory: pytest.TempPathFactory) -> Bench:
    return Bench(tmp_path_factory.mktemp("fuzz"))


@cases(700)
@given(overrides=st.lists(st.tuples(KEY_PATHS, VALUE_TEXTS), min_size=1, max_size=3))
def test_any_override_gives_a_plan_or_lines(bench: Bench, overrides: list[tuple[str, str]]) -> None:
    bench.answer("smoke", *(f"{path}={text}" for path, text in overrides))


@cases(700)
@given(
    name=st.sampled_from(sorted(file.stem for file in SHIPPED.glob("*.yaml"))),
    changes=st.lists(st.tuples(st.sampled_from(PATHS), VALUES), min_size=1, max_size=3),
)
def test_any_change_of_a_shipped_config_gives_a_plan_or_lines(
    bench: Bench, name: str, changes: list[tuple[str, Any]]
) -> None:
    data = yaml.safe_load((SHIPPED / f"{name}.yaml").read_text())
    for path, value in changes:
        *above, last = path.split(".")
        section = data
        for key in above:
            if not isinstance(section.get(key), dict):
                section[key] = {}
            section = section[key]
        section[last] = plain(value)
    bench.of_text(yaml.safe_dump(data, allow_unicode=True))


@cases(400)
@given(data=VALUES)
def test_any_yaml_gives_lines(bench: Bench, data: Any) -> None:
    bench.of_text(yaml.safe_dump(plain(data)))


@cases(400)
@given(data=st.binary(max_size=60) | st.text(TEXT, max_size=60).map(str.encode))
@example(b"")
@example(b"\xff\xfe\x00")
@example(b"name: a\nname: b\n")
@example(b"\tname: a")
@example(b"a: &a [*a]")
@example(b"name: x\n---\nname: y\n")
@example(b"? [a, b]\n: c\n")
@example(b"name: !!binary gIGC\n")
@example(b"name: 0x" + b"f" * 9000)
@example(b"grid: {seeds: [0x" + b"f" * 9000 + b"]}\nname: x\n")
@example(b"[" * 50_000)
@example(b"a: " * 5_000)
def test_any_bytes_give_lines(bench: Bench, data: bytes) -> None:
    bench.of_text(data)
