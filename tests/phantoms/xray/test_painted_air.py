import numpy as np
import pytest
from tests.phantoms.xray.test_picture import chest

from lesionkit.phantoms.xray.painted_air import AIR_KINDS, PaintedAir, paint_air
from lesionkit.phantoms.xray.picture import lungs_of

RNG = np.random.default_rng


def painted(kind, seed=0, **changes):
    image, lungs = chest(128)
    image[::6] += 0.05 * lungs[::6]  # vessels: rows that are thinner than a rib
    lung = lungs_of(lungs)[0]
    what = PaintedAir(**{**vars(PaintedAir.draw(RNG(seed), kind, lung.sign)), **changes})
    return image, lung, *paint_air(RNG(seed), image, lung, 0.4, what)


@pytest.mark.parametrize("kind", AIR_KINDS)
def test_air_lies_in_its_lung_and_nothing_outside_changes(kind):
    image, lung, picture, truth = painted(kind)
    assert truth.any()
    assert lung.inside[truth].all()
    np.testing.assert_array_equal(picture[lung.depth < -1], image[lung.depth < -1])


@pytest.mark.parametrize(
    ("kind", "least", "most"), [("apical", 0.0, 0.35), ("lateral", 0.3, 0.7), ("basal", 0.65, 1.0)]
)
def test_air_lies_where_its_kind_says(kind, least, most):
    _, lung, _, truth = painted(kind)
    assert least <= lung.height[truth].mean() <= most
    assert lung.outward[truth].mean() > 0.4


def test_a_wider_gap_is_more_air():
    areas = [painted("apical", gap=gap, wave=0.0)[3].sum() for gap in (0.1, 0.2, 0.4)]
    assert areas == sorted(areas)
    assert areas[0] < areas[2] / 2


def test_air_is_darker_than_lung_and_shows_no_vessels():
    image, lung, picture, truth = painted("large", gap=0.8, veil=0.0, line=0.0, dark=0.3, level=1.0)
    deep = truth & (lung.depth > 5)
    assert picture[deep].mean() < image[deep].mean() - 0.05
    rows = np.nonzero(deep)[0] % 6 == 0
    before, after = (grey[deep][rows].mean() - grey[deep][~rows].mean() for grey in (image, picture))
    assert before > 0.045
    assert abs(after) < 0.012


def test_what_is_left_of_the_lung_ends_in_a_bright_line():
    plain, bright = (painted("large", gap=0.8, line=line, level=1.0)[2] for line in (0.0, 0.6))
    changed = bright - plain > 0.02
    assert 0.002 < changed.mean() < 0.05


def test_fluid_is_no_air():
    dry, wet = (painted("large", gap=0.8, level=level)[3] for level in (1.0, 0.6))
    assert 0 < wet.sum() < dry.sum()
