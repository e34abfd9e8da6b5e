import numpy as np
from tests.recipes.reviewed_runs import opened, xray_run


def test_a_radiograph_is_shown_in_pixels_and_made_smaller_by_halves(tmp_path):
    session, _ = opened(xray_run(tmp_path))
    picture = session.sheets[0].open()
    assert picture.grid.index_to_world([0, 0]).tolist() == [0.5, 0.5]
    assert picture.at(0).read(picture.grid.whole).dtype == np.uint8
    assert picture.at(1).grid.shape == (5, 5)
    assert picture.at(4).grid.shape == (1, 1)
    session.store.close()


def test_what_was_found_has_its_outline_in_pixels(tmp_path):
    session, _ = opened(xray_run(tmp_path))
    (one,) = session.sheets[0].findings
    # rle_siim "25 2 8 2" walks down the columns: rows 5 and 6 of columns 2 and 3.
    assert one.rings_mm == (((2.0, 5.0), (4.0, 5.0), (4.0, 7.0), (2.0, 7.0)),)
    session.store.close()
