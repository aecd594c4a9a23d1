"""What is known of a network is computed once on a machine, and again where its code changes."""

import json
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from trainables import remembered as module
from trainables.counting import count_network
from trainables.registry import BACKBONES, WeightsError
from trainables.remembered import remembered

ROOT = Path(__file__).parents[2]
SMALL = BACKBONES["mobilenet"]


@dataclass(frozen=True)
class Size:
    number: int


@pytest.fixture(autouse=True)
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("SWEEPER_CACHE", str(tmp_path / "cache"))
    return tmp_path / "cache" / module._FOLDER


def process(asked: list[object]) -> Callable[..., Size]:
    """The function as another process has it, with an empty memory."""

    @remembered(lambda fields: Size(**fields))
    def size(spec: object, args: dict[str, str] | None = None) -> Size:
        asked.append(spec)
        if spec == "none":
            raise WeightsError("no such network")
        return Size(len(asked))

    return size


def test_another_process_is_not_asked_again() -> None:
    asked: list[object] = []
    one, other = process(asked), process(asked)
    assert one(SMALL, {"a": "b"}) == one(SMALL, {"a": "b"}) == other(SMALL, {"a": "b"}) == Size(1)
    assert one(SMALL, {"a": "c"}) == other(SMALL, {"a": "c"}) == Size(2)
    assert asked == [SMALL, SMALL]


def test_an_error_is_found_again() -> None:
    asked: list[object] = []
    for _ in range(2):
        with pytest.raises(WeightsError):
            process(asked)("none")
    assert asked == ["none", "none"]


@pytest.mark.parametrize("damage", [b"", b"{", b"[1]", b'{"another": 3}', b"\xff"])
def test_a_damaged_answer_is_computed_again(cache: Path, damage: bytes) -> None:
    asked: list[object] = []
    process(asked)("x")
    (file,) = cache.iterdir()
    file.write_bytes(damage)
    assert process(asked)("x") == Size(2)
    assert process(asked)("x") == Size(2)  # and has been kept
    assert len(list(cache.iterdir())) == 1


def test_other_code_or_another_torch_is_asked_again(monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[object] = []
    process(asked)("x")
    monkeypatch.setattr(module, "_sources", lambda: ("another",))
    assert process(asked)("x") == Size(2)


def test_without_a_cache_it_is_computed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "file").touch()
    monkeypatch.setenv("SWEEPER_CACHE", str(tmp_path / "file"))
    asked: list[object] = []
    assert (process(asked)("x"), process(asked)("x")) == (Size(1), Size(2))


def test_what_is_read_again_equals_what_was_computed() -> None:
    """Each in a process of its own, the second time without torch."""
    first, second = (run_questions() for _ in range(2))
    assert first["answers"] == second["answers"]
    assert (first["torch"], second["torch"]) == (True, False)
    assert first["answers"][1] == repr(count_network(SMALL, {}))


QUESTIONS = """
import json, sys
from trainables.cuts import resolve
from trainables.explanation_facts import (
    check_costs, compares_baselines, method_titles, passes_of_map
)
from trainables.network_size import network_size
from trainables.registry import BACKBONES
from trainables.timm_models import evaluation, full_name, is_model, own_size, vintage

small, model = BACKBONES["mobilenet"], "resnet18.a1_in1k"
answers = [
    resolve(small, "half", {}),
    network_size(small, {}),
    vintage(model),
    evaluation(model, {"crop_pct": 0.5}),
    full_name("resnet18"),
    own_size(model),
    is_model("resnet17"),
    passes_of_map("integrated_gradients", 32, 2),
    compares_baselines("occlusion"),
    check_costs(),
    method_titles(),
]
print(json.dumps({"answers": [*map(repr, answers)], "torch": "torch" in sys.modules}))
"""


def run_questions() -> dict[str, Any]:
    command = [sys.executable, "-c", QUESTIONS]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True)
    found: dict[str, Any] = json.loads(done.stdout)
    return found
