"""The words of the page, for readers who meet them for the first time."""

from __future__ import annotations

from reports.run import Run
from reports.sections.section import of_run

TERMS: tuple[tuple[str, str], ...] = (
    (
        "95 % interval (CI)",
        "a range that contains the true value in about 95 of 100 such experiments; more test "
        "images make it narrower",
    ),
    ("accuracy", "the share of test images whose most probable class is the right one"),
    (
        "AUROC, AUC",
        "how well the probability of a class orders its images before the others: 50 % is chance, "
        "100 % perfect",
    ),
    (
        "average precision (AP)",
        "the precision averaged over all thresholds; chance gives the share of the class",
    ),
    ("backbone", "the pretrained network whose features are used"),
    ("balanced accuracy", "the mean of the classes' sensitivities: rare classes count as much"),
    ("calibration, ECE", "whether of the images called with 80 % confidence 80 % are right"),
    ("cell", "one way of training: a backbone, its training, the classes and the split"),
    ("champion", "the best training of a cell on validation images; only it sees the test images"),
    ("Cohen's kappa", "agreement with the labels beyond what chance would give"),
    ("fold, repeat", "another division of the same images into training, validation and test"),
    (
        "group",
        "images that belong together, such as copies, near-copies or one patient's; intervals "
        "count groups",
    ),
    (
        "Holm's correction",
        "makes p-values larger where many differences are tested, so that chance finds are rare",
    ),
    ("leak", "a test image with a copy or relative among the training images"),
    ("majority class", "the accuracy of always answering with the most frequent class"),
    ("MCC", "Matthews correlation of labels and predictions: 0 is chance, 1 perfect"),
    ("operating point", "the threshold, chosen on validation images, that calls a class"),
    ("optimism", "how much better champions look on the validation images that chose them"),
    ("PPV, NPV", "the share of calls for, and against, a class that are right"),
    ("precision", "the same as PPV"),
    (
        "probe",
        "a simple classifier on frozen features: logistic regression (linear probe) or nearest "
        "neighbours",
    ),
    ("recall", "the same as sensitivity"),
    ("seed", "another training on the same division"),
    (
        "sensitivity, specificity",
        "the share of a class's images that are called it, and of the others that are not",
    ),
    (
        "strategy",
        "transfer trains a new last part only; fine-tuning also the backbone's last layers",
    ),
    ("temperature", "a number that makes probabilities less confident without changing the order"),
)


def glossary_of(run: Run) -> tuple[tuple[str, str], ...]:
    """Every term with its meaning, in alphabetical order."""
    return TERMS


SECTION = of_run(
    "glossary",
    "Glossary",
    "glossary.html.j2",
    glossary_of,
    "Terms of this page in plain words; open the list to look one up.",
)
