"""Any timm network, of every family: its parts against the whole, and cached against uncached."""

import copy
import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow.fs as pafs
import pytest
import timm
import torch
from safetensors.torch import save_file
from timm.optim._param_groups import param_groups_layer_decay

from tests.trainables.conftest import noise
from tests.trainables.settings import training
from tests.trainables.tables import opened, write_table
from trainables.backbones import Backbone, build_backbone, calibrate_batchnorm
from trainables.cuts import resolve
from trainables.cutting import Features
from trainables.extractor import Extraction, FrozenNetwork
from trainables.finetune import ActivationRows, PixelRows, finetune_module, with_prefix
from trainables.inference import channels_last, for_inference
from trainables.loop import train
from trainables.optimiser import build_optimiser
from trainables.pretrained import check_weights_file, load_backbone
from trainables.registry import BackboneSpec, Weights, WeightsError
from trainables.stored_backbone import StoredBackbone, save_backbone
from trainables.timm_models import full_name

LOCAL, CPU, SIDE = pafs.LocalFileSystem(), torch.device("cpu"), 64
FAMILIES = {  # a small network of each: the module that fine-tuning begins with at depth last, half
    "resnet18": ("layer4.1", "layer3.0"),
    "resnetv2_50": ("stages.3.blocks.2", "stages.2.blocks.1"),
    "efficientnet_b0": ("blocks.6.0", "blocks.4.0"),
    "convnext_atto": ("stages.3.blocks.1", "stages.2.blocks.2"),
    "densenet121": ("features.denseblock4.denselayer16", "features.denseblock3.denselayer12"),
    "regnety_002": ("s4.b7", "s4"),
    "mobilenetv3_small_050": ("blocks.5.0", "blocks.3.0"),
    "vit_tiny_patch16_224": ("blocks.11", "blocks.6"),
    "deit_tiny_distilled_patch16_224": ("blocks.11", "blocks.6"),
    "swin_tiny_patch4_window7_224": ("layers.3.blocks.1", "layers.2.blocks.2"),
    "vit_small_patch14_reg4_dinov2": ("blocks.11", "blocks.6"),
    "vit_small_patch16_dinov3": ("blocks.11", "blocks.6"),
    "resnet50_clip": ("stages.3.2", "stages.2.1"),
    "inception_v3": ("Mixed_7c", "Mixed_6c"),
    "vgg11": ("features.18", "features.11"),
    "hrnet_w18_small": ("stage4", "stage3"),
    "poolformer_s12": ("stages.3", "stages.2"),
}
TRAINED = ("vit_tiny_patch16_224", "convnext_atto", "densenet121")


def spec_of(name: str, depth: str = "last", own_pooling: bool = True) -> BackboneSpec:
    size = 80 if name == "inception_v3" else SIDE
    spec = BackboneSpec(name, name, full_name(name), "", "", image_size=size)
    return resolve(replace(spec, own_pooling=own_pooling), depth, {})


def calibrated(spec: BackboneSpec) -> Backbone:
    backbone = build_backbone(spec)
    calibrate_batchnorm(backbone, noise(8, side=spec.image_size))
    return backbone


def whole_of(backbone: Backbone) -> Features:
    """timm's whole network with the backbone's weights."""
    spec = backbone.spec
    model = timm.create_model(spec.timm_name, num_classes=0, **spec.size_arguments)
    named = {backbone.timm_name(name): value for name, value in backbone.state().items()}
    missing, unknown = model.load_state_dict(named, strict=False)
    assert not unknown
    assert all(name.split(".")[0] in ("pre_logits", "head", "conv_head") for name in missing)
    return Features(model.eval(), spec.own_pooling)


@pytest.mark.parametrize("depth", ["last", "half"])
@pytest.mark.parametrize("name", FAMILIES)
@torch.no_grad()
def test_prefix_then_suffix_is_timms_network(name: str, depth: str) -> None:
    """With the network's own pooling at one depth, and its map or tokens at the other."""
    spec = spec_of(name, depth, own_pooling=depth == "last")
    assert spec.suffix_from == FAMILIES[name][depth == "half"]
    backbone = calibrated(spec)
    pixels = backbone.normalise(noise(3, seed=1, side=spec.image_size))
    activations = backbone.prefix(pixels)
    expected = whole_of(backbone)(pixels)
    assert expected.ndim == (2 if spec.own_pooling else 4)
    assert expected.std() > 1e-4
    torch.testing.assert_close(backbone.suffix(activations), expected, rtol=0, atol=0)
    quick = copy.deepcopy(backbone)
    prefix = for_inference(quick.prefix, pixels)
    difference = (prefix(channels_last(pixels)) - activations).abs().max()
    assert difference < 2e-3 * activations.abs().max()


