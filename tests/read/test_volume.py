import gzip

import numpy as np
import pytest
import SimpleITK as sitk
from hypothesis import given
from hypothesis import strategies as st

from lesionkit.core.errors import LesionkitError
from lesionkit.core.grid import Grid
from lesionkit.core.image import ArrayImage
from lesionkit.read.volume import read_grid_and_samples, read_volume, volume_stem
from lesionkit.write.volume import write_volume

SUFFIXES = [".mha", ".mhd", ".nii", ".nii.gz", ".nrrd"]


def write(tmp_path, array, name="scan.mha"):
    sitk.WriteImage(sitk.GetImageFromArray(array), str(tmp_path / name))
    return tmp_path / name


def air_and_tissue(shape=(12, 11, 10), dtype=np.int16):
    array = np.full(shape, -1000, dtype)
    array[3:6] = 50
    return array


def test_the_case_is_named_by_the_file(tmp_path):
    case = read_volume(write(tmp_path, air_and_tissue(), "LKDS-00001.nii.gz"))
    assert (case.case_id, case.patient_id) == ("LKDS-00001", "LKDS-00001")
    assert case.facts["format"] == "nifti"
    assert case.facts["native_spacing_mm"] == [1.0, 1.0, 1.0]


@pytest.mark.parametrize(
    ("name", "stem"), [("a.b.mhd", "a.b"), ("1.2.3.nii.gz", "1.2.3"), ("x.nrrd", "x"), ("odd.png", "odd")]
)
def test_the_stem_knows_double_suffixes(tmp_path, name, stem):
    assert volume_stem(tmp_path / name) == stem


def test_floats_are_rounded_and_padding_is_clipped(tmp_path):
    array = air_and_tissue(dtype=np.float32)
    array[0, 0, :3] = [-3024, 40.6, 99999]
    case = read_volume(write(tmp_path, array))
    assert case.image.array.dtype == np.int16
    assert case.image.array[0, 0, :3].tolist() == [-1024, 41, 32767]


@pytest.mark.parametrize("suffix", SUFFIXES)
@given(grid=st.from_type(Grid).filter(lambda grid: min(grid.shape) > 1))
def test_every_format_reads_what_was_written(tmp_path_factory, suffix, grid):
    array = np.arange(np.prod(grid.shape), dtype=np.int16).reshape(grid.shape)
    image = read_grid_and_samples(write_volume(ArrayImage(grid, array), tmp_path_factory.mktemp("v") / f"a{suffix}"))
    np.testing.assert_array_equal(image.array, array)
    # NIfTI keeps its affine in 32 bits.
    np.testing.assert_allclose(image.grid.affine, grid.affine, atol=1e-3 if ".nii" in suffix else 1e-9)


def nifti(path, array, affine_ras):
    """A NIfTI-1 file made by hand from its specification, with an sform only."""
    header = np.zeros(352, np.uint8)
    header[:4] = np.array([348], "<i4").view(np.uint8)
    header[40:56] = np.array([3, *array.shape[::-1], 1, 1, 1, 1], "<i2").view(np.uint8)
    header[70:74] = np.array([4, 16], "<i2").view(np.uint8)
    spacing = np.linalg.norm(affine_ras[:, :3], axis=0)
    header[76:108] = np.array([1, *spacing, 0, 0, 0, 0], "<f4").view(np.uint8)
    header[108:112] = np.array([352], "<f4").view(np.uint8)
    header[112:116] = np.array([1], "<f4").view(np.uint8)
    header[254:256] = np.array([1], "<i2").view(np.uint8)
    header[280:328] = np.asarray(affine_ras, "<f4").ravel().view(np.uint8)
    header[344:348] = np.frombuffer(b"n+1\0", np.uint8)
    path.write_bytes(header.tobytes() + array.astype("<i2").tobytes())
    return path


def test_a_nifti_affine_is_turned_from_ras_to_lps(tmp_path):
    affine = np.array([[0.7, 0, 0, 100], [0, 0.7, 0, 50], [0, 0, 2.5, -300]])
    grid = read_volume(nifti(tmp_path / "a.nii", air_and_tissue(), affine)).image.grid
    np.testing.assert_allclose(grid.index_to_world([4, 3, 2]), [-101.4, -52.1, -290], atol=1e-4)
    np.testing.assert_allclose(grid.spacing_mm, [2.5, 0.7, 0.7], atol=1e-6)


def test_a_flipped_and_oblique_nifti_affine_keeps_every_voxel_in_place(tmp_path):
    c, s = np.cos(0.3), np.sin(0.3)
    axes = np.array([[-c, 0, s], [0, 1, 0], [-s, 0, -c]])
    affine = np.c_[axes * [0.7, 0.8, 2.5], [10, 20, 30]]
    grid = read_volume(nifti(tmp_path / "a.nii", air_and_tissue(), affine)).image.grid
    for index in [(0, 0, 0), (5, 4, 3), (11, 10, 9)]:
        ras = affine @ [*index[::-1], 1]
        np.testing.assert_allclose(grid.index_to_world(index), ras * [-1, -1, 1], atol=1e-4)


def test_a_sheared_nifti_affine_is_refused(tmp_path):
    affine = np.array([[0.7, 0, 0, 0], [0, 0.7, 0.8, 0], [0, 0, 2.5, 0.0]])
    with pytest.raises(LesionkitError, match=r"gantry tilt|at right angles"):
        read_volume(nifti(tmp_path / "a.nii", air_and_tissue(), affine))


