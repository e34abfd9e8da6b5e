import numpy as np
import pytest
import torch

from lesionkit.core.errors import LesionkitError
from lesionkit.nets.cube.chain import Chain, chain_of
from lesionkit.nets.cube.chain_settings import ChainSettings, JoinSettings
from lesionkit.nets.cube.cube_net import CubeNet
from lesionkit.nets.cube.cube_net_settings import CubeNetSettings
from lesionkit.nets.cube.mask_net import MaskNet
from lesionkit.nets.cube.mask_net_settings import MaskNetSettings
from lesionkit.nets.weights import load_net, save_model

ONES = JoinSettings(coefficients=(1.0, 1.0, 1.0))
MASK = MaskNetSettings(channels=(2, 4))
CUBES = (CubeNetSettings(width=0.25), CubeNetSettings(architecture="densenet", width=0.25, layers=1))


def test_the_logits_of_all_networks_become_one_probability():
    chain = Chain(
        ChainSettings(mask=MASK, cubes=CUBES, join=JoinSettings(coefficients=(0.5, 1.0, 2.0), intercept=-1.0))
    )
    np.testing.assert_allclose(chain.joined([[2.0, -1.0, 0.5], [0, 0, 0]]), 1 / (1 + np.exp([0.0, 1.0])))


def test_without_coefficients_those_that_judge_have_one_voice_each_and_else_the_one_that_draws_has_all():
    assert ChainSettings(mask=MASK, cubes=CUBES).coefficients == (0.0, 0.5, 0.5)
    assert ChainSettings(mask=MASK).coefficients == (1.0,)


def test_a_chain_is_made_of_trained_parts_and_is_written_and_read_again(tmp_path):
    torch.manual_seed(0)
    mask, cubes = MaskNet(MASK).half().float(), [CubeNet(one).half().float() for one in CUBES]
    chain = chain_of(mask, cubes, 24, ONES)
    again, _ = load_net(save_model(tmp_path / "chain.safetensors", chain, {}), Chain)
    assert again.settings == ChainSettings(mask=MASK, cubes=CUBES, join=ONES, side=24)
    x = torch.randn(1, 1, 16, 16, 16)
    torch.testing.assert_close(again.mask(x), mask(x))
    for one, other in zip(again.cubes, cubes, strict=True):
        torch.testing.assert_close(one(x), other.eval()(x))


def test_there_is_a_coefficient_for_each_network():
    with pytest.raises(LesionkitError, match="a chain of 3 networks needs as many coefficients, got 2; train it again"):
        ChainSettings(mask=MASK, cubes=CUBES, join=JoinSettings(coefficients=(1.0, 1.0)))


def test_ranking_again_needs_a_coefficient_more_for_the_faster_model():
    again = JoinSettings(coefficients=(2.0, 0.0, 1.0, 0.0), intercept=-1.0)
    chain = Chain(ChainSettings(mask=MASK, cubes=CUBES, rerank=again))
    assert chain.reranked([[1.0, 9.0, 0.5, 9.0]]) == pytest.approx([1 / (1 + np.exp(-1.5))])
    with pytest.raises(LesionkitError, match="3 networks that ranks again needs 4 coefficients for it, got 3"):
        ChainSettings(mask=MASK, cubes=CUBES, rerank=ONES)
