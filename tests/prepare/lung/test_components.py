import numpy as np

from lesionkit.prepare.lung.components import AxisRule, choose_lungs, near_axis
from lesionkit.prepare.lung.settings import LungSettings
from lesionkit.prepare.pieces import label_pieces

SPACING = (10.0, 10.0, 10.0)  # a sample is one millilitre
FREE = {"min_volume_l": 0, "axis_distance_mm": 0, "keep_largest": 0}


def choose(air, hu=None, relaxed=False, **changes):
    hu = np.full(air.shape, -850, dtype=np.int16) if hu is None else hu
    return choose_lungs(air, hu, SPACING, LungSettings(**{**FREE, **changes}), relaxed)


def blocks(*boxes, shape=(20, 30, 30)):
    air = np.zeros(shape, dtype=bool)
    for z, y, x in boxes:
        air[slice(*z), slice(*y), slice(*x)] = True
    return air


THREE = blocks(((2, 12), (5, 15), (2, 12)), ((2, 12), (5, 15), (16, 25)), ((2, 10), (20, 28), (2, 10)))


def test_exactly_two_are_kept_where_the_published_code_kept_three():
    assert choose(THREE, keep_largest=2).mask.sum() == 1000 + 900
    assert choose(THREE).mask.sum() == 1000 + 900 + 512


def test_pieces_are_joined_by_faces_only():
    air = blocks(((2, 8), (2, 8), (2, 8)), ((8, 12), (8, 12), (8, 12)))
    assert choose(air, keep_largest=1).mask.sum() == 216


def test_volume_limits_are_in_litres():
    assert choose(THREE, min_volume_l=0.6).mask.sum() == 1900
    assert choose(THREE, min_volume_l=0.6, max_volume_l=0.95).mask.sum() == 900
    assert choose(THREE, min_volume_l=2).reason == "the largest piece of air has 1.00 L, lungs have 2 to 9 L"


def test_each_of_the_twelve_probes_drops_its_piece():
    inner = ((5, 15), (10, 20), (10, 20))
    for z in (0, 19):
        for y, x in ((0, 0), (0, 29), (29, 0), (29, 29), (0, 15), (29, 15)):
            air = blocks(inner, ((z, z + 1), (y, y + 1), (x, x + 1)))
            assert choose(air, probe=True).mask.sum() == 1000
            assert choose(air).mask.sum() == 1001


def test_air_that_all_touches_a_probe_gives_the_reason():
    assert choose(blocks(((0, 5), (0, 5), (0, 5))), probe=True).reason == "all air touches the edge of the image"


def test_bowel_gas_is_darker_than_lung():
    hu = np.full(THREE.shape, -850, dtype=np.int16)
    hu[:, 20:] = -1000
    assert choose(THREE, hu, gas_hu=-960).mask.sum() == 1900


def test_the_distance_to_the_axis_is_averaged_over_large_slices_only():
    air = blocks(((2, 4), (14, 16), (18, 28)), ((4, 6), (14, 16), (24, 26)))
    labels, _ = label_pieces(air, 6)
    # Slices of 20 samples (2000 mm2) come as near as 35 mm and 5 mm in x and y; those of 4 samples only 95 mm.
    rule = AxisRule(area_mm2=1900, distance_mm=36)
    assert near_axis(labels, np.array([1]), SPACING, rule).tolist() == [True]
    assert near_axis(labels, np.array([1]), SPACING, AxisRule(1900, 35)).tolist() == [False]
    assert near_axis(labels, np.array([1]), SPACING, AxisRule(300, 36)).tolist() == [False]


def test_a_piece_that_is_never_large_is_dropped():
    choice = choose(THREE, axis_distance_mm=500, axis_area_mm2=50_000)
    assert choice.reason == (
        "no piece of air comes within 500 mm of the central axis where it is larger than 50000 mm2"
    )


def test_the_relaxed_rule_keeps_the_two_largest():
    changes = {"axis_distance_mm": 1, "relaxed_axis_area_mm2": 1500, "relaxed_axis_distance_mm": 150}
    assert choose(THREE, **changes).reason is not None
    assert choose(THREE, relaxed=True, **changes).mask.sum() == 1900


def test_slices_are_cut_off_the_head_end_until_a_piece_survives_and_grown_back():
    """A lid on top joins the lung to the probes; it is gone after two cuts of two slices."""
    lung = ((4, 20), (10, 20), (10, 20))
    lid = ((17, 20), (0, 30), (0, 30))
    air = blocks(lung, lid)
    assert choose(air, probe=True).reason == "all air touches the edge of the image"
    choice = choose(air, probe=True, cut_step=2)
    assert choice.reason is None
    assert choice.mask[4:16, 10:20, 10:20].all()
    assert choice.mask[19, 15, 15]
    assert not choice.mask[17, 0, 0]


def test_the_number_of_cuts_is_limited():
    lid = blocks(((4, 20), (10, 20), (10, 20)), ((13, 20), (0, 30), (0, 30)))
    assert choose(lid, probe=True, cut_step=2, max_cuts=3).reason is not None
    assert choose(lid, probe=True, cut_step=2, max_cuts=4).reason is None


def test_no_air_gives_the_reason():
    assert choose(np.zeros((3, 4, 5), dtype=bool)).reason == "no air below -500 HU inside the body"
