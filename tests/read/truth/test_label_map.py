import numpy as np
import pytest
import SimpleITK as sitk

from lesionkit.core.errors import LesionkitError
from lesionkit.core.grid import Grid
from lesionkit.core.image import ArrayImage
from lesionkit.read.truth.label_map import label_lesions, read_label_map

GRID = Grid.upright((10, 20, 20), (2, 1, 1), (100, 50, 0))


def labels() -> np.ndarray:
    """Label 1: two voxels by a corner, and one apart; label 2: one voxel."""
    array = np.zeros(GRID.shape, np.uint8)
    array[1, 1, 1] = array[2, 2, 2] = array[8, 8, 8] = 1
    array[5, 15, 15] = 2
    return array


def test_each_connected_piece_is_a_lesion_also_by_a_corner():
    found = label_lesions(ArrayImage(GRID, labels()), values={1})
    assert [lesion.centre_mm for lesion in found] == [(101.5, 51.5, 3.0), (108.0, 58.0, 16.0)]
    assert [lesion.facts["volume_mm3"] for lesion in found] == [4.0, 2.0]
    assert found[0].diameter_mm == pytest.approx((24 / np.pi) ** (1 / 3))
    assert len(label_lesions(ArrayImage(GRID, labels()))) == 3


def test_numbered_things_are_one_lesion_each():
    found = label_lesions(ArrayImage(GRID, labels()), instances=True)
    assert [lesion.facts["volume_mm3"] for lesion in found] == [6.0, 2.0]


def test_nothing_is_no_lesion():
    assert label_lesions(ArrayImage(GRID, np.zeros(GRID.shape, np.uint8))) == ()
    assert label_lesions(ArrayImage(GRID, labels()), values={7}) == ()


def test_whole_numbers_may_be_stored_as_fractions_and_fractions_are_no_labels(tmp_path):
    for name, array in (("a", labels().astype(np.float32)), ("b", labels() * 0.5)):
        image = sitk.GetImageFromArray(array)
        image.SetSpacing((1, 1, 2))
        sitk.WriteImage(image, tmp_path / f"{name}.nii.gz")
    assert len(read_label_map(tmp_path / "a.nii.gz")) == 3
    with pytest.raises(LesionkitError, match="a label map must hold whole numbers, got fractions; is it an image"):
        read_label_map(tmp_path / "b.nii.gz")


def test_numbers_of_instances_may_be_of_any_size_and_sign():
    array = np.zeros((4, 4, 8), np.int64)
    array[1:3, 1:3, 1:3], array[1:3, 1:3, 5:7] = 2**40, -7
    found = label_lesions(ArrayImage(Grid.upright(array.shape, (1, 1, 1)), array), instances=True)
    assert sorted(lesion.centre_mm for lesion in found) == [(1.5, 1.5, 1.5), (5.5, 1.5, 1.5)]
