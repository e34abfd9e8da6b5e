import pytest

from lesionkit.core.errors import LesionkitError
from lesionkit.nets.cube.mask_net_settings import SIMPLIFIED
from lesionkit.recipes.ct.two_stage_settings import CtTwoStage


def test_a_recipe_without_members_trains_one_chain():
    assert [member.name for member in CtTwoStage().networks] == ["net"]


def test_members_are_told_apart_by_their_names():
    with pytest.raises(LesionkitError, match="members must have different names, got a, A"):
        CtTwoStage.parse({"members": [{"name": "a"}, {"name": "A"}]})


def test_the_published_numbers_can_be_set():
    given = {"net": {"channels": SIMPLIFIED, "norm": False}, "learn": {"optimizer": "adam", "rate": 3e-5, "batch": 16}}
    settings = CtTwoStage.parse(given)
    assert (settings.net.channels, settings.learn.rate) == ((32, 64, 128, 256), 3e-5)
    # 30 % of the patches without a lesion, and weights 4, 3 and 1 by size, are the defaults.
    assert settings.sample.lesion_share + settings.sample.insert_share == pytest.approx(0.7)
    assert settings.sample.size_weights == (4.0, 3.0, 1.0)
    assert settings.classify.cubes.positive_share == 0.5
