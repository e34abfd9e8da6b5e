import numpy as np
import pytest
from tests.recipes.reviewed_runs import ct_run, opened

from lesionkit.core.grid import Grid
from lesionkit.core.image import ArrayImage
from lesionkit.recipes.ct.review import WINDOWS, _box, is_there


@pytest.fixture(autouse=True)
def cache(tmp_path, monkeypatch):
    monkeypatch.setenv("LESIONKIT_CACHE", str(tmp_path / "cache"))


def test_scans_are_laid_upon_each_other_by_their_lungs(tmp_path):
    session, _ = opened(ct_run(tmp_path))
    shift = session.shift(*session.sheets)
    assert np.allclose(shift.shift_mm, 0)
    assert shift.method.startswith("the middles of the ")
    session.store.close()


def test_the_middle_of_the_lungs_is_that_of_the_box_around_them():
    mask = np.zeros((10, 10, 10), bool)
    mask[2:5, 3, 4:8] = True
    assert _box(ArrayImage(Grid.upright(mask.shape, (1, 1, 1)), mask)).tolist() == [3.0, 3.0, 5.5]
    assert _box(ArrayImage(Grid.upright(mask.shape, (1, 1, 1)), mask & False)) is None


def test_a_volume_has_the_usual_windows_lung_first(tmp_path):
    session, _ = opened(ct_run(tmp_path))
    volume = session.sheets[0].open()
    assert (volume.samples.dtype, next(iter(volume.windows))) == (np.int16, "lung")
    assert WINDOWS["mediastinum"] == (40.0, 400.0)
    assert session.sheets[0].day is None
    session.store.close()


def test_a_scan_that_is_nowhere_is_not_there(tmp_path):
    assert not is_there(tmp_path / "none")
    assert not is_there(tmp_path / "none" / "1.2.3")
