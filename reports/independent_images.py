"""Count the independent images that a split policy tests."""

from __future__ import annotations

from reports.run import Run

Tested = tuple[str, str, str]  # split policy, scenario, augmentation


def independent_images(run: Run) -> dict[Tested, int]:
    """Groups of images in the test parts of one repeat (the mean over repeats, folds together).

    Copies of an image and its duplicates count once. Nothing for a run that recorded no split.
    """
    splits, images = run.tables["splits"], run.tables["images"]
    tested = splits[splits["part"] == "test"]
    group = dict(zip(images["image_id"], images["group"], strict=True))
    tested = tested.assign(picture=[group.get(one, one) for one in tested["image_id"]])
    keys = ["split_policy", "scenario", "augmentation"]
    sizes = tested.groupby([*keys, "repeat"])["picture"].nunique().groupby(level=keys).mean()
    return {
        (str(name[0]), str(name[1]), str(name[2])): round(size)  # type: ignore[index]
        for name, size in sizes.items()
    }
