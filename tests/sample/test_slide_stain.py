import numpy as np
import pytest

from lesionkit.core.errors import LesionkitError
from lesionkit.core.stain import HAEMATOXYLIN_EOSIN, Stains, colour_statistics, find_stains, mix
from lesionkit.sample.slide_stain import LYMPH_NODES, normaliser


def tissue(strength, seed=0):
    amounts = np.random.default_rng(seed).gamma(1.5, 0.35, (64, 64, 3)) * strength
    amounts[..., 2] = 0
    return mix(amounts, Stains(HAEMATOXYLIN_EOSIN.vectors, np.ones(2)))


def test_macenko_brings_pale_and_dark_slides_together():
    slides = {"pale": tissue(0.5), "dark": tissue(1.0)}
    normalise = normaliser("macenko", slides)
    pale, dark = (normalise(name, colours).astype(float) for name, colours in slides.items())
    assert np.abs(slides["pale"].astype(float).mean() - slides["dark"].mean()) > 25
    assert np.abs(pale.mean() - dark.mean()) < 5
    assert find_stains(pale.astype(np.uint8)).strength == pytest.approx(HAEMATOXYLIN_EOSIN.strength, rel=0.2)


def test_reinhard_gives_a_slide_the_statistics_of_the_reference():
    slide = tissue(0.8)
    found = colour_statistics(normaliser("reinhard", {"a": slide})("a", slide))
    np.testing.assert_allclose(found.mean, LYMPH_NODES.mean, atol=0.1)


def test_the_stain_is_that_of_the_slide_and_not_of_the_patch():
    slide = tissue(0.8)
    normalise = normaliser("macenko", {"a": slide})
    np.testing.assert_array_equal(normalise("a", slide)[:8, :8], normalise("a", slide[:8, :8]))


@pytest.mark.parametrize("method", ["macenko", "reinhard"])
def test_a_slide_whose_tissue_was_not_given_is_refused(method):
    with pytest.raises(LesionkitError, match="slide b cannot be normalised"):
        normaliser(method, {"a": tissue(1.0)})("b", tissue(1.0))
