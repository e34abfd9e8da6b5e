import itertools
import logging

import nibabel as nib
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from lesionkit.core.errors import LesionkitError
from lesionkit.core.grid import Grid
from lesionkit.read.volume import read_volume

SIZE = (12, 11, 10)
PLACE = np.array([[0.7, 0, 0, -100], [0, 0.8, 0, -50], [0, 0, 2.5, 30], [0, 0, 0, 1.0]])
OTHER = np.array([[0.7, 0, 0, 13], [0, 0.8, 0, -50], [0, 0, 2.5, 30], [0, 0, 0, 1.0]])


def write(path, sform=(None, 0), qform=(None, 0), pixdim=(1, 1, 1), units=2):
    """A file of air and tissue; `pixdim` are signs."""
    array = np.full(SIZE, -1000, np.int16)
    array[3:9, 3:9] = 40
    image = nib.Nifti1Image(array, None)
    image.header.set_qform(PLACE if qform[0] is None else qform[0], code=qform[1])
    image.header.set_sform(PLACE if sform[0] is None else sform[0], code=sform[1])
    image.to_filename(path)
    content = bytearray(path.read_bytes())
    lengths = np.frombuffer(content, "<f4", 3, 80) * pixdim
    content[80:92] = lengths.astype("<f4").tobytes()
    content[123] = units
    content[252:256] = np.array([qform[1], sform[1]], "<i2").tobytes()
    path.write_bytes(content)
    return path


def as_nibabel(path):
    """The affine from (z, y, x) to LPS by nibabel, which says on the log what it finds odd."""
    logging.disable()
    affine = nib.load(path).affine
    logging.disable(logging.NOTSET)
    return (np.diag([-1, -1, 1, 1]) @ affine)[:, [2, 1, 0, 3]]


def warnings_of(path):
    return " | ".join(read_volume(path).facts["warnings"])


@pytest.mark.parametrize("pixdim", list(itertools.product([1, -1], repeat=3)))
@pytest.mark.parametrize(("sform_code", "qform_code"), [(1, 0), (0, 1), (1, 1), (2, 1), (4, 3), (0, 2)])
def test_negative_lengths_mirror_nothing_whatever_form_is_set(tmp_path, capfd, pixdim, sform_code, qform_code):
    path = write(tmp_path / "a.nii", sform=(None, sform_code), qform=(None, qform_code), pixdim=pixdim)
    grid = read_volume(path).image.grid
    np.testing.assert_allclose(grid.affine, as_nibabel(path), atol=1e-4)
    np.testing.assert_allclose(grid.index_to_world([0, 0, 0]), [100, 50, 30], atol=1e-4)
    assert capfd.readouterr().err == ""


@pytest.mark.parametrize("code", [1, 2, 3, 4])
def test_the_sform_comes_before_the_qform_and_a_difference_is_told(tmp_path, code):
    path = write(tmp_path / "a.nii", sform=(None, code), qform=(OTHER, 1))
    np.testing.assert_allclose(read_volume(path).image.grid.affine, as_nibabel(path), atol=1e-4)
    assert f"sform (code {code}) and qform (code 1) place the scan up to 113 mm apart" in warnings_of(path)


def test_less_than_half_a_voxel_of_difference_is_not_worth_a_word(tmp_path):
    near, far = PLACE.copy(), PLACE.copy()
    near[0, 3] += 0.34
    assert warnings_of(write(tmp_path / "a.nii", sform=(near, 1), qform=(None, 1))) == ""
    far[0, 3] += 0.36
    assert "0.36 mm apart" in warnings_of(write(tmp_path / "b.nii", sform=(far, 1), qform=(None, 1)))


def test_without_orientation_left_and_right_are_said_to_be_unknown(tmp_path):
    path = write(tmp_path / "a.nii")
    np.testing.assert_allclose(read_volume(path).image.grid.affine, as_nibabel(path), atol=1e-4)
    assert "sform_code and qform_code are 0): left and right are unknown" in warnings_of(path)


def test_lengths_that_contradict_the_sform_are_told(tmp_path):
    path = write(tmp_path / "a.nii", sform=(np.diag([1.4, 1.6, 5, 1]), 1))
    assert "pixdim says voxels of 0.7 x 0.8 x 2.5, the sform 1.4 x 1.6 x 5; the sform" in warnings_of(path)


def test_an_sform_of_zeros_gives_way_to_the_qform(tmp_path):
    path = write(tmp_path / "a.nii", sform=(np.zeros((4, 4)), 1), qform=(None, 1))
    np.testing.assert_allclose(read_volume(path).image.grid.index_to_world([0, 0, 0]), [100, 50, 30], atol=1e-4)


@pytest.mark.parametrize(("units", "factor"), [(0, 1), (2, 1), (1, 1000), (3, 0.001), (10, 1), (9, 1000)])
def test_metres_and_microns_become_millimetres(tmp_path, units, factor):
    path = write(tmp_path / "a.nii", sform=(None, 1), units=units)
    np.testing.assert_allclose(read_volume(path).image.grid.spacing_mm, np.array([2.5, 0.8, 0.7]) * factor, rtol=1e-6)
    assert ("turned into millimetres" in warnings_of(path)) == (factor != 1)


def test_rounded_axes_are_straightened_and_sheared_ones_refused(tmp_path):
    rounded = PLACE.copy()
    rounded[1, 0] = 0.0007
    grid = read_volume(write(tmp_path / "a.nii", sform=(rounded, 1))).image.grid
    np.testing.assert_allclose(np.array(grid.direction).T @ grid.direction, np.eye(3), atol=1e-12)
    rounded[1, 0] = 0.07
    with pytest.raises(LesionkitError, match="axes must be at right angles"):
        read_volume(write(tmp_path / "b.nii", sform=(rounded, 1)))


@given(grid=st.from_type(Grid))
def test_any_affine_is_read_as_nibabel_reads_it(tmp_path_factory, grid):
    affine = np.diag([-1, -1, 1, 1]) @ grid.affine[:, [2, 1, 0, 3]]
    path = write(tmp_path_factory.mktemp("n") / "a.nii", sform=(affine, 1))
    np.testing.assert_allclose(read_volume(path).image.grid.affine, as_nibabel(path), atol=1e-3)