@pytest.mark.parametrize("name", TRAINED)
def test_a_cached_trial_equals_the_uncached_one(name: str, tmp_path: Path) -> None:
    backbone = calibrated(spec_of(name))
    images, labels = noise(18, side=SIDE), np.arange(18) % 3
    parts = (np.arange(12), np.arange(12, 18))

    def fit(cached: bool) -> list[float]:
        own = copy.deepcopy(backbone)
        module = finetune_module(own, "model", [], 3, batchnorm="train", seed=9)
        if cached:
            with torch.no_grad():
                batches = [own.prefix(own.normalise(part)) for part in images.split(6)]
            wanted = write_table(tmp_path / "table", torch.cat(batches).numpy(), parts=2)
            table = opened(tmp_path / "table")
            numbers = table.find(wanted)
            rows: list[Any] = [
                ActivationRows(table, numbers[part], labels[part], CPU) for part in parts
            ]
        else:
            pixels = images.permute(0, 2, 3, 1).numpy()
            rows = [PixelRows(pixels[part], labels[part], CPU) for part in parts]
        torch.manual_seed(1)  # of dropout
        network = module if cached else with_prefix(own, module)
        curve = train(network, rows[0], rows[1], training(1e-4, 6, 2, 5)).curve
        return [loss for epoch in curve for loss in (epoch.train_loss, epoch.val_loss)]

    assert fit(True) == pytest.approx(fit(False), rel=1e-3)


@pytest.mark.parametrize("name", ["vit_small_patch16_dinov3", "swin_tiny_patch4_window7_224"])
@torch.no_grad()
def test_one_stored_file_serves_every_depth(name: str, tmp_path: Path) -> None:
    """Also of a network with tensors that no file holds, such as position tables."""
    backbone = calibrated(spec_of(name))
    save_backbone(backbone, str(tmp_path), LOCAL)
    pixels = backbone.normalise(noise(2, side=SIDE))
    expected = backbone.suffix(backbone.prefix(pixels))
    for depth in ("last", "half"):
        loaded = StoredBackbone(spec_of(name, depth), (), str(tmp_path), LOCAL).load()
        found = loaded.suffix(loaded.prefix(pixels))
        torch.testing.assert_close(found, expected, rtol=0, atol=0)
    extraction = Extraction(None, str(tmp_path), "model", "float32")
    stored = StoredBackbone(spec_of(name), (), str(tmp_path), LOCAL)
    found = FrozenNetwork(stored.load(), extraction, CPU)(noise(2, side=SIDE), 32)
    torch.testing.assert_close(found["prefix"], backbone.prefix(pixels))


@pytest.mark.parametrize("name", FAMILIES)
def test_every_family_computes_its_tables_in_bfloat16(name: str) -> None:
    images, found = noise(4, seed=1, side=spec_of(name).image_size), {}
    for precision in ("float32", "bfloat16"):
        settings = Extraction("pooled", "prefix", "model", "float32", precision)
        backbone = calibrated(spec_of(name, own_pooling=True))
        found[precision] = FrozenNetwork(backbone, settings, CPU)(images)
    for table, exact in found["float32"].items():
        rounded = found["bfloat16"][table]
        assert rounded.dtype == torch.float32
        assert 1e-4 < (rounded - exact).norm() / exact.norm() < 0.1, table


def test_a_network_without_batchnorm_is_not_calibrated() -> None:
    spec = spec_of("vit_tiny_patch16_224")
    once, twice = build_backbone(spec), build_backbone(spec)
    calibrate_batchnorm(twice, noise(4, side=SIDE))
    torch.testing.assert_close(once.state(), twice.state(), rtol=0, atol=0)


@torch.no_grad()
def test_weights_of_a_file_are_adapted_to_another_size_of_images(tmp_path: Path) -> None:
    """A file holds the position embeddings of 224 px."""
    name = "vit_tiny_patch16_224"
    own = build_backbone(replace(spec_of(name), image_size=224, built_for_size=False))
    named = {own.timm_name(k): v.contiguous() for k, v in own.state().items()}
    save_file(named, tmp_path / "w.safetensors")
    weights, spec = Weights.parse(str(tmp_path / "w.safetensors")), spec_of(name)
    check_weights_file(spec, weights)
    loaded = load_backbone(spec, weights)
    assert loaded.state()["prefix.pos_embed"].shape == (1, 1 + 16, 192)
    same = own.state()["prefix.blocks_0.mlp.fc1.weight"]
    torch.testing.assert_close(loaded.state()["prefix.blocks_0.mlp.fc1.weight"], same)


