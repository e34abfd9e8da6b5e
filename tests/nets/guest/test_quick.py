import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import nn

from lesionkit.nets.guest.quick import Winograd, folded, matrices, without_padding


def test_four_outputs_of_a_filter_of_three_take_six_multiplications():
    after, kernel, before = matrices()
    data, taps = torch.arange(1.0, 7).double(), torch.tensor([1.0, 10.0, 100.0]).double()
    np.testing.assert_allclose(after @ ((kernel @ taps) * (before @ data)), [321, 432, 543, 654], rtol=1e-12)


@settings(max_examples=8, deadline=None)
@given(st.tuples(*[st.integers(1, 9)] * 3), st.integers(0, 9), st.booleans())
def test_a_convolution_by_winograd_is_the_convolution(shape, seed, bias):
    torch.manual_seed(seed)
    layer, volume = nn.Conv3d(16, 24, 3, bias=bias), torch.randn(1, 16, *(n + 2 for n in shape))
    with torch.inference_mode():
        assert isinstance(without_padding(layer), Winograd)
        torch.testing.assert_close(without_padding(layer)(volume), layer(volume), atol=2e-5, rtol=1e-4)


def test_a_convolution_to_few_maps_is_left_to_the_library():
    layer, volume = nn.Conv3d(16, 3, 3, padding=1), torch.randn(1, 16, 5, 6, 7)
    with torch.inference_mode():
        assert not isinstance(without_padding(layer), Winograd)
        torch.testing.assert_close(without_padding(layer)(volume), layer(volume)[..., 1:-1, 1:-1, 1:-1])


def test_what_is_computed_in_fp32_is_given_in_the_type_of_the_layer():
    layer = nn.Conv3d(16, 16, 3).to(torch.bfloat16)
    with torch.inference_mode():
        assert without_padding(layer)(torch.randn(1, 16, 6, 6, 6).bfloat16()).dtype == torch.bfloat16


@pytest.mark.filterwarnings("ignore:__array_wrap__:DeprecationWarning")
def test_a_resnet_with_folded_norms_says_the_same():
    from monai.networks.nets.resnet import resnet10

    torch.manual_seed(0)
    net = resnet10(spatial_dims=3, n_input_channels=1, feed_forward=False).eval()
    for module in net.modules():
        if isinstance(module, nn.BatchNorm3d):
            module.running_mean.normal_(0, 0.1)
            module.running_var.uniform_(0.5, 2)
    volume = torch.randn(1, 1, 24, 24, 24)
    made = folded(net)
    assert not any(isinstance(module, nn.BatchNorm3d) for module in made.modules())
    assert any(isinstance(module, nn.BatchNorm3d) for module in net.modules())
    with torch.inference_mode():
        torch.testing.assert_close(made(volume), net(volume), atol=1e-4, rtol=1e-4)
