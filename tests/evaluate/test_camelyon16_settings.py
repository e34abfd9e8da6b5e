import pytest
from pydantic import ValidationError

from lesionkit.evaluate.camelyon16_settings import Camelyon16Settings


def test_by_default_outlines_are_those_of_the_organisers_script():
    how = Camelyon16Settings().regions()
    assert (how.level_0_um, how.downsample, how.growth_um, how.itc_um) == (0.243, 32, 37.5, 275)


@pytest.mark.parametrize(("um", "downsample"), [(0.12, 64), (0.243, 32), (0.25, 32), (0.5, 16), (1.0, 8), (40.0, 1)])
def test_a_slide_of_other_pixels_is_sampled_as_nearly_as_a_power_of_two_allows(um, downsample):
    how = Camelyon16Settings().regions(um)
    assert (how.level_0_um, how.downsample) == (um, downsample)


def test_what_is_set_by_hand_goes_before_what_slides_say():
    how = Camelyon16Settings(level_0_um=0.5, downsample=32, itc_um=200).regions(0.243)
    assert (how.level_0_um, how.downsample, how.itc_um) == (0.5, 32, 200)
    assert Camelyon16Settings(level_0_um=0.5).regions(0.243).downsample == 16


@pytest.mark.parametrize("wrong", [{"level_0_um": 0}, {"level_0_um": -1}, {"downsample": 0.5}])
def test_a_pixel_has_a_size(wrong):
    with pytest.raises(ValidationError):
        Camelyon16Settings(**wrong)
