import numpy as np
import pytest

from lesionkit.core.errors import LesionkitError
from lesionkit.engine.map import EngineSettings
from lesionkit.read.chest_rows import row_of
from lesionkit.read.chest_set import read_chest_set
from lesionkit.recipes.xray.pictures import Plan, prepare_pictures, prepared_image, prepared_mask, resized_mask


@pytest.fixture
def row(radiographs):
    """x00, which is positive: 64 × 64 pixels with a black corner at the top of a lung."""
    return next(row_of(image) for image in read_chest_set(radiographs) if image.case_id == "x00")


@pytest.fixture(autouse=True)
def cache(tmp_path, monkeypatch):
    monkeypatch.setenv("LESIONKIT_CACHE", str(tmp_path / "cache"))


def test_image_and_mask_are_cut_and_resized_alike(row):
    image, mask = prepared_image(row, 64), prepared_mask(row, 64, None, "lesion")
    assert image[mask].mean() < image[~mask].mean() - 40
    top = (8, 40, 0, 64)
    cut, cut_mask = prepared_image(row, 32, top), prepared_mask(row, 32, top, "lesion")
    assert cut[cut_mask].mean() < cut[~cut_mask].mean() - 40
    assert cut.shape == cut_mask.shape == (32, 32)


def test_a_mask_keeps_what_is_at_least_half_inside_and_never_vanishes():
    mask = np.zeros((4, 4), bool)
    mask[0:2, 0:2] = True
    assert resized_mask(mask, (2, 2)).tolist() == [[True, False], [False, False]]
    one = np.zeros((8, 8), bool)
    one[3, 3] = True
    assert resized_mask(one, (2, 2)).sum() == 1
    assert not resized_mask(np.zeros((4, 4), bool), (2, 2)).any()


def test_pictures_that_the_cache_has_are_not_prepared_again(row, monkeypatch):
    here = EngineSettings(backend="here")
    first, failed = prepare_pictures([Plan(row)], 32, here)
    monkeypatch.setattr("lesionkit.recipes.xray.pictures.prepared_image", lambda *_: pytest.fail("again"))
    again, _ = prepare_pictures([Plan(row)], 32, here)
    assert failed == {}
    np.testing.assert_array_equal(first.image(0), again.image(0))


def test_nothing_to_prepare_is_refused():
    with pytest.raises(LesionkitError, match="there is no image to prepare; check the data set and its splits"):
        prepare_pictures([], 32, EngineSettings(backend="here"))
