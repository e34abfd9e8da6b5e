import numpy as np

from lesionkit.prepare.lung.airway import find_airway

SPACING = (4.0, 2.0, 2.0)


def tube(top=40, opens_at=15):
    """A windpipe of 100 mm2 that opens into a lung of 10,000 mm2."""
    air = np.zeros((40, 100, 100), dtype=bool)
    air[opens_at:top, 45:50, 48:53] = True
    air[:opens_at, 20:70, 25:75] = True
    return air


def test_the_windpipe_is_followed_down_to_where_it_opens():
    airway = find_airway(tube(), SPACING, 800.0)
    assert airway[15:].sum() == 25 * 25
    assert not airway[:15].any()


def test_it_may_begin_below_the_top():
    assert find_airway(tube(top=35), SPACING, 800.0).sum() == 20 * 25


def test_a_short_pocket_of_air_is_no_windpipe():
    air = tube(top=19)
    assert not find_airway(air, SPACING, 800.0).any()


def test_an_apex_of_the_lung_at_the_side_is_no_windpipe():
    air = np.zeros((40, 100, 100), dtype=bool)
    air[15:, 45:50, 5:10] = True
    assert not find_airway(air, SPACING, 800.0).any()
