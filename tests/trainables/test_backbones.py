"""The cut networks against timm's whole ones, and errors for unavailable weights."""

import copy
from collections.abc import Callable
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
import timm
import torch
from safetensors.torch import save_file
from torch import Tensor, nn

from datasets.drawn.synthetic import calibration_radiographs
from tests.trainables.conftest import noise
from trainables import pretrained
from trainables.backbones import Backbone, build_backbone, calibrate_batchnorm
from trainables.pretrained import load_backbone
from trainables.registry import BACKBONES, Weights, WeightsError

MOBILENET = BACKBONES["mobilenet"]
Calibrated = Callable[[str], Backbone]


@torch.no_grad()
def _features(backbone: Backbone, pixels: Tensor) -> Tensor:
    return backbone.suffix(backbone.prefix(backbone.normalise(pixels)))


def _timm_state(backbone: Backbone) -> dict[str, Tensor]:
    """The backbone's weights under timm's names."""
    return {
        timm_name + key[len(own) :]: value
        for timm_name, own in backbone.names.items()
        for key, value in backbone.state().items()
        if key.startswith(f"{own}.")
    }


def _timm_model(backbone: Backbone, **args: Any) -> nn.Module:
    """timm's whole network; tensors missing in the cut one have no values."""
    with torch.device("meta"):
        model = timm.create_model(backbone.spec.timm_name, num_classes=0, **args)
    model.load_state_dict(_timm_state(backbone), strict=False, assign=True)
    return model.eval()


def _write(backbone: Backbone, path: Path, **more: Tensor) -> Path:
    save_file({k: v.contiguous() for k, v in (_timm_state(backbone) | more).items()}, path)
    return path


def _load(path: Path | str) -> Backbone:
    return load_backbone(MOBILENET, Weights.parse(str(path)))


@pytest.mark.parametrize("name", BACKBONES)
@torch.no_grad()
def test_prefix_then_suffix_is_timms_forward_features(name: str, calibrated: Calibrated) -> None:
    backbone, pixels = calibrated(name), noise(2, seed=1, side=96)
    expected = _timm_model(backbone).forward_features(backbone.normalise(pixels))
    assert expected.std() > 0.01
    torch.testing.assert_close(_features(backbone, pixels), expected, rtol=0, atol=0)


@pytest.mark.parametrize("name", BACKBONES)
def test_a_backbone_is_frozen_and_in_eval_mode_and_cut_where_the_registry_says(
    name: str, calibrated: Calibrated
) -> None:
    backbone = calibrated(name)
    for part in (backbone.prefix, backbone.suffix):
        assert not any(p.requires_grad for p in part.parameters())
        assert not any(module.training for module in part.modules())
    first = next(name for name, _ in backbone.suffix.named_children())
    assert backbone.names[backbone.spec.suffix_from] == f"suffix.{first}"


def test_random_weights_are_always_the_same_and_leave_the_global_generator_alone() -> None:
    torch.manual_seed(1)
    first = build_backbone(MOBILENET).state()
    after = torch.rand(3)
    torch.manual_seed(1)
    torch.testing.assert_close(torch.rand(3), after, rtol=0, atol=0)
    second = build_backbone(MOBILENET).state()
    torch.testing.assert_close(second, first, rtol=0, atol=0)


@pytest.mark.parametrize("name", ["mobilenet", "efficientnetb3"])
def test_a_file_that_timm_saved_with_its_classifier_loads(
    name: str, calibrated: Calibrated, tmp_path: Path
) -> None:
    with torch.random.fork_rng():
        torch.manual_seed(3)
        model = timm.create_model(BACKBONES[name].timm_name, num_classes=7)
    model.load_state_dict(_timm_state(calibrated(name)), strict=False)
    save_file(model.state_dict(), tmp_path / "w.safetensors")
    loaded = load_backbone(BACKBONES[name], Weights.parse(str(tmp_path / "w.safetensors")))
    torch.testing.assert_close(loaded.state(), calibrated(name).state(), rtol=0, atol=0)


def test_a_half_precision_file_loads_as_float32(calibrated: Calibrated, tmp_path: Path) -> None:
    state = _timm_state(calibrated("mobilenet"))
    half = {k: v.half() if v.is_floating_point() else v for k, v in state.items()}
    save_file(half, tmp_path / "half.safetensors")
    loaded = _load(tmp_path / "half.safetensors")
    expected = {k: v.to(state[k].dtype) for k, v in half.items()}
    torch.testing.assert_close(_timm_state(loaded), expected, rtol=0, atol=0)
    assert _features(loaded, noise(2)).dtype == torch.float32


def test_a_file_of_another_network_is_refused(calibrated: Calibrated, tmp_path: Path) -> None:
    path = _write(calibrated("efficientnetb3"), tmp_path / "other.safetensors")
    with pytest.raises(WeightsError, match=r"other\.safetensors': not those of mobil") as caught:
        _load(path)
    assert "\n" not in str(caught.value)


