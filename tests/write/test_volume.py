import numpy as np
import pytest
import SimpleITK as sitk
from hypothesis import given
from hypothesis import strategies as st

from lesionkit.core.errors import LesionkitError
from lesionkit.core.grid import Grid
from lesionkit.core.image import ArrayImage
from lesionkit.write.volume import write_volume

# NIfTI keeps its affine in 32 bits: at 500 mm a ten-thousandth of a millimetre is left.
EXACT = {".mha": 1e-9, ".mhd": 1e-9, ".nrrd": 1e-9, ".nii": 1e-3, ".nii.gz": 1e-3}


@pytest.mark.parametrize("suffix", EXACT)
@given(grid=st.from_type(Grid).filter(lambda grid: min(grid.shape) > 1), seed=st.integers(0, 99))
def test_simpleitk_reads_the_same_samples_at_the_same_places(tmp_path_factory, suffix, grid, seed):
    array = np.random.default_rng(seed).integers(-1024, 3000, grid.shape, dtype=np.int16)
    path = write_volume(ArrayImage(grid, array), tmp_path_factory.mktemp("v") / f"a{suffix}")
    image = sitk.ReadImage(str(path))
    np.testing.assert_array_equal(sitk.GetArrayFromImage(image), array)
    for index in [(0, 0, 0), (1, 1, 1), tuple(n - 1 for n in grid.shape)]:
        there = image.TransformIndexToPhysicalPoint(index[::-1])
        np.testing.assert_allclose(grid.index_to_world(index), there, atol=EXACT[suffix])


def test_masks_are_written_as_0_and_1(tmp_path):
    mask = np.zeros((3, 4, 5), bool)
    mask[1] = True
    path = write_volume(ArrayImage(Grid.upright(mask.shape, (1, 1, 1)), mask), tmp_path / "m.nii.gz")
    np.testing.assert_array_equal(sitk.GetArrayFromImage(sitk.ReadImage(str(path))), mask)


@pytest.mark.parametrize(("compress", "samples"), [(True, "a.zraw"), (False, "a.raw")])
def test_an_mhd_names_the_samples_beside_it(tmp_path, compress, samples):
    array = np.arange(60, dtype=np.int16).reshape(3, 4, 5)
    write_volume(ArrayImage(Grid.upright(array.shape, (1, 1, 1)), array), tmp_path / "a.mhd", compress)
    assert sorted(p.name for p in tmp_path.iterdir()) == ["a.mhd", samples]
    assert f"ElementDataFile = {samples}" in (tmp_path / "a.mhd").read_text()


def test_what_cannot_be_written_is_refused(tmp_path):
    volume = ArrayImage(Grid.upright((2, 2, 2), (1, 1, 1)), np.zeros((2, 2, 2), np.int16))
    picture = ArrayImage(Grid.upright((2, 2), (1, 1)), np.zeros((2, 2), np.int16))
    with pytest.raises(LesionkitError, match=r"a volume file ends in .nii.gz.* got a.png"):
        write_volume(volume, tmp_path / "a.png")
    with pytest.raises(LesionkitError, match=r"holds three axes, got an image of shape \(2, 2\)"):
        write_volume(picture, tmp_path / "a.mha")
    (tmp_path / "file").write_text("")
    with pytest.raises(LesionkitError, match="choose a writable output folder"):
        write_volume(volume, tmp_path / "file" / "a.mha")
    assert [p.name for p in tmp_path.iterdir()] == ["file"]
