import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from lesionkit.core.errors import LesionkitError
from lesionkit.phantoms.slide.lesion import (
    Metastasis,
    draw_metastasis,
    draw_sizes,
    place_metastases,
    stage_of,
)
from lesionkit.phantoms.slide.noise import Raster
from lesionkit.phantoms.slide.sprite import LYMPHOCYTE, SPINDLE, TURNS, make_bank

DISC = Metastasis((50.0, 60.0), np.full(144, 20.0), "solid")


def test_a_disc_is_as_deep_as_its_border_is_away():
    (rows, columns), depth = DISC.depth(Raster((0, 0), (60, 60), 2.0), 10)
    assert depth[25 - rows.start, 30 - columns.start] == pytest.approx(20)
    assert depth[25 - rows.start, 35 - columns.start] == pytest.approx(10, abs=0.01)
    assert DISC.extent_mm == pytest.approx(0.04)


def test_a_metastasis_far_from_the_raster_has_no_depth_there():
    assert DISC.depth(Raster((500, 500), (10, 10), 2.0), 10) is None


@given(seed=st.integers(0, 10_000), extent=st.floats(0.03, 3.4))
def test_a_drawn_metastasis_has_exactly_the_extent_asked_for(seed, extent):
    drawn = draw_metastasis(np.random.default_rng(seed), extent, (0.0, 0.0))
    assert drawn.extent_mm == pytest.approx(extent)
    assert drawn.reach_um < 1000 * extent


@given(seed=st.integers(0, 10_000), stage=st.sampled_from(["itc", "micro", "macro"]))
def test_the_largest_size_makes_the_stage(seed, stage):
    sizes = draw_sizes(np.random.default_rng(seed), stage, 3.0)
    assert stage_of(max(sizes)) == stage
    assert sizes == sorted(sizes, reverse=True)
    assert len(set(sizes)) == len(sizes)
    assert draw_sizes(np.random.default_rng(seed), "negative", 3.0) == []


def test_no_room_is_a_clear_sentence():
    with pytest.raises(LesionkitError, match=r"room for a macro metastasis of at least 2.1 mm, but it has 1.5 mm"):
        draw_sizes(np.random.default_rng(0), "macro", 1.5)


def test_metastases_lie_in_the_node_and_apart():
    def depth_at(raster):
        y, x = raster.open
        return (1500 - np.hypot(y - 2000, x - 2000)).astype(np.float32)

    raster = Raster((0, 0), (100, 100), 40.0)
    for seed in range(10):
        placed = place_metastases(np.random.default_rng(seed), [0.8, 0.5, 0.1], depth_at, raster)
        assert placed
        for n, one in enumerate(placed):
            assert np.hypot(*(np.array(one.centre_um) - 2000)) + one.extent_mm * 500 < 1500
            for other in placed[:n]:
                away = np.hypot(*(np.array(one.centre_um) - other.centre_um))
                assert away > (one.extent_mm + other.extent_mm) * 500


def test_long_nuclei_are_drawn_in_every_direction():
    bank = make_bank(np.random.default_rng(0), SPINDLE, 0.5)
    per_turn = len(bank.sprites) // TURNS
    along, down = bank.sprites[:per_turn].mean(axis=0), bank.sprites[TURNS // 2 * per_turn :][:per_turn].mean(axis=0)
    middle = bank.radius
    assert along[middle].sum() > 2 * along[:, middle].sum()
    assert down[:, middle].sum() > 2 * down[middle].sum()


@pytest.mark.parametrize("spacing_um", [0.25, 0.5, 1.0])
def test_nuclei_have_their_diameter_at_every_pixel_size(spacing_um):
    bank = make_bank(np.random.default_rng(0), LYMPHOCYTE, spacing_um)
    area = (bank.sprites > 0.5).sum(axis=(1, 2)).mean() * spacing_um**2
    assert 2 * np.sqrt(area / np.pi) == pytest.approx(LYMPHOCYTE.diameter_um, rel=0.12)
    assert (bank.sprites[:, 0] == 0).all()
