import bz2

import numpy as np
import pytest
import SimpleITK as sitk

from lesionkit.core.errors import LesionkitError
from lesionkit.read.volume import read_volume
from lesionkit.write.volume import write_volume


def edit(path, old, new):
    content = path.read_bytes()
    assert old in content
    path.write_bytes(content.replace(old, new, 1))
    return path


def drop(path, key):
    path.write_bytes(b"".join(line for line in path.read_bytes().splitlines(True) if not line.startswith(key)))
    return path


def test_a_metaimage_without_spacing_is_read_with_a_warning(big, tmp_path):
    case = read_volume(drop(write_volume(big, tmp_path / "a.mhd"), b"ElementSpacing"))
    assert case.image.grid.spacing_mm == (1, 1, 1)
    assert case.facts["warnings"] == [
        "the header has no ElementSpacing: voxels were taken to be 1 mm wide in all directions"
    ]


def test_a_nrrd_without_spacing_is_read_with_a_warning(big, tmp_path):
    write_volume(big, tmp_path / "b.nrrd", compress=False)
    samples = big.array.tobytes()
    header = b"NRRD0004\ntype: short\ndimension: 3\nsizes: 12 12 12\nendian: little\nencoding: raw\n\n"
    (tmp_path / "a.nrrd").write_bytes(header + samples)
    assert "the header has no spacings or space directions" in read_volume(tmp_path / "a.nrrd").facts["warnings"][0]
    assert read_volume(tmp_path / "b.nrrd").facts["warnings"] == []


@pytest.mark.parametrize("spacing", [b"0 1 2", b"1 -1 2", b"nan 1 2"])
def test_spacing_that_is_not_positive_is_refused_by_that_reason(big, tmp_path, capfd, spacing):
    path = edit(write_volume(big, tmp_path / "a.mhd"), b"ElementSpacing = 1 1 2", b"ElementSpacing = " + spacing)
    with pytest.raises(LesionkitError, match="spacing must be positive millimetres, got"):
        read_volume(path)
    assert capfd.readouterr().err == ""


def test_bzip2_is_refused_by_that_reason(big, tmp_path):
    header = b"NRRD0004\ntype: short\ndimension: 3\nsizes: 12 12 12\nendian: little\nencoding: bzip2\n\n"
    (tmp_path / "a.nrrd").write_bytes(header + bz2.compress(big.array.tobytes()))
    with pytest.raises(LesionkitError, match="packed by bzip2, which is not read; save it with gzip or raw"):
        read_volume(tmp_path / "a.nrrd")


def test_a_fourth_axis_of_one_volume_keeps_its_place(tmp_path):
    array = np.full((12, 11, 10), -1000, np.int16)
    array[3:6] = 50
    image = sitk.GetImageFromArray(array)
    image.SetSpacing((0.7, 0.8, 2.5))
    image.SetOrigin((1, 2, 3))
    for name in ("a.mha", "a.nii", "a.nrrd"):
        sitk.WriteImage(sitk.JoinSeries([image]), str(tmp_path / name))
        grid = read_volume(tmp_path / name).image.grid
        np.testing.assert_allclose(grid.spacing_mm, (2.5, 0.8, 0.7), rtol=1e-6)
        np.testing.assert_allclose(grid.origin_mm, (1, 2, 3), rtol=1e-6)
