import pytest
import torch

from lesionkit.learn import batch as subject
from lesionkit.learn.batch import SIZES, choose_cube_batch, choose_mask_batch
from lesionkit.nets.cube.cube_net import CubeNet
from lesionkit.nets.cube.cube_net_settings import CubeNetSettings
from lesionkit.nets.cube.mask_net import MaskNet
from lesionkit.nets.cube.mask_net_settings import MaskNetSettings

CPU = torch.device("cpu")


@pytest.mark.parametrize("dimensions", [2, 3])
def test_a_batch_is_chosen_for_networks_that_draw_and_their_weights_stay(dimensions):
    net = MaskNet(MaskNetSettings(dimensions=dimensions, channels=(2, 4), norm=True)).eval()
    before = {name: value.clone() for name, value in net.state_dict().items()}
    assert choose_mask_batch(net, 8, "32-true", CPU) in SIZES
    assert all(torch.equal(value, before[name]) for name, value in net.state_dict().items())
    assert not net.training


def test_a_batch_is_chosen_for_classifiers():
    assert choose_cube_batch(CubeNet(CubeNetSettings(width=0.25)), 16, "32-true", CPU) in SIZES


def test_sizes_that_would_not_fit_into_the_memory_are_not_tried(monkeypatch):
    tried = []
    monkeypatch.setattr(subject, "_seconds", lambda net, loss, size, dtype, device: tried.append(size) or 1.0 / size)
    net = MaskNet(MaskNetSettings(dimensions=2, channels=(2, 4)))
    each = subject._bytes_each(net, lambda probe, size, on: probe(torch.ones(size, 1, 8, 8)).sum(), CPU)
    # A batch of 8 takes 60 % of what there is.
    monkeypatch.setattr(subject, "_free_bytes", lambda device: each * 8 / 0.6 + 1000)
    choose_mask_batch(net, 8, "32-true", CPU)
    assert tried[:2] == [2, 4]
    assert tried[-1] <= 8


def test_what_one_patch_keeps_is_measured():
    class Square(torch.nn.Module):
        def forward(self, x):
            return x * x

    def loss(net, size, device):
        return net(torch.ones(size, 100, requires_grad=True)).sum()

    # The square keeps its input of 100 values of 4 bytes.
    assert subject._bytes_each(Square(), loss, CPU) == 400
