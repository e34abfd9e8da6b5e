from lesionkit.nets.cube.mask_net import MaskNet
from lesionkit.recipes.ct.slices_2017 import CtSlices2017


def test_it_is_the_network_and_the_training_of_the_system_of_2017():
    settings = CtSlices2017()
    assert sum(parameter.numel() for parameter in MaskNet(settings.net).parameters()) == 7_846_081
    assert (settings.learn.rate, settings.learn.optimizer, settings.learn.batch) == (1e-5, "adam", 2)
    assert settings.learn.rate_at(0.0) == settings.learn.rate_at(1.0) == 1e-5
    assert (settings.learn.dice.eps_above, settings.learn.dice.per_image, settings.learn.cross_entropy) == (1, False, 0)
    assert settings.sample.patch == 512
