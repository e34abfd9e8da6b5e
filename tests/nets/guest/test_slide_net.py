import numpy as np
import pytest
import torch
from torch import nn

from lesionkit.core.errors import LesionkitError
from lesionkit.nets.guest.slide_net import GuestNet, TumourBody, load_guest_patch_net, make_tumour_model
from lesionkit.nets.guest.tumour_settings import TumourSettings
from lesionkit.nets.patch_net_settings import PatchNetSettings

pytestmark = pytest.mark.filterwarnings("ignore:.*torch.jit:FutureWarning", "ignore:.*torch.jit:DeprecationWarning")


@pytest.fixture(scope="module")
def both():
    """MONAI's model with random weights, and ours around it."""
    torch.manual_seed(0)
    model = make_tumour_model(TumourSettings()).eval()
    return model, GuestNet(TumourBody(model, 7), PatchNetSettings(scaling="signed")).eval()


@torch.inference_mode()
def test_the_middle_of_a_patch_is_what_the_model_says_of_it(both):
    model, net = both
    image = torch.rand(1, 3, 224, 224)
    torch.testing.assert_close(net(image)[0, 0, 3, 3], model(image * 2 - 1)[0, 0, 0, 0], atol=1e-4, rtol=0)


@torch.inference_mode()
def test_a_larger_window_gives_all_that_the_model_gives_at_once(both):
    model, net = both
    image = torch.rand(1, 3, 288, 256)
    dense = net(image)
    assert dense.shape == (1, 1, 9, 8)
    torch.testing.assert_close(dense[..., 3:6, 3:5], model(image * 2 - 1), atol=1e-4, rtol=0)


def test_a_described_model_is_shown_its_own_range_and_its_stride_is_measured(tmp_path):
    class Mean(nn.Module):
        def forward(self, x):
            return torch.nn.functional.avg_pool2d(x.mean(dim=1, keepdim=True), 8)

    torch.jit.trace(Mean(), torch.zeros(1, 3, 32, 32)).save(tmp_path / "a.ts")
    (tmp_path / "lesionkit.yaml").write_text(
        "{kind: slide-metastasis, file: a.ts, spacing: 0.5, intensity: {range: [0, 255], to: [-4, 4]}, output: logits}"
    )
    net = load_guest_patch_net(tmp_path / "lesionkit.yaml")
    assert (net.stride, net.multiple, net.context) == (8, 32, 32)
    assert np.allclose(net(torch.full((1, 3, 64, 64), 0.75)).numpy(), 2.0)


def test_a_model_for_ct_is_none_for_slides(tmp_path, make_bundle):
    make_bundle(tmp_path, "b")
    with pytest.raises(LesionkitError, match="must be a model for slides, got one for CT"):
        load_guest_patch_net(tmp_path / "b/models/model.pt")


def test_maps_of_another_form_are_refused(tmp_path):
    class Two(nn.Module):
        def forward(self, x):
            return x[:, :2]

    torch.jit.trace(Two(), torch.zeros(1, 3, 32, 32)).save(tmp_path / "a.ts")
    (tmp_path / "lesionkit.yaml").write_text(
        "{kind: slide-metastasis, file: a.ts, spacing: 0.5, intensity: {range: [0, 255]}, output: logits}"
    )
    with pytest.raises(LesionkitError, match=r"must give a map of shape \(b, 1, y, x\), got \(1, 2, 256, 256\)"):
        load_guest_patch_net(tmp_path / "lesionkit.yaml")
