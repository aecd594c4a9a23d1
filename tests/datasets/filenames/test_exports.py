"""Names of an export, whole or with pieces removed."""

import numpy as np
import pytest

from datasets.filenames.exports import bare_name, hash_keys, read_name

HASH = "4f0a9be1d27c3358aa10c2d3e4f5b697"


def exported(stem: str, digest: str = HASH) -> str:
    return f"train/tibia/{stem}_jpg.rf.{digest}.jpg"


@pytest.mark.parametrize(
    ("path", "stem"),
    [
        (exported("knee-2"), "knee-2"),
        (f"knee-2_png.rf.{HASH}.jpg", "knee-2"),
        (f"knee-2_PNG.{HASH}.jpg", "knee-2"),
        (f"knee-2_jpeg.{HASH[9:]}.jpg", "knee-2"),
        (f"knee-2g.rf.{HASH}.jpg", "knee-2g"),
        (f"jpg.rf.{HASH}.jpg", ""),
        ("knee-2.jpg", "knee-2"),
        ("knee.2.jpg", "knee.2"),
        (f"{HASH}.jpg", HASH),
        (f"{HASH}_large.jpg", f"{HASH}_large"),
    ],
)
def test_the_stem_is_the_name_before_the_export(path: str, stem: str) -> None:
    assert read_name(path).stem == stem


@pytest.mark.parametrize(
    ("path", "name"),
    [("a/b.c/x.tar.gz", "x.tar"), ("1.2.840.113619.2", "1.2.840.113619.2"), ("a/.png", ".png")],
)
def test_the_end_of_a_uid_is_not_an_extension(path: str, name: str) -> None:
    assert bare_name(path) == name


def shared(first: str, second: str, *others: str) -> bool:
    """Whether two names share a hash, among others."""
    one, two, *_ = hash_keys([first, second, *others])
    return bool(set(one) & set(two))


def test_a_hash_is_recognised_by_its_beginning_or_its_end() -> None:
    whole = exported("left")
    assert shared(whole, exported("right", HASH[:10] + HASH[20:-3]))
    assert shared(whole, exported("right", HASH[6:]))
    assert not shared(whole, exported("right", HASH[6:-6]))
    assert not shared(whole, exported("left", HASH[::-1]))


def test_digits_at_the_end_are_a_hash_only_in_an_export() -> None:
    cut = f"train/tibia/lef{HASH[14:]}.jpg"
    others = [exported(f"x{number}", f"{number:032x}") for number in range(4)]
    assert shared(exported("left"), cut, *others)
    machine = ("a/7d44-9ab3c0c0ffee12.png", "a/91e0-9ab3c0c0ffee12.png")
    assert not shared(*machine)


def test_a_date_at_the_end_is_not_a_hash() -> None:
    others = [exported(f"x{number}", f"{number:032x}") for number in range(4)]
    assert not shared("a/ward_20210407.jpg", "a/clinic_20210407.jpg", *others)


def test_a_whole_hash_in_two_names_is_one_file() -> None:
    assert shared(f"a/{HASH}_large.jpg", f"b/{HASH}_small.jpg")
    assert not shared(f"a/{HASH}_large.jpg", f"b/{HASH[:-1]}0_large.jpg")


def test_a_hash_in_all_names_identifies_no_file() -> None:
    names = [f"a/{HASH}_{number}.jpg" for number in range(60)]
    assert not shared(*names)


def test_among_very_many_names_more_digits_must_agree() -> None:
    pair = exported("left"), exported("right", HASH[:8] + "0" * 24)
    assert shared(*pair)
    rng = np.random.default_rng(0)
    crowd = [exported(f"x{number}", rng.bytes(16).hex()) for number in range(100_000)]
    assert not shared(*pair, *crowd)
