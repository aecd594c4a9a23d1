"""The augmentations: what each does to a few images, and what it may do to their labels."""

from __future__ import annotations

import base64
from dataclasses import dataclass

from reports.run import Run, records
from reports.sections.section import of_run


@dataclass(frozen=True)
class Preview:
    """`image`: a data URI; `alt`: what it shows; `width` and `height`: px."""

    name: str
    transforms: str
    warnings: list[str]
    image: str
    alt: str
    width: int
    height: int


def previews_of(run: Run) -> list[Preview] | None:
    """A contact sheet for each augmentation, from the table `previews`; None without any."""
    return [
        Preview(
            name=row["augmentation"],
            transforms=", ".join(row["transforms"]),
            warnings=list(row["warnings"]),
            image=f"data:image/jpeg;base64,{base64.b64encode(row['image']).decode('ascii')}",
            alt=f"Augmentation {row['augmentation']}: one image a row of the classes "
            f"{', '.join(row['classes'])}; the image itself, then copies of it",
            width=row["width"],
            height=row["height"],
        )
        for row in sorted(records(run.tables["previews"]), key=lambda row: row["augmentation"])
    ] or None


SECTION = of_run(
    "augmentations",
    "Augmentations",
    "augmentations.html.j2",
    previews_of,
    "Ask of every copy whether an expert would still give it the label of its image; where not, "
    "the augmentation teaches wrong labels.",
)
