import pytest
from tests.recipes.reviewed_runs import opened, slide_run


def test_a_slide_is_shown_from_its_levels_and_from_one_overview(tmp_path):
    session, _ = opened(slide_run(tmp_path))
    picture = session.sheets[0].open()
    assert picture.at(0).grid.shape == (512, 512)
    # The whole of it is small enough to be held; a level of a large one is read tile by tile.
    assert picture.at(0) is picture.at(3)
    (region,) = session.sheets[0].findings
    assert region.size_mm == pytest.approx(0.144, abs=0.002)
    session.store.close()
