import numpy as np
import pytest

from lesionkit.core.outline import Outline, SlideMask
from lesionkit.evaluate.camelyon16_extent import Extent, extent_of, with_extent
from lesionkit.evaluate.camelyon16_regions import RegionSettings
from lesionkit.evaluate.camelyon16_settings import Camelyon16Settings
from lesionkit.evaluate.score import Score

HOW = RegionSettings(level_0_um=1, downsample=10)


def mask(*boxes) -> SlideMask:
    """Boxes of rows and columns in samples of 10 µm."""
    held = np.zeros((100, 100), bool)
    for rows, columns in boxes:
        held[slice(*rows), slice(*columns)] = True
    return SlideMask(held, 10)


def test_lesions_are_pieces_of_more_than_isolated_cells_and_area_is_not_grown():
    far = mask(((0, 30), (0, 30)), ((60, 90), (60, 90)))
    assert extent_of(far, HOW) == Extent(2, 0.18)
    assert extent_of(mask(((0, 30), (0, 30)), ((0, 30), (33, 63))), HOW) == Extent(1, 0.18)
    assert extent_of(mask(((0, 3), (0, 3))), HOW) == Extent(0, 0.0009)


@pytest.mark.parametrize("nothing", [None, Outline(), mask()])
def test_a_healthy_slide_has_neither(nothing):
    assert extent_of(nothing, HOW) == Extent(0, 0.0)


def test_an_outline_counts_as_its_mask_does():
    square = Outline((np.array([[0, 0], [300, 0], [300, 300], [0, 300]]),))
    assert extent_of(square, HOW) == Extent(1, 0.09)


def test_errors_are_means_per_slide_with_intervals():
    before = Score("camelyon16 exact", "", {}, {})
    found = {"a": Extent(1, 1.0), "b": Extent(0, 0.5)}
    true = {"a": Extent(3, 2.0), "b": Extent(0, 0.0)}
    score = with_extent(before, found, true, Camelyon16Settings(bootstrap=50))
    told = {name: figure.value for name, figure in score.figures.items()}
    assert told == {
        "lesion count error": 1.0,
        "lesion count bias": -1.0,
        "tumour area mm2 error": 0.75,
        "tumour area mm2 bias": -0.25,
    }
    assert (score.figures["lesion count error"].lower, score.figures["lesion count error"].upper) == (0, 2)
    assert score.facts["found_and_true"]["a"] == {"lesions": [1, 3], "area_mm2": [1.0, 2.0]}
    alone = with_extent(before, found, true, Camelyon16Settings(bootstrap=50), {"a": "p", "b": "p"})
    assert "no interval: one patient" in alone.figures["lesion count error"].note
