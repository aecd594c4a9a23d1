"""A cell's metrics and its champion's setting, as lines of two small tables."""

from __future__ import annotations

from reports import wording
from reports.run import Row, interval_of


def setting(row: Row) -> list[tuple[str, str]]:
    """How the champion was trained."""
    return [
        ("weights", "random" if row["weights"] == "none" else row["weights"]),
        ("learning rate", wording.rate(row["lr"])),
        ("batch size", wording.count(row["batch_size"])),
        ("hidden layers", row["hidden"] or "none"),
        ("best epoch", wording.count(row["best_epoch"])),
        (
            "train / val / test",
            " / ".join(wording.count(row[f"n_{p}"]) for p in ("train", "val", "test")),
        ),
        ("training time", wording.seconds(row["train_s"])),
    ]


def metrics(row: Row) -> list[tuple[str, str, str]]:
    """(name, value, remark) of what was measured on the test set, in percent."""
    optimism = None
    if row["val_accuracy"] is not None and row["accuracy"] is not None:
        optimism = row["val_accuracy"] - row["accuracy"]
    shares = [
        ("accuracy", "accuracy", f"95 % interval {wording.percent_range(interval_of(row))}"),
        ("precision", "precision", "weighted by class size"),
        ("recall", "recall", "weighted: equals accuracy"),
        ("F1", "f1", "weighted by class size"),
        ("macro F1", "macro_f1", "every class counts the same"),
        ("AUROC", "auroc", "one against the rest, weighted"),
        ("validation accuracy", "val_accuracy", "chose the champion"),
    ]
    rows = [(name, wording.percent(row[column]), remark) for name, column, remark in shares]
    rows.append(("optimism", wording.points(optimism), "validation minus test, points"))
    rows.append(
        ("most common class", wording.percent(row["chance"]), "accuracy of always naming it")
    )
    return rows
