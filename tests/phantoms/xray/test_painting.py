import numpy as np
import pytest
from tests.phantoms.xray.test_picture import chest

from lesionkit.core.errors import LesionkitError
from lesionkit.phantoms.xray.painting import PaintSettings, paint_radiograph

PLAIN = PaintSettings(size=96, distractors=0, dark_rims=0, adults=0)


def test_the_same_seed_gives_the_same_pixels_and_another_seed_others():
    first, again, other = (paint_radiograph(*chest(), seed, True, PaintSettings(size=96)) for seed in (3, 3, 4))
    np.testing.assert_array_equal(first.picture, again.picture)
    np.testing.assert_array_equal(first.lesion, again.lesion)
    assert first.facts == again.facts
    assert (first.picture != other.picture).any()


def test_an_unpainted_radiograph_without_distractors_is_the_radiograph():
    image, lungs = chest()
    made = paint_radiograph(image, lungs, 0, False, PLAIN)
    np.testing.assert_array_equal(made.picture, np.rint(255 * image))
    assert not made.lesion.any()
    assert made.facts["kind"] == ""


def test_what_is_painted_is_told_and_lies_in_the_lungs():
    made = paint_radiograph(*chest(), 0, True, PLAIN.model_copy(update={"kinds": (0, 0, 1, 0, 0)}))
    assert made.lesion.mean() >= PLAIN.least_area
    assert made.lungs[made.lesion].all()
    assert made.facts["kind"] == "lateral"
    columns = np.nonzero(made.lesion)[1].mean()
    assert made.facts["side"] == ("right" if columns < 48 else "left")


def test_distractors_are_drawn_without_a_pneumothorax_too():
    made = paint_radiograph(*chest(), 1, False, PLAIN.model_copy(update={"distractors": 3.0}))
    assert (made.picture != np.rint(255 * chest()[0])).any()
    assert not made.lesion.any()


@pytest.mark.parametrize(
    ("lungs", "sentence"),
    [
        (np.ones((10, 12), bool), r"a lung mask must have the radiograph's \(96, 96\) pixels, got \(10, 12\)"),
        (np.zeros((96, 96), bool), "a lung mask must show a lung"),
    ],
)
def test_a_mask_that_does_not_fit_is_refused(lungs, sentence):
    with pytest.raises(LesionkitError, match=sentence):
        paint_radiograph(chest()[0], lungs, 0, True, PLAIN)


def test_kinds_of_no_share_and_air_that_cannot_be_seen_are_refused():
    with pytest.raises(LesionkitError, match="kinds must be shares from 0 with a sum above 0"):
        PaintSettings.parse({"kinds": (0, 0, 0, 0, 0)})
    with pytest.raises(LesionkitError, match=r"no pneumothorax is visible .* make paint.least_area smaller"):
        paint_radiograph(*chest(), 0, True, PLAIN.model_copy(update={"least_area": 0.9}))
