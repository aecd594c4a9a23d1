"""File names that tell one source are put together, all others left alone."""

import hashlib
import unicodedata
from collections import defaultdict

from datasets.filenames.sources import filename_sources

FIGURE = "a-b-radiographs-of-the-forearm-after-cast"


def exported(folder: str, stem: str, salt: str = "") -> str:
    digest = hashlib.md5(f"{folder}{stem}{salt}".encode()).hexdigest()
    return f"{folder}/{stem}_jpg.rf.{digest}.jpg"


# Names of an export: each with a number of its own, nothing to group.
CROWD = [exported(f"train/{'ab'[n % 2]}", f"image{n}") for n in range(80)]


def together(*paths: str) -> set[frozenset[str]]:
    """The sets of these paths that lie in one source, among a crowd of others."""
    sources: dict[str, set[str]] = defaultdict(set)
    for path, source in filename_sources([*paths, *CROWD]).items():
        if source and path in paths:
            sources[source].add(path)
    return {frozenset(own) for own in sources.values() if len(own) > 1}


def test_augmented_copies_of_one_upload_are_one_source_however_it_is_called() -> None:
    copies = [exported("train/a", "download", salt) for salt in "xyz"]
    assert together(*copies) == {frozenset(copies)}


def test_a_generic_stem_in_two_folders_is_two_pictures() -> None:
    assert together(exported("train/a", "image7"), exported("train/b", "image7")) == set()
    assert together(exported("train/a", "image7"), exported("test/a", "image7")) == set()


def test_a_distinctive_stem_is_one_source_in_any_folder() -> None:
    pair = exported("train/a", FIGURE), exported("test/b", FIGURE)
    assert together(*pair) == {frozenset(pair)}
    plain = f"train/a/{FIGURE}.png", f"test/b/{FIGURE.upper()} (1).jpg"
    assert together(*plain) == {frozenset(plain)}


def test_panels_cut_from_an_exported_figure_are_one_source() -> None:
    whole = exported("train/a", "image3")
    shorter = whole.replace("image3", "im")
    clipped = whole[:-20] + whole[-14:]
    bare = f"train/a/im{whole[-24:]}"
    assert together(whole, shorter, clipped, bare) == {frozenset((whole, shorter, clipped, bare))}


def test_one_link_after_another_makes_one_source() -> None:
    first = exported("train/a", FIGURE)
    second = exported("train/b", FIGURE)
    third = second.replace(FIGURE, "forearm")
    assert together(first, second, third) == {frozenset((first, second, third))}


def test_plain_sequences_have_no_source() -> None:
    paths = [f"{part}/{name}/{n:03d}.png" for part in ("train", "test") for name in "ab"
             for n in range(200)]  # fmt: skip
    assert set(filename_sources(paths).values()) == {""}


def test_composed_and_decomposed_names_are_one() -> None:
    name = "ellenbogen-nach-stürzen-übersicht"
    pair = f"a/{name}.png", f"b/{unicodedata.normalize('NFD', name)}.png"
    assert together(*pair) == {frozenset(pair)}


def test_the_source_is_its_first_path_and_does_not_depend_on_the_order() -> None:
    paths = [exported("train/b", FIGURE), exported("train/a", FIGURE), *CROWD]
    sources = filename_sources(paths)
    assert sources[paths[0]] == sources[paths[1]] == paths[1]
    assert filename_sources(reversed(paths)) == sources
