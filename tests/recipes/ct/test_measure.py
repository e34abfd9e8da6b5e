import json

import numpy as np
import pytest

from lesionkit.core.grid import Grid
from lesionkit.core.image import ArrayImage
from lesionkit.recipes.ct.measure import measure_masks
from lesionkit.write.volume import write_volume

GRID = Grid.upright((24, 48, 48), (1.5, 0.8, 0.8), origin_mm=(-20.0, 10.0, 100.0))


def files(folder, masks, turned=False):
    """A scan and its label map; turned, both lie upside down in their files."""
    hu = np.where(masks > 0, 30, -850).astype(np.int16)
    hu[:, :3] = 50
    grid, order = GRID, slice(None)
    if turned:
        direction = np.array(GRID.direction)
        direction[:, 0] *= -1
        grid = Grid(GRID.shape, GRID.spacing_mm, tuple(GRID.index_to_world([23, 0, 0])), tuple(map(tuple, direction)))
        order = slice(None, None, -1)
    scan = write_volume(ArrayImage(grid, np.ascontiguousarray(hu[order])), folder / "scan.nii.gz")
    return scan, write_volume(ArrayImage(grid, np.ascontiguousarray(masks[order])), folder / "masks.nii.gz")


def rows(out):
    return json.loads((out / "measurements.json").read_text())["nodules"]


def boxes(*numbers):
    masks = np.zeros(GRID.shape, np.uint8)
    masks[6:10, 10:20, 12:22] = numbers[0]
    masks[14:18, 30:36, 30:36] = numbers[-1]
    return masks


@pytest.mark.parametrize("turned", [False, True])
def test_nodules_are_measured_where_they_lie_however_the_scan_is_stored(tmp_path, turned):
    summary = measure_masks(*files(tmp_path, boxes(3, 7), turned), tmp_path / "out")
    first, second = rows(tmp_path / "out")
    assert (first["nodule"], second["nodule"]) == (3, 7)
    assert first["volume_mm3"] == pytest.approx(4 * 10 * 10 * 1.5 * 0.64, abs=0.1)
    place = [first[f"coord{axis}"] for axis in "XYZ"]
    np.testing.assert_allclose(place, GRID.index_to_world([7.5, 14.5, 16.5]), atol=0.02)
    assert (first["texture"], first["mean_hu"], first["calcified"]) == ("solid", 30, False)
    assert summary.facts == {"nodules measured": 2}
    assert summary.paths[0].name == "measured.html"


def test_pieces_of_one_number_are_nodules_of_their_own(tmp_path):
    measure_masks(*files(tmp_path, boxes(1)), tmp_path / "out")
    assert [row["nodule"] for row in rows(tmp_path / "out")] == [1, 2]
