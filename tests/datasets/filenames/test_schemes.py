"""Naming schemes of patient collections are recognised; sequences, dates and classes are not."""

import re
from collections.abc import Callable

import numpy as np
import pytest

from datasets.filenames.schemes import patient_pattern
from datasets.groups import pattern_group

Files = list[tuple[str, str]]


def files(names: list[str]) -> Files:
    """Names spread over two classes."""
    return [(f"{'ab'[n % 2]}/{name}", "ab"[n % 2]) for n, name in enumerate(names)]


def patients(known: Files) -> dict[str, str]:
    pattern = patient_pattern(known)
    assert pattern is not None
    search = pattern_group(re.compile(pattern))
    return {path: search(path) for path, _ in known}


def views() -> Files:
    return files([f"patient{p:03d}_view{v}.png" for p in range(20) for v in (1, 2, 3)])


def mammograms() -> Files:
    return files([f"P{p:04d}-{s}-{v}.png" for p in range(20) for s in "LR" for v in ("CC", "MLO")])


def follow_ups() -> Files:
    return files([f"{p:08d}_{n:03d}.png" for p in range(60) for n in range(1 + p % 4)])


def cases() -> Files:
    return files(
        [f"{'ABC'[p % 3]}_{p:04d}_1.{s}_CC.png" for p in range(30) for s in ("LEFT", "RIGHT")]
    )


def letters() -> Files:
    return files([f"scan{p}{letter}.jpg" for p in range(30) for letter in "ab"])


@pytest.mark.parametrize(
    ("scheme", "known", "first"),
    [
        (views, 20, "patient000"),
        (mammograms, 20, "P0000"),
        (follow_ups, 60, "00000000"),
        (cases, 30, "A_0000"),
        (letters, 30, "scan0"),
    ],
)
def test_the_number_shared_by_names_is_the_patient(
    scheme: Callable[[], Files], known: int, first: str
) -> None:
    found = patients(scheme())
    assert len(set(found.values())) == known
    assert next(iter(found.values())) == first


def test_several_schemes_make_one_expression() -> None:
    running = iter(range(10_000))
    names = [f"person{p}_{kind}_{next(running)}.jpeg" for p in range(40) for kind in ("virus", "x")]
    names += [f"IM-{p:04d}-{n:04d}.jpeg" for p in range(40) for n in range(1 + p % 2)]
    names += [f"NORMAL2-IM-{p:04d}-{n:04d}.jpeg" for p in range(40) for n in range(1 + p % 2)]
    found = patients(files(names))
    assert len(set(found.values())) == 120
    assert {found["a/person7_virus_14.jpeg"], found["b/person7_x_15.jpeg"]} == {"person7"}
    assert "NORMAL2-IM-0039" in found.values()


def test_numbers_that_restart_in_each_class_are_patients_of_that_class() -> None:
    restarting = [
        (f"{name}/{p:03d}_{v}.png", name) for name in "ab" for p in range(20) for v in "xy"
    ]
    found = patients(restarting)
    assert found["a/003_x.png"] == found["a/003_y.png"] == "a/003"
    assert found["b/003_x.png"] == "b/003"


RNG = np.random.default_rng(0)
NO_SCHEMES = {
    "sequence": [f"img_{n:03d}.png" for n in range(500)],
    "numbered class": [f"cat.{n}.jpg" for n in range(300)],
    "size": [f"img_{n:03d}_1024x768.png" for n in range(90)],
    "register": [f"ISIC_{24306 + 3 * n:07d}.jpg" for n in range(300)],
    "day": [f"IMG_202104{1 + n % 28:02d}_{n:06d}.jpg" for n in range(200)],
    "dashed day": [f"2021-04-{1 + n % 28:02d}_{n:03d}.jpg" for n in range(200)],
    "screenshot": [
        f"shot 2021-04-0{1 + n % 9} at {n % 24:02d}.{n % 60:02d}.png" for n in range(300)
    ],
    "batch": [f"batch{n // 60}_{n:04d}.jpg" for n in range(600)],
    "age": [f"scan_{n:04d}_F_{20 + n % 60}.png" for n in range(300)],
    "hash": [f"{RNG.bytes(16).hex()}_{'ab'[n % 2]}.jpg" for n in range(300)],
    "few copies": [*(f"img_{n}.png" for n in range(90)), "img_1 (1).png", "img_2 (1).png"],
}


@pytest.mark.parametrize("names", NO_SCHEMES.values(), ids=NO_SCHEMES)
def test_no_patients_are_found_where_there_are_none(names: list[str]) -> None:
    assert patient_pattern(files(names)) is None


def test_a_number_that_identifies_the_class_is_not_a_patient() -> None:
    named = [(f"{c}/type{c}_{n:02d}.jpg", str(c)) for c in range(10) for n in range(15)]
    assert patient_pattern(named) is None
