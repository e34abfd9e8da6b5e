import gzip

import nibabel as nib
import numpy as np
import pytest

from lesionkit.core.errors import LesionkitError
from lesionkit.read.nifti import read_nifti_header
from lesionkit.read.volume import read_grid_and_samples, read_volume

RNG = np.random.default_rng(0)


def ct(shape=(12, 11, 10)):
    """(x, y, z) of air with a block of tissue."""
    array = RNG.integers(-1000, -960, shape).astype(np.int16)
    array[3:9, 3:9] = 40
    return array


def save(image, path):
    nib.save(image, path)
    return path


@pytest.mark.parametrize("kind", [nib.Nifti1Image, nib.Nifti2Image])
@pytest.mark.parametrize("type_", [np.int16, np.int32, np.float32, np.float64, ">i2", ">f8"])
def test_every_type_and_byte_order_gives_the_same_hu(tmp_path, kind, type_):
    array = ct()
    header = kind.header_class(endianness=">" if str(type_).startswith(">") else "<")
    header.set_data_dtype(np.dtype(type_))
    case = read_volume(save(kind(array.astype(type_), np.diag([0.7, 0.7, 2.5, 1.0]), header), tmp_path / "a.nii.gz"))
    np.testing.assert_array_equal(case.image.array, array.T)
    assert case.image.array.dtype == np.int16


def test_slope_and_intercept_are_applied(tmp_path):
    image = nib.Nifti1Image(((ct() + 1024) // 2).astype(np.int16), np.eye(4))
    image.header.set_slope_inter(2, -1024)
    path = save(image, tmp_path / "a.nii")
    expected = np.asarray(nib.load(path).dataobj).T
    np.testing.assert_array_equal(read_grid_and_samples(path).array, expected)


@pytest.mark.parametrize("slope", [0.0, np.nan])
def test_a_slope_of_nothing_means_none(tmp_path, slope):
    path = save(nib.Nifti1Image(ct(), np.eye(4)), tmp_path / "a.nii")
    content = bytearray(path.read_bytes())
    content[112:120] = np.array([slope, 0], "<f4").tobytes()
    path.write_bytes(content)
    assert read_volume(path).image.array.max() == 40


def test_packing_is_told_by_the_bytes_not_by_the_suffix(tmp_path):
    plain = save(nib.Nifti1Image(ct(), np.eye(4)), tmp_path / "a.nii").read_bytes()
    (tmp_path / "packed.nii").write_bytes(gzip.compress(plain))
    (tmp_path / "plain.nii.gz").write_bytes(plain)
    (tmp_path / "parts.nii.gz").write_bytes(gzip.compress(plain[:1000]) + gzip.compress(plain[1000:]))
    for name in ("packed.nii", "plain.nii.gz", "parts.nii.gz"):
        np.testing.assert_array_equal(
            read_volume(tmp_path / name).image.array, read_volume(tmp_path / "a.nii").image.array
        )


@pytest.mark.parametrize("share", [0.05, 0.5, 0.99])
def test_a_file_that_ends_early_says_how_much_there_is(tmp_path, share):
    content = save(nib.Nifti1Image(ct(), np.eye(4)), tmp_path / "a.nii").read_bytes()
    (tmp_path / "b.nii").write_bytes(content[: int(share * len(content))])
    with pytest.raises(LesionkitError, match=r"b.nii: the file is truncated or damaged"):
        read_volume(tmp_path / "b.nii")


def test_the_half_of_a_pair_is_refused_as_such(tmp_path):
    content = bytearray(save(nib.Nifti1Image(ct(), np.eye(4)), tmp_path / "a.nii").read_bytes())
    content[344:347] = b"ni1"
    (tmp_path / "b.nii").write_bytes(content)
    with pytest.raises(LesionkitError, match=r"got one half of a pair \(.hdr and .img\)"):
        read_volume(tmp_path / "b.nii")


def test_complex_and_colour_samples_are_refused(tmp_path):
    complex_ = save(nib.Nifti1Image(ct().astype(np.complex64), np.eye(4)), tmp_path / "a.nii")
    with pytest.raises(LesionkitError, match="a CT has real values, got complex ones"):
        read_volume(complex_)
    rgb = np.zeros((12, 11, 10), [("R", "u1"), ("G", "u1"), ("B", "u1")])
    with pytest.raises(LesionkitError, match="one value per voxel, got 3"):
        read_volume(save(nib.Nifti1Image(rgb, np.eye(4)), tmp_path / "b.nii"))


def test_too_many_voxels_are_refused_by_the_header_alone(tmp_path):
    content = bytearray(save(nib.Nifti1Image(ct(), np.eye(4)), tmp_path / "a.nii").read_bytes())
    content[42:48] = np.array([2000, 2000, 2000], "<i2").tobytes()
    (tmp_path / "a.nii").write_bytes(content)
    with pytest.raises(LesionkitError, match=r"at most 1,000,000,000 voxels \(read.most_voxels\), got 8,000,000,000"):
        read_volume(tmp_path / "a.nii")


def test_the_header_of_a_time_series_has_no_grid(tmp_path):
    header = read_nifti_header(save(nib.Nifti1Image(np.zeros((4, 5, 6, 2), np.int16), np.eye(4)), tmp_path / "a.nii"))
    assert (header.size, header.grid) == ((4, 5, 6, 2), None)