@torch.no_grad()
def test_a_folder_from_the_hub_loads_with_its_own_input_scale(tmp_path: Path) -> None:
    own = calibrated(spec_of("resnet18"))
    named = {own.timm_name(k): v.contiguous() for k, v in own.state().items()}
    save_file(named, tmp_path / "model.safetensors")
    scale = {"mean": [0.1, 0.2, 0.3], "std": [1.0, 1.0, 1.0]}
    about = {"architecture": "resnet18", "pretrained_cfg": scale}
    (tmp_path / "config.json").write_text(json.dumps(about))
    weights = Weights.parse(str(tmp_path)).located(own.spec.timm_name)
    assert weights.label == f"file:{tmp_path.name}"
    loaded = load_backbone(own.spec, weights)
    torch.testing.assert_close(loaded.state(), own.state(), rtol=0, atol=0)
    torch.testing.assert_close(loaded.normalise.mean.flatten() / 255, torch.tensor([0.1, 0.2, 0.3]))
    with pytest.raises(WeightsError, match=r"those of resnet18, not of resnet34"):
        Weights.parse(str(tmp_path)).located("resnet34.a1_in1k")


def test_a_size_that_a_network_cannot_process_is_refused_in_one_line() -> None:
    spec = BackboneSpec("v", "", full_name("inception_v4"), "", "", image_size=32)
    with pytest.raises(WeightsError, match=r"image_size=32: v \(inception_v4") as caught:
        resolve(spec, "last", {})
    assert "\n" not in str(caught.value)


def test_layer_groups_run_from_input_to_output() -> None:
    backbone = calibrated(spec_of("vit_tiny_patch16_224", "half"))
    blocks = [{name.split(".")[1] for name in names} for names in backbone.layer_groups]
    assert blocks[1:] == [*({f"blocks_{n}"} for n in range(11)), {"blocks_11", "norm"}]
    module = finetune_module(backbone, "model", [8], 3, batchnorm="train", seed=0, depth="half")
    names = {id(value): name for name, value in module.named_parameters()}
    groups = [[names[id(value)] for value in group] for group in module.layer_groups()]
    *early, last, head = groups
    blocks = [{name.split(".")[1] for name in group} for group in early]
    assert blocks == [{f"blocks_{n}"} for n in range(6, 11)]
    assert {name.split(".")[1] for name in last} == {"blocks_11", "norm"}
    assert {name.split(".")[0] for name in head} == {"head"}
    assert sum(map(len, groups)) == len(names)
    one = finetune_module(backbone, "model", [8], 3, batchnorm="train", seed=0)
    assert len(one.layer_groups()) == 2


@pytest.mark.parametrize("depth", ["last", "half", "all"])
@pytest.mark.parametrize("name", ["resnet18", "convnext_atto", "vit_tiny_patch16_224"])
def test_layer_wise_decay_is_timms(name: str, depth: str) -> None:
    """The rate of every tensor, against timm's; a last norm belongs to the group before it."""
    backbone = build_backbone(spec_of(name, "half" if depth == "half" else "last"))
    module = finetune_module(backbone, "model", [8], 3, batchnorm="train", seed=0, depth=depth)
    values = {"lr": 0.1, "layer_decay": 0.7, "group_decay": 0.7}
    rates = {
        id(one): group["lr"]
        for group in build_optimiser(module, values).param_groups
        for one in group["params"]
    }
    scales, last = _timms_scales(name)
    trained = set()
    for local, value in module.named_parameters():
        if local.startswith("head."):
            assert rates[id(value)] == 0.1
            continue
        timms = backbone.timm_name(local.removeprefix("suffix.") if depth == "all" else local)
        share = min(scales[timms], last) / last
        trained.add(share)
        assert rates[id(value)] == pytest.approx(0.1 * 0.7 * share), timms
    if depth == "last":
        assert trained == {1.0}
    else:
        assert len(trained) >= (9 if depth == "all" else 4)


def _timms_scales(name: str) -> tuple[dict[str, float], float]:
    """The scale of each tensor's learning rate, and that of the last group with weights."""
    model = timm.create_model(name, num_classes=0)
    names = {id(value): key for key, value in model.named_parameters()}
    scales = {
        names[id(one)]: float(group["lr_scale"])
        for group in param_groups_layer_decay(model, layer_decay=0.7)
        for one in group["params"]
    }
    return scales, max(scales[key] for key in scales if "norm" not in key)
