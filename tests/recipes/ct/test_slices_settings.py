from lesionkit.nets.cube.mask_net import MaskNet
from lesionkit.recipes.ct.slices_settings import CtSlices


def test_a_recipe_without_members_trains_one_network_that_draws_slices():
    (only,) = CtSlices().networks
    assert (only.name, only.net.dimensions) == ("net", 2)
    named = CtSlices.parse({"members": [{"name": "a"}, {"name": "b", "seed": 1}]})
    assert [member.net.dimensions for member in named.networks] == [2, 2]


def test_what_is_ours_is_a_sixteenth_of_the_published_network():
    assert sum(parameter.numel() for parameter in MaskNet(CtSlices().net).parameters()) == 487_713
