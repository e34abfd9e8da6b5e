import pytest
import torch

from lesionkit.nets.cube.cube_net import CubeNet
from lesionkit.nets.cube.mask_net import MaskNet
from lesionkit.nets.cube.mask_net_settings import FULL
from lesionkit.recipes import load_recipe
from lesionkit.runs.settings_file import resolve

SETTINGS = load_recipe("ct-nodule-two-stage-2017").settings()


def parameters(net, settings) -> int:
    with torch.device("meta"):
        return sum(one.numel() for one in net(settings).parameters())


def test_the_network_that_draws_is_trained_as_published():
    learn, sample = SETTINGS.learn, SETTINGS.sample
    assert (learn.optimizer, learn.rate, learn.batch, learn.cross_entropy) == ("adam", 3e-5, 16, 0)
    assert {learn.rate_at(progress) for progress in (0, 0.5, 1)} == {3e-5}
    assert (learn.dice.eps_above, learn.dice.eps_below) == (1, 1)
    assert (SETTINGS.form, sample.patch, sample.size_weights) == ("cuboid", 64, (4, 3, 1))
    assert (sample.lesion_share, sample.insert_share, sample.hard_share) == (0.7, 0, 0)
    # A lesion's centre lies 12 to 52 samples from the faces of a patch of 64: up to 20 from its middle.
    assert sample.edge_samples == 32 - 20


def test_the_classifiers_are_trained_as_published():
    learn, cubes = SETTINGS.classify.learn, SETTINGS.classify.cubes
    assert (learn.optimizer, learn.rate, learn.batch) == ("adam", 1e-4, 16)
    assert (cubes.side, cubes.positive_share, cubes.shift, cubes.hard_share) == (32, 0.5, 2, 0)
    assert [one.architecture for one in SETTINGS.classify.nets] == ["vgg simple", "inception", "resnet", "densenet"]


def test_the_networks_have_as_many_parameters_as_published():
    full = resolve(SETTINGS, (), ["net.channels=[32,64,128,256,512]"])
    assert full.net.channels == FULL
    assert parameters(MaskNet, full.net) == 23_532_289
    assert parameters(MaskNet, SETTINGS.net) == 5_836_033
    assert parameters(CubeNet, SETTINGS.classify.nets[3]) == 248_786


@pytest.mark.parametrize("group", ["watch", "debug", "infer"])
def test_what_was_not_published_is_as_in_the_recipe_of_today(group):
    assert getattr(SETTINGS, group) == getattr(load_recipe("ct-nodule-two-stage").settings(), group)