def test_a_file_of_a_larger_network_of_the_family_is_refused(
    calibrated: Calibrated, tmp_path: Path
) -> None:
    """ResNet101 has every tensor of ResNet50, and more."""
    deeper = {"blocks.4.2.conv_dw.weight": torch.zeros(8, 1, 3, 3)}
    path = _write(calibrated("mobilenet"), tmp_path / "larger.safetensors", **deeper)
    with pytest.raises(
        WeightsError, match=r"1 unknown; the first is blocks\.4\.2\.conv_dw\.weight"
    ):
        _load(path)


def test_a_file_without_the_layers_of_own_pooling_tells_how_to_do_without(tmp_path: Path) -> None:
    """VGG's pooling has two of its dense layers, which files of a headless network lack."""
    spec = BACKBONES["vgg16"]
    without = build_backbone(spec, device="meta")
    shapes = {key: list(value.shape) for key, value in _timm_state(without).items()}
    path = tmp_path / "headless.safetensors"
    pretrained._check_shapes(without, shapes, path)
    whole = build_backbone(replace(spec, own_pooling=True), device="meta")
    with pytest.raises(WeightsError, match=r"head\.pooling=avg does without it$"):
        pretrained._check_shapes(whole, shapes, path)
    shapes.pop(next(iter(shapes)))
    with pytest.raises(WeightsError) as caught:
        pretrained._check_shapes(whole, shapes, path)
    assert "head.pooling" not in str(caught.value)


def test_a_missing_or_invalid_safetensors_file_is_named(tmp_path: Path) -> None:
    (tmp_path / "text.safetensors").write_text("not weights")
    for name in ("gone.safetensors", "text.safetensors"):
        with pytest.raises(WeightsError, match=name) as caught:
            _load(tmp_path / name)
        assert "\n" not in str(caught.value)


def test_arguments_after_the_path_reach_timm(calibrated: Calibrated, tmp_path: Path) -> None:
    backbone, pixels = calibrated("mobilenet"), noise(2)
    path = _write(backbone, tmp_path / "w.safetensors")
    same = _load(f"{path}?pad_type=same")
    with torch.no_grad():
        model = _timm_model(backbone, pad_type="same")
        expected = model.forward_features(backbone.normalise(pixels))
    torch.testing.assert_close(_features(same, pixels), expected, rtol=0, atol=0)
    assert not torch.allclose(_features(backbone, pixels), expected, atol=0.01)


def test_an_argument_unknown_to_timm_is_reported(calibrated: Calibrated) -> None:
    with pytest.raises(WeightsError, match=r"weights of mobilenet: timm does not take .*padding"):
        load_backbone(MOBILENET, Weights.parse("none?padding=same"), noise(2))


def test_pixels_are_scaled_as_by_timm_unless_mean_and_std_are_given() -> None:
    pixels = noise(2)
    scale = timm.get_pretrained_cfg(BACKBONES["resnet50"].timm_name).to_dict()
    mean, std = (torch.tensor(scale[name]).view(1, 3, 1, 1) for name in ("mean", "std"))
    own = build_backbone(BACKBONES["resnet50"]).normalise(pixels)
    torch.testing.assert_close(own, (pixels / 255 - mean) / std)
    given = build_backbone(MOBILENET, {"mean": "0.25", "std": "2"}).normalise(pixels)
    torch.testing.assert_close(given, (pixels / 255 - 0.25) / 2)
    with pytest.raises(WeightsError, match=r"mean and std must be numbers"):
        build_backbone(MOBILENET, {"mean": "grey"})


@pytest.mark.parametrize("error", [OSError("No route.\nDetails"), RuntimeError("closed")])
def test_an_unreachable_hub_is_one_line_that_names_the_choices(
    error: Exception, monkeypatch: pytest.MonkeyPatch
) -> None:
    def unreachable(*args: object, **options: object) -> nn.Module:
        raise error

    monkeypatch.setattr(pretrained, "out_of_reach", lambda specs: "")
    monkeypatch.setattr(timm, "create_model", unreachable)
    with pytest.raises(WeightsError, match="path of a safetensors file, or none") as caught:
        load_backbone(BACKBONES["vgg16"], Weights.parse("imagenet"))
    assert str(caught.value).startswith("weights.vgg16='imagenet': vgg16.tv_in1k cannot be loaded")
    assert "\n" not in str(caught.value)


def test_a_hub_out_of_reach_is_not_asked_again(monkeypatch: pytest.MonkeyPatch) -> None:
    """timm's client would retry for most of a minute."""
    monkeypatch.setattr(pretrained, "out_of_reach", lambda specs: "no route")
    monkeypatch.setattr(timm, "create_model", lambda *_, **__: pytest.fail("asked"))
    with pytest.raises(WeightsError, match=r"cannot be loaded from the hub \(no route\)"):
        load_backbone(BACKBONES["vgg16"], Weights.parse("imagenet"))


