import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from lesionkit.core.errors import LesionkitError
from lesionkit.core.stain import (
    HAEMATOXYLIN_EOSIN,
    Stains,
    colour,
    colour_statistics,
    density,
    find_stains,
    match_statistics,
    mix,
    restain,
    unmix,
)

PIXELS = arrays(np.uint8, st.tuples(st.integers(1, 5), st.integers(1, 5), st.just(3)))
OTHER = Stains(np.array([[0.55, 0.78, 0.30], [0.20, 0.90, 0.35]]), np.array([1.2, 1.6]))


def tissue(stains, seed=0, count=4000):
    """Nuclei, cytoplasm and what lies between, of two stains only."""
    rng = np.random.default_rng(seed)
    amounts = np.zeros((count, 3))
    share = rng.beta(0.4, 0.4, count)
    total = rng.uniform(0.4, 1.0, count)
    amounts[:, 0], amounts[:, 1] = share * total * stains.strength[0], (1 - share) * total * stains.strength[1]
    return mix(amounts, stains)


def test_white_has_no_density_and_black_the_most():
    assert density(np.array([255, 0], np.uint8)).tolist() == pytest.approx([0, np.log(256)])


@given(PIXELS)
def test_colours_come_back_from_densities(colours):
    np.testing.assert_array_equal(colour(density(colours)), colours)


@given(PIXELS)
def test_mixing_is_the_inverse_of_unmixing(colours):
    for stains in (HAEMATOXYLIN_EOSIN, OTHER):
        np.testing.assert_array_equal(mix(unmix(colours, stains), stains), colours)


def test_a_pure_stain_unmixes_to_itself():
    amounts = unmix(mix([[1, 0, 0], [0, 0.5, 0]], HAEMATOXYLIN_EOSIN), HAEMATOXYLIN_EOSIN)
    np.testing.assert_allclose(amounts, [[1, 0, 0], [0, 0.5, 0]], atol=0.02)


def test_the_stains_of_a_slide_are_found_by_macenkos_method():
    found = find_stains(tissue(OTHER))
    np.testing.assert_allclose(found.vectors, OTHER.vectors, atol=0.04)
    np.testing.assert_allclose(found.strength, OTHER.strength, rtol=0.15)


@given(PIXELS)
def test_normalising_to_ones_own_stains_changes_nothing(colours):
    np.testing.assert_array_equal(restain(colours, OTHER, OTHER), colours)
    statistics = colour_statistics(np.tile(colours, (2, 1, 1)))
    np.testing.assert_array_equal(match_statistics(colours, statistics, statistics), colours)


def test_two_centres_look_alike_after_normalisation():
    mine, other = tissue(HAEMATOXYLIN_EOSIN), tissue(OTHER)
    before = np.abs(mine.mean(0) - other.mean(0)).max()
    after = np.abs(restain(other, find_stains(other), find_stains(mine)).mean(0) - mine.mean(0)).max()
    matched = match_statistics(other, colour_statistics(other), colour_statistics(mine))
    assert before > 15
    assert after < 1
    np.testing.assert_allclose(colour_statistics(matched).mean, colour_statistics(mine).mean, atol=0.02)


def test_glass_stays_white_in_other_stains():
    white = np.full((2, 2, 3), 255, np.uint8)
    np.testing.assert_array_equal(restain(white, OTHER, HAEMATOXYLIN_EOSIN), white)


@pytest.mark.parametrize(
    ("vectors", "strength", "sentence"),
    [
        (np.ones((3, 3)), [1, 1], r"two colours \(2, 3\) and two strengths \(2,\), got \(3, 3\)"),
        (HAEMATOXYLIN_EOSIN.vectors, [1, 0], r"strength of stains must be positive, got \[1.0, 0.0\]"),
        (np.ones((2, 3)), [1, 1], "two stains must have two different colours"),
        (np.zeros((2, 3)), [1, 1], "two stains must have two different colours"),
    ],
)
@pytest.mark.filterwarnings("ignore:invalid value encountered")
def test_impossible_stains_are_refused(vectors, strength, sentence):
    with pytest.raises(LesionkitError, match=sentence):
        Stains(vectors, np.array(strength))


def test_glass_has_no_stains_to_find():
    with pytest.raises(
        LesionkitError, match="need at least 100 stained pixels, got 0 of 400; choose a patch of tissue"
    ):
        find_stains(np.full((20, 20, 3), 250, np.uint8))
    with pytest.raises(LesionkitError, match="need at least 2 pixels, got 1"):
        colour_statistics(np.zeros((1, 3), np.uint8))


def test_ninety_nine_of_a_hundred_stained_pixels_are_below_the_strength():
    found = find_stains(tissue(OTHER))
    amounts = unmix(tissue(OTHER), found)[:, :2]
    assert (amounts < found.strength).mean(axis=0) == pytest.approx(0.99, abs=0.002)