@pytest.mark.parametrize(
    ("array", "message"),
    [
        (np.zeros((12, 10, 10), np.int16), "a scan must show something, but all samples are 0"),
        (np.full((12, 10, 10), np.nan, np.float32), "every sample must be a number, but 100.00% are NaN"),
        (np.random.default_rng(0).random((12, 10, 10)), r"must be Hounsfield units.*scaled image \(0..1\) or a mask"),
        (
            np.arange(1200, dtype=np.uint8).reshape(12, 10, 10),
            r"Hounsfield units.*got 0 to 255; this looks like an 8-bit",
        ),
        (
            np.arange(1200, dtype=np.int16).reshape(12, 10, 10),
            "stored values without rescale; apply slope and intercept",
        ),
        (np.arange(-100, 1100, dtype=np.int16).reshape(12, 10, 10), "got -100 to 1099; give a CT that shows lung"),
        (air_and_tissue((4, 30, 30)), r"at least 10 slices, got shape \(4, 30, 30\)"),
        (air_and_tissue((30, 30)), r"a CT volume is 3-D, got a single picture of size \(30, 30\)"),
        (air_and_tissue((1, 30, 30)), "3-D, got a single picture"),
    ],
)
def test_what_is_no_ct_volume_is_refused(tmp_path, array, message):
    with pytest.raises(LesionkitError, match=message):
        read_volume(write(tmp_path, array))


def test_one_nan_is_enough(tmp_path):
    array = air_and_tissue(dtype=np.float32)
    array[0, 0, 0] = np.nan
    with pytest.raises(LesionkitError, match=r"every sample must be a number, but 0.08% are NaN or infinite"):
        read_volume(write(tmp_path, array))


def test_time_series_are_refused(tmp_path):
    volumes = [sitk.GetImageFromArray(air_and_tissue())] * 3
    sitk.WriteImage(sitk.JoinSeries(volumes), str(tmp_path / "a.nii.gz"))
    with pytest.raises(LesionkitError, match=r"3-D, got 4-D of size \(10, 11, 12, 3\) \(x, y, z, time\)"):
        read_volume(tmp_path / "a.nii.gz")


def test_a_fourth_axis_of_length_one_is_dropped(tmp_path):
    sitk.WriteImage(sitk.JoinSeries([sitk.GetImageFromArray(air_and_tissue())]), str(tmp_path / "a.nrrd"))
    assert read_volume(tmp_path / "a.nrrd").image.grid.shape == (12, 11, 10)


def test_colours_are_refused(tmp_path):
    sitk.WriteImage(sitk.GetImageFromArray(np.zeros((12, 11, 10, 3), np.uint8), isVector=True), str(tmp_path / "a.mha"))
    with pytest.raises(LesionkitError, match="one value per voxel, got 3; is this a colour picture"):
        read_volume(tmp_path / "a.mha")


@pytest.mark.parametrize("compress", [True, False])
@pytest.mark.parametrize("suffix", SUFFIXES)
def test_a_truncated_file_is_refused_and_nothing_else_is_said(tmp_path, capfd, suffix, compress):
    rng = np.random.default_rng(0)
    array = rng.integers(-1000, 1000, (12, 11, 10), dtype=np.int16)
    path = write_volume(
        ArrayImage(Grid.upright(array.shape, (1, 1, 1)), array), tmp_path / f"a{suffix}", compress=compress
    )
    victim = path.with_suffix(".zraw" if compress else ".raw") if suffix == ".mhd" else path
    content = victim.read_bytes()
    victim.write_bytes(content[: len(content) // 2])
    with pytest.raises(LesionkitError, match=r"a\.\S+: the file is truncated or damaged"):
        read_volume(path)
    assert capfd.readouterr().err == ""


def test_an_mhd_without_its_samples_names_them(big, tmp_path):
    write_volume(big, tmp_path / "a.mhd")
    (tmp_path / "a.zraw").unlink()
    with pytest.raises(LesionkitError, match=r"a.mhd: its samples are in 'a.zraw', which is missing; copy that file"):
        read_volume(tmp_path / "a.mhd")


def test_a_missing_or_strange_file_is_named(tmp_path):
    with pytest.raises(LesionkitError, match=r"a.mha: there is no such file; give a DICOM folder or a .nii.gz"):
        read_volume(tmp_path / "a.mha")
    (tmp_path / "a.xyz").write_text("?")
    with pytest.raises(LesionkitError, match=r"a.xyz: a volume file ends in .nii.gz"):
        read_volume(tmp_path / "a.xyz")
    (tmp_path / "b.nii.gz").write_bytes(gzip.compress(b"no image at all"))
    with pytest.raises(LesionkitError, match=r"b.nii.gz: the file is truncated or damaged"):
        read_volume(tmp_path / "b.nii.gz")


def test_masks_are_read_as_they_are(tmp_path):
    labels = np.zeros((12, 11, 10), np.uint8)
    labels[2:4] = 3
    image = read_grid_and_samples(write(tmp_path, labels))
    assert image.array.dtype == np.uint8
    np.testing.assert_array_equal(image.array, labels)


@pytest.mark.parametrize("name", ["TCGA-DE-A4MA_thorax", "Lung_Dx-A0002_ct"])
def test_real_volumes_agree_with_simpleitk(data, name):
    path = data / f"ct/{name}.nii.gz"
    case = read_volume(path)
    image = sitk.ReadImage(str(path))
    there = image.TransformIndexToPhysicalPoint((100, 200, 20))
    np.testing.assert_allclose(case.image.grid.index_to_world([20, 200, 100]), there, atol=1e-4)
    assert case.image.array[20, 200, 100] == max(image[100, 200, 20], -1024)