def test_imagenet_requests_the_pretrained_tag_from_timm(monkeypatch: pytest.MonkeyPatch) -> None:
    real, asked = timm.create_model, []

    def create(name: str, pretrained: bool, **options: Any) -> nn.Module:
        asked.append((name, pretrained))
        return real(name, pretrained=False, **options)

    monkeypatch.setattr(pretrained, "out_of_reach", lambda specs: "")
    monkeypatch.setattr(timm, "create_model", create)
    load_backbone(MOBILENET, Weights.parse("imagenet"))
    assert asked == [(MOBILENET.timm_name, True)]


@torch.no_grad()
def test_calibration_gives_the_inputs_of_every_batchnorm_a_mean_square_of_one() -> None:
    backbone, pixels = build_backbone(MOBILENET), noise(6)
    calibrate_batchnorm(backbone, pixels)
    norms = {
        name: norm
        for part in (backbone.prefix, backbone.suffix)
        for name, norm in part.named_modules()
        if isinstance(norm, nn.BatchNorm2d)
    }
    squares: dict[str, float] = {}
    for name, norm in norms.items():
        assert norm.running_mean is not None
        assert norm.running_var is not None
        assert not norm.training
        assert not norm.running_mean.any()
        assert len(norm.running_var.unique()) == 1
        norm.register_forward_pre_hook(partial(_record, squares, name))
    _features(backbone, pixels)
    assert squares.keys() == norms.keys()
    for name, square in squares.items():
        assert square == pytest.approx(1, abs=1e-4), name


def _record(squares: dict[str, float], name: str, norm: nn.Module, inputs: tuple[Tensor]) -> None:
    assert isinstance(norm, nn.BatchNorm2d)
    assert norm.running_var is not None
    squares[name] = float(inputs[0].square().mean() / norm.running_var[0])


@pytest.mark.parametrize("name", BACKBONES)
@torch.no_grad()
def test_near_copies_have_similar_features_under_random_weights(name: str) -> None:
    """More similar than those of different pictures, however deep the network is."""
    backbone, side = build_backbone(BACKBONES[name]), 80
    drawn = [cv2.resize(one, (side, side)) for one in calibration_radiographs(12)]
    turn = cv2.getRotationMatrix2D((side / 2, side / 2), 3, 1)
    turned = [cv2.warpAffine(one, turn, (side, side)) for one in drawn]
    pictures, copies = (
        torch.from_numpy(np.stack(images))[:, None].expand(-1, 3, -1, -1)
        for images in (drawn, turned)
    )
    calibrate_batchnorm(backbone, pictures)
    found, again = (_features(backbone, one).mean((2, 3)) for one in (pictures, copies))
    apart = (found - found.mean(0)).norm(dim=1).median()
    assert (again - found).norm(dim=1).median() < 0.8 * apart


def test_a_second_calibration_replaces_the_first() -> None:
    once, twice = build_backbone(MOBILENET), build_backbone(MOBILENET)
    calibrate_batchnorm(once, noise(6))
    for pixels in (255 - noise(6), noise(6)):
        calibrate_batchnorm(twice, pixels)
    torch.testing.assert_close(twice.state(), once.state(), rtol=0, atol=0)


@pytest.mark.parametrize("name", ["mobilenet", "efficientnetb3"])
def test_calibration_is_the_same_with_any_number_of_threads(name: str) -> None:
    states = []
    for threads in (1, 2, 3):
        torch.set_num_threads(threads)
        try:
            backbone = build_backbone(BACKBONES[name])
            calibrate_batchnorm(backbone, noise(8))
            assert torch.get_num_threads() == threads
        finally:
            torch.set_num_threads(1)
        states.append(backbone.state())
    for state in states[1:]:
        torch.testing.assert_close(state, states[0], rtol=0, atol=0)


def test_random_weights_are_calibrated_since_features_would_vanish() -> None:
    spec = BACKBONES["efficientnetb3"]
    with pytest.raises(ValueError, match="calibration images"):
        load_backbone(spec, Weights.parse("none"))
    vanished = _features(build_backbone(spec), noise(4))
    features = _features(load_backbone(spec, Weights.parse("none"), noise(4)), noise(4))
    assert vanished.std() < 1e-3
    assert 0.1 < features.std() < 10


def test_a_state_can_be_loaded_into_a_backbone_without_values(calibrated: Calibrated) -> None:
    backbone = calibrated("mobilenet")
    empty = build_backbone(MOBILENET, device="meta")
    empty.load_state(copy.deepcopy(backbone.state()))
    assert not any(p.requires_grad for p in empty.suffix.parameters())
    torch.testing.assert_close(
        _features(empty, noise(2)), _features(backbone, noise(2)), rtol=0, atol=0
    )
