import blosc2
import numpy as np
import pytest

from lesionkit.core.errors import LesionkitError
from lesionkit.core.grid import Grid
from lesionkit.infer.probability_map import ProbabilityMap
from lesionkit.recipes.slide.map import keep_map, read_map

GRID = Grid.upright((2, 3), (0.008, 0.008), (0.004, 0.004))
COMPUTED = np.array([[True, True, False], [False, True, True]])


def map_of(values) -> ProbabilityMap:
    return ProbabilityMap(GRID, np.where(COMPUTED, np.float32(values), np.float32(0)), COMPUTED)


def test_what_a_network_is_sure_of_keeps_its_order_in_a_kept_map(tmp_path):
    # Logits of 9 and 12, which are one number as float16.
    sure = map_of(1 / (1 + np.exp(-np.array([[9.0, 12, 0], [0, -12, 3]]))))
    again = read_map(keep_map(tmp_path / "a.map", sure), GRID)
    assert again.array[0, 0] < again.array[0, 1] < 1
    assert (again.values == sure.values).all()
    assert (again.computed == COMPUTED).all()


def test_a_map_of_the_first_versions_can_be_read(tmp_path):
    blosc2.save_array(np.float16([[0.5, 1, -1], [-1, 0, 0.25]]), str(tmp_path / "old.map"))
    assert read_map(tmp_path / "old.map", GRID).values.tolist() == [0.5, 1, 0, 0.25]


def test_a_damaged_map_and_one_of_another_slide_are_refused(tmp_path):
    (tmp_path / "a.map").write_bytes(b"no map")
    with pytest.raises(LesionkitError, match=r"a\.map is damaged"):
        read_map(tmp_path / "a.map", GRID)
    keep_map(tmp_path / "b.map", map_of(np.zeros((2, 3))))
    with pytest.raises(LesionkitError, match=r"a shape of \(2, 3\) instead of \(9, 9\)"):
        read_map(tmp_path / "b.map", Grid.upright((9, 9), (1, 1), (0, 0)))
