import numpy as np
import pytest
import torch
from torch import nn

from lesionkit.nets.features import FeatureTap, block_means
from lesionkit.nets.nodule_net import NoduleNet, for_inference
from lesionkit.nets.nodule_net_settings import NoduleNetSettings
from lesionkit.nets.patch_net import PatchNet
from lesionkit.nets.patch_net_settings import PatchNetSettings
from lesionkit.nets.segmenter import Segmenter
from lesionkit.recipes.xray.settings import SMALL_NET

TINY = NoduleNetSettings(channels=(16, 16, 16, 16), blocks=(1, 1, 1, 1))


class Same(nn.Module):
    """Tells its input as its features."""

    def tap_features(self, see):
        self.register_forward_hook(lambda module, inputs, output: see(output))

    def forward(self, x):
        return x


def test_blocks_are_means_over_what_counts_and_need_half_of_their_places():
    maps = torch.arange(16.0).reshape(1, 1, 4, 4)
    held = np.zeros((4, 4), bool)
    held[0, :2] = held[3, 3] = True
    assert block_means(maps, held, 2).tolist() == [[0.5]]
    assert block_means(maps, held, None)[0] == pytest.approx([16 / 3])
    assert block_means(maps, None, 3)[0].tolist() == [5.0]


def test_each_image_of_a_batch_has_its_blocks_and_volumes_have_three_axes():
    maps = torch.stack([torch.zeros(3, 2, 2, 2), torch.ones(3, 2, 2, 2)])
    assert block_means(maps, None, 2).tolist() == [[0] * 3, [1] * 3]


def test_the_mean_of_several_windows_counts_places():
    net = Same()
    tap = FeatureTap(net)
    net(torch.zeros(1, 1, 1, 3))
    tap.keep()
    net(torch.full((1, 1, 1, 1), 8.0))
    tap.keep()
    assert tap.mean().tolist() == [[2.0]]
    assert tap.mean().shape[0] == 0


def test_of_repetitions_the_first_counts_and_nothing_is_kept_where_nothing_is_held():
    net = Same()
    tap = FeatureTap(net)
    net(torch.ones(1, 1, 2, 2))
    net(torch.zeros(1, 1, 2, 2))
    assert tap.shape == (2, 2)
    tap.keep(side=2)
    net(torch.zeros(1, 1, 2, 2))
    tap.keep(np.zeros((2, 2), bool))
    assert tap.blocks().tolist() == [[1.0]]


def test_a_network_that_does_not_tell_is_no_error():
    tap = FeatureTap(nn.Identity())
    tap.keep()
    assert tap.blocks().shape == tap.mean().shape == (0, 0)


@pytest.mark.parametrize(
    ("net", "image", "shape"),
    [
        (lambda: for_inference(NoduleNet(TINY)), torch.zeros(1, 1, 32, 32, 32), (2, 2, 2)),
        (lambda: Segmenter(SMALL_NET), torch.zeros(1, 1, 64, 64), (4, 4)),
        (lambda: PatchNet(PatchNetSettings(channels=(32, 32), blocks=(1, 1))), torch.zeros(1, 3, 64, 64), (8, 8)),
        (lambda: PatchNet(PatchNetSettings(architecture="unet")), torch.zeros(1, 3, 32, 32), (2, 2)),
        (lambda: PatchNet(PatchNetSettings(architecture="transposed")), torch.zeros(1, 3, 32, 32), (2, 2)),
    ],
)
def test_every_kind_of_network_tells_its_deep_maps(net, image, shape):
    made = net().eval()
    tap = FeatureTap(made)
    with torch.inference_mode():
        made(image)
    assert tap.shape == shape
