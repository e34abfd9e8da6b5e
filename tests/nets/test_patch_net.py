"""One contract for every architecture: where an image is cut does not matter, and the reach says from where on."""

from typing import ClassVar

import pytest
import timm
import torch

from lesionkit.core.errors import LesionkitError
from lesionkit.nets.patch_net import PatchNet, for_inference, scaled
from lesionkit.nets.patch_net_settings import PatchNetSettings
from lesionkit.nets.weights import load_net, save_model

NARROW = {"channels": (8, 16), "blocks": (1, 1)}


def make(**changes) -> PatchNet:
    torch.manual_seed(0)
    net = PatchNet(PatchNetSettings.parse({"pretrained": False, **changes}))
    for module in net.modules():
        # As after training: norms that do something.
        if isinstance(module, torch.nn.BatchNorm2d):
            module.running_mean.normal_()
            module.running_var.uniform_(0.5, 2)
    return net.eval()


def parameters(net: torch.nn.Module) -> int:
    return sum(p.numel() for p in net.parameters())


@pytest.fixture(scope="class")
def net(request) -> PatchNet:
    return make(**request.cls.settings)


class Contract:
    """What every architecture does."""

    settings: ClassVar[dict]
    stride: int
    field: int

    @torch.inference_mode()
    def test_there_is_one_logit_per_stride(self, net):
        assert net.stride == self.stride
        sides = (net.multiple * 2, net.multiple * 3)
        assert net(torch.rand(2, 3, *sides)).shape == (2, 1, sides[0] // self.stride, sides[1] // self.stride)

    def test_it_looks_as_far_as_its_convolutions_say(self, net):
        assert net.field == self.field
        assert net.context % net.multiple == 0

    @torch.inference_mode()
    def test_a_part_of_an_image_gives_what_the_whole_does_inside_its_context(self, net):
        start = 2 * net.multiple
        side = 2 * net.context + net.multiple
        image = torch.rand(1, 3, net.multiple, start + side + net.multiple)
        inner = slice(net.context // net.stride, (net.context + net.multiple) // net.stride)
        part = net(image[..., start : start + side])[..., inner]
        whole = net(image)[..., start // net.stride :][..., inner]
        torch.testing.assert_close(part, whole, atol=1e-4, rtol=1e-4)

    def test_every_weight_learns(self, net):
        net = make(**self.settings).train()
        net(torch.rand(2, 3, 2 * net.multiple, 2 * net.multiple)).square().sum().backward()
        assert all(p.grad is not None and p.grad.isfinite().all() for p in net.parameters())
        assert next(net.parameters()).grad.abs().max() > 0

    @torch.inference_mode()
    def test_a_copy_for_inference_says_the_same(self, net):
        image = torch.rand(1, 3, 2 * net.multiple, 2 * net.multiple)
        ready = for_inference(net, torch.device("cpu"), torch.float32)
        torch.testing.assert_close(ready(image), net(image), atol=1e-4, rtol=1e-4)

    @torch.inference_mode()
    def test_it_comes_back_from_a_file(self, net, tmp_path):
        loaded, card = load_net(save_model(tmp_path / "m.safetensors", net, {"seed": 3}), PatchNet)
        image = torch.rand(1, 3, 2 * net.multiple, 2 * net.multiple)
        assert (loaded.settings, card) == (net.settings, {"seed": 3})
        torch.testing.assert_close(loaded(image), net(image), atol=0.05, rtol=0.05)

    def test_another_size_names_the_next_one_that_works(self, net):
        m = net.multiple
        with pytest.raises(LesionkitError, match=f"multiples of {m}, got {m + 1} × {m}; pad or crop to {2 * m} × {m}"):
            net(torch.rand(1, 3, m + 1, m))


class TestNarrow(Contract):
    settings = NARROW
    stride = 8
    # 12 of the stem, 16 of one block at stride 4, 8 of the step down, 32 of one block at stride 8, and up to 4 more
    # because both sides are rounded up to whole outputs.
    field = 72


class TestTransposed(Contract):
    settings: ClassVar = {"architecture": "transposed", "scaling": "half"}
    stride = 1
    field = 96


class TestInception(Contract):
    settings: ClassVar = {"architecture": "inception", "width_divisor": 8}
    stride = 1
    field = 990


class TestUnet(Contract):
    settings: ClassVar = {"architecture": "unet", "base": 4}
    stride = 1
    field = 189


class TestTimm(Contract):
    settings: ClassVar = {"encoder": "test_resnet", "stride": 8}
    stride = 8
    field = 64


class TestLite(Contract):
    """Padded as TensorFlow does, more on the right; enlarged; with its surroundings."""

    settings: ClassVar = {"encoder": "tf_efficientnet_lite0", "stride": 12, "depth": 16, "surroundings_px": 36}
    stride = 12
    field = 288


def test_the_transposed_net_has_the_published_number_of_parameters():
    assert parameters(make(architecture="transposed")) == 1_538_048


def test_half_of_inception_has_about_two_million_parameters_before_it_goes_up_again():
    net = make(architecture="inception")
    assert 2.0e6 < parameters(net.body.stem) + parameters(net.body.mixed) < 2.3e6


def test_the_shipped_net_is_small_and_looks_at_its_surroundings():
    net = PatchNet()
    assert parameters(net) < 2_000_000
    assert (net.stride, net.field, net.context) == (8, 120, 56)


@torch.inference_mode()
def test_white_and_black_enter_as_each_scaling_says():
    image = torch.tensor([0.0, 1.0]).view(1, 1, 1, 2).expand(1, 3, 1, 2)
    seen = {name: scaled(image, name)[0, 0, 0].tolist() for name in ("none", "half", "bytes", "imagenet")}
    assert (seen["none"], seen["half"], seen["bytes"]) == ([0, 1], [-0.5, 0.5], [0, 255])
    assert seen["imagenet"] == pytest.approx([-0.485 / 0.229, (1 - 0.485) / 0.229])


class Fixed(torch.nn.Module):
    """Says at every eighth pixel how red it is."""

    stride = multiple = 8

    def __init__(self) -> None:
        super().__init__()
        self.weight = torch.nn.Parameter(torch.ones(()))

    def forward(self, image: torch.Tensor) -> torch.Tensor:
        return image[:, :1, ::8, ::8]


def test_a_patch_is_judged_by_its_middle_alone_and_near_its_largest_output():
    net = make(**NARROW, scaling="none")
    net.body = Fixed()
    patch = torch.full((3, 3, 96, 96), 50.0)
    patch[:, :, 32:64, 32:64] = 2.0
    patch[1, :, 40, 48] = 12.0
    patch[2, :, 24, 48] = 99.0
    flat, peaked, outside = net.patch_logit(patch).tolist()
    assert flat == outside == pytest.approx(2)
    # One of 16 outputs of 12 above the others: their soft maximum is log 16 less.
    assert peaked == pytest.approx(12 - 2.7726, abs=1e-2)


def test_a_middle_larger_than_the_patch_is_refused():
    with pytest.raises(LesionkitError, match="the middle of 32 pixels must lie in the patch, got"):
        make(**NARROW).patch_logit(torch.rand(1, 3, 16, 16))


def test_grey_patches_are_refused():
    with pytest.raises(LesionkitError, match=r"\(b, 3, y, x\), got \(1, 1, 32, 32\)"):
        make(**NARROW)(torch.rand(1, 1, 32, 32))


@pytest.mark.parametrize(
    ("changes", "sentence"),
    [
        ({"encoder": "resnt18"}, "unknown encoder 'resnt18'; did you mean 'resnet18'"),
        ({"encoder": "??"}, "unknown encoder '\\?\\?'; take narrow, resnet18 or convnext_pico"),
        ({"encoder": "test_vit", "stride": 16}, "do not lie on a grid of every 16th pixel"),
        ({"encoder": "test_vit", "stride": 8}, "has the strides 16, got 8"),
        ({"encoder": "narrow", "stride": 16}, "narrow has the stride 8, got 16; leave it out"),
    ],
)
def test_an_encoder_that_cannot_be_run_on_a_slide_says_why(changes, sentence):
    with torch.device("meta"), pytest.raises(LesionkitError, match=sentence):
        PatchNet(PatchNetSettings(pretrained=False, **changes))


def test_weights_that_cannot_be_downloaded_are_one_sentence(monkeypatch):
    create = timm.create_model

    def offline(name, pretrained=False, **options):
        if pretrained:
            raise OSError("no route")
        return create(name, **options)

    monkeypatch.setattr(timm, "create_model", offline)
    with pytest.raises(LesionkitError, match=r"weights of resnet18 could not be downloaded \(OSError: no route\)"):
        PatchNet(PatchNetSettings(encoder="resnet18"))


class Mean(Fixed):
    """As squeeze and excitation: every output knows the mean of the image."""

    def forward(self, image: torch.Tensor) -> torch.Tensor:
        return super().forward(image) * image.mean()


def test_a_net_that_means_over_the_whole_image_has_no_reach():
    net = make(**NARROW)
    net.body = Mean()
    with pytest.raises(LesionkitError, match="depends on the whole window"):
        _ = net.reach


def test_measuring_the_reach_leaves_the_net_in_training():
    net = make(**NARROW).train()
    assert net.field == 72
    assert net.training
