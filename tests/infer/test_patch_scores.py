import numpy as np
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
