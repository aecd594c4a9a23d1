"""Distinctive stems are weighed against all names, not looked up in a list."""

import unicodedata

import pytest

from datasets.filenames.distinctive import MOST_IMAGES, StemWeights, plain_stem

FRACTURES = [
    f"{part}-{side}-view-{n}" for part in ("hip", "knee") for side in "lr" for n in range(9)
]
COUNTED = [f"image{number}" for number in range(40)]
CAMERA = [f"img_{number:04d}" for number in range(1200, 1260)]
FIGURES = [f"{12000 + 37 * n}_20{n % 20:02d}_{300 + 11 * n}_fig{n % 4}" for n in range(60)]
STEMS = [*FRACTURES, *COUNTED, *CAMERA, *FIGURES, "fig7-proximal-humerus-of-a-toddler"]


@pytest.mark.parametrize(
    "stem",
    ["image25", "000001", "img_1234", "download", "2", "1a", "hip-l-view-3", "fig2", "image 7"],
)
def test_common_stems_are_generic(stem: str) -> None:
    assert not StemWeights([*STEMS, stem, stem]).is_distinctive(stem)


@pytest.mark.parametrize(
    "stem",
    [
        "12891_2018_2170_fig1",
        "fig7-proximal-humerus-of-a-toddler",
        "journal-104-1-2180-g1",
        "img_20210407_123456",
    ],
)
def test_unusual_stems_are_distinctive(stem: str) -> None:
    assert StemWeights([*STEMS, stem, stem]).is_distinctive(stem)


def test_a_stem_of_many_images_is_generic() -> None:
    stem = "fig7-proximal-humerus-of-a-toddler"
    assert StemWeights([*STEMS[:-1], *[stem] * MOST_IMAGES]).is_distinctive(stem)
    assert not StemWeights([*STEMS[:-1], *[stem] * (MOST_IMAGES + 1)]).is_distinctive(stem)


def test_words_in_all_names_weigh_nothing_and_rare_ones_most() -> None:
    weights = StemWeights([f"xray_{word}" for word in ("heron", "otter", "otter_b", "lynx")])
    assert weights.rarity("xray") == 0
    assert 0 < weights.rarity("otter") < weights.rarity("lynx")


def test_more_names_need_rarer_stems() -> None:
    few, many = ([f"scan_{10_000 + n}" for n in range(count)] for count in (3, 3000))
    assert StemWeights(few).is_distinctive("scan_10001")
    assert not StemWeights(many).is_distinctive("scan_10001")


def test_a_number_weighs_by_its_size_and_leading_zeros_nothing() -> None:
    weights = StemWeights(STEMS)
    assert weights.rarity("000007") == weights.rarity("7") < weights.rarity("700001")


def test_copies_and_spellings_of_a_stem_are_equal() -> None:
    name = "Hüfte-links"
    spellings = [
        name,
        unicodedata.normalize("NFD", name),
        name.upper(),
        f"{name} (2)",
        f"{name} - Copy",
        f"{name}_copy (3)",
        f"{name}-2-",
    ]
    assert len({plain_stem(spelling) for spelling in spellings}) == 1
    assert plain_stem("hip-2") == "hip-2"
    assert plain_stem("(2)") == "(2)"
