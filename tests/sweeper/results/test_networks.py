"""What the tables say about a run's backbones."""

from pathlib import Path

from sweeper.config.load import load_config
from sweeper.plan.collect import collect
from sweeper.plan.plan import Plan
from sweeper.results.networks import backbone_rows
from sweeper.store.store import Store


def test_weights_of_timm_have_a_vintage_and_random_ones_have_none(tmp_path: Path) -> None:
    settings = [
        f"store={tmp_path}",
        "data.synthetic.images_per_class=3",
        "data.near_duplicates=false",
        "grid.backbones=[mobilenet, vgg16, atto]",
        "backbones={atto: {model: convnext_atto.d2_in1k}}",
        "weights.mobilenet=none",
    ]
    config = load_config("smoke", settings)
    store = Store(config.store)
    rows = backbone_rows(Plan(config, collect(config.data, store), store))
    assert {row["backbone"]: row["vintage"] for row in rows} == {
        "mobilenet": None,
        "vgg16": "tv_in1k: ImageNet-1k",
        "atto": "d2_in1k: ImageNet-1k",
    }
    assert [row["license"] for row in rows] == [None, "bsd-3-clause", "apache-2.0"]
