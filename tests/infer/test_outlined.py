import numpy as np
import torch

from lesionkit.core.outlined import OutlinedSlices
from lesionkit.infer.outlined import drawn_in
from lesionkit.nets.cube.mask_net import MaskNet
from lesionkit.nets.cube.mask_net_settings import MaskNetSettings


class Bright(MaskNet):
    """Says that all above -224 HU is lesion."""

    def forward(self, image):
        self.seen = image.shape
        return (image - 0.0667) * 100


def test_what_is_drawn_lies_on_the_samples_of_the_slice_whatever_the_network_learned_on():
    hu = np.full((2, 30, 30), -900, np.int16)
    hu[:, 10:20, 10:20] = 100
    rows = ({"lesion": "a", "patient_id": "1"},) * 2
    slices = OutlinedSlices(hu, np.zeros(hu.shape, np.uint8), np.array([0.7, 1.4]), rows)
    net = Bright(MaskNetSettings(dimensions=2, channels=(4, 4))).eval()
    same, finer = drawn_in(net, slices, 0.7)
    assert net.seen[2:] == torch.Size([60, 60])
    for probability in (same, finer):
        assert probability.shape == (30, 30)
        assert ((probability > 0.5) == (hu[0] > 0)).all()
