import numpy as np

from lesionkit.phantoms.slide.artefact import crush
from lesionkit.phantoms.slide.image import SlideImage
from lesionkit.phantoms.slide.noise import Raster
from lesionkit.phantoms.slide.whole import SlidePhantomSettings, make_slide

SMALL = SlidePhantomSettings(size_mm=2.0, centre="A", pen_share=0.0)


def plan(seed, hard):
    return make_slide(seed, SMALL, "micro", hard).image.plan


def test_hard_tumour_is_smaller_more_even_and_sparser_than_the_easy_one():
    for seed in range(5):
        easy, hard = plan(seed, False).tumour, plan(seed, True).tumour
        assert hard.nucleus.diameter_um < 8.9 < easy.nucleus.diameter_um + 1
        assert hard.among < easy.among


def test_most_lesions_of_hard_slides_lie_one_by_one_and_all_stay_where_they_are():
    growths = [lesion.growth for seed in range(12) for lesion in plan(seed, True).lesions]
    assert growths.count("scattered") > len(growths) / 2
    for one, other in zip(plan(1, False).lesions, plan(1, True).lesions, strict=True):
        assert one.centre_um == other.centre_um
        np.testing.assert_array_equal(one.radii_um, other.radii_um)


def test_a_hard_slide_has_crushed_places_and_an_easy_one_none():
    raster = Raster((0, 0), (400, 400), 5.0)
    assert crush(plan(2, False), raster) is None
    assert any(crush(plan(seed, True), raster) is not None for seed in range(4))


def test_a_box_of_a_hard_slide_reads_as_the_crop_of_a_larger_one_also_across_tiles():
    whole = SlideImage(plan(3, True), 1.0, 512)
    large = whole.read((slice(400, 700), slice(350, 650)))
    part = SlideImage(plan(3, True), 1.0, 200).read((slice(450, 550), slice(450, 550)))
    assert np.abs(large[50:150, 100:200].astype(int) - part).max() <= 1


def test_an_easy_slide_says_so_and_a_hard_one_too():
    assert [make_slide(1, SMALL, "micro", hard).facts["hard"] for hard in (False, True)] == [False, True]
