import numpy as np
import pytest
import torch

from lesionkit.infer.patch_scores import score_patches
from lesionkit.nets.patch_net import PatchNet
from lesionkit.nets.patch_net_settings import PatchNetSettings


def test_patches_are_scored_in_their_order_whatever_the_batch():
    torch.manual_seed(0)
    net = PatchNet(PatchNetSettings(channels=(32, 32), blocks=(1, 1))).eval()
    patches = [{"image": torch.rand(3, 64, 64)} for _ in range(5)]
    at_once, in_twos = score_patches(net, patches, batch=5), score_patches(net, patches, batch=2)
    assert at_once.shape == (5,)
    assert ((at_once > 0) & (at_once < 1)).all()
    np.testing.assert_allclose(at_once, in_twos, atol=1e-5)


def test_no_patch_gives_no_score():
    assert score_patches(PatchNet().eval(), []).shape == (0,)


def test_eight_orientations_say_the_same_however_a_patch_lies():
    torch.manual_seed(0)
    net = PatchNet(PatchNetSettings(channels=(8, 8), blocks=(1, 1), pretrained=False)).eval()
    image = torch.rand(3, 64, 64)
    turned = [{"image": one} for one in (image, image.flip(1), image.transpose(1, 2).flip(2))]
    one, *others = score_patches(net, turned, orientations=8)
    assert others == pytest.approx([one, one], abs=1e-5)
    assert np.ptp(score_patches(net, turned)) > 1e-5
