import numpy as np
import pydicom
import pytest
import SimpleITK as sitk
from hypothesis import given, settings
from hypothesis import strategies as st

from lesionkit.core.case import Case
from lesionkit.core.errors import LesionkitError
from lesionkit.core.grid import Grid
from lesionkit.core.image import ArrayImage
from lesionkit.write.dicom import uid_of, write_series


def case_on(grid: Grid, seed: int = 0, case_id: str = "phantom-1") -> Case:
    hu = np.random.default_rng(seed).integers(-1024, 3000, grid.shape, dtype=np.int16)
    return Case(case_id, "patient", ArrayImage(grid, hu))


SMALL = Grid.upright((3, 4, 5), (2.5, 0.7, 0.8), (-10, 20, 30))


def read_with_simpleitk(folder) -> sitk.Image:
    reader = sitk.ImageSeriesReader()
    reader.SetFileNames(reader.GetGDCMSeriesFileNames(str(folder)))
    return reader.Execute()


@given(grid=st.from_type(Grid).filter(lambda grid: min(grid.shape) > 1))
@settings(max_examples=15)
def test_simpleitk_finds_every_sample_at_its_place(tmp_path_factory, grid):
    case = case_on(grid)
    image = read_with_simpleitk(write_series(case, tmp_path_factory.mktemp("s") / "out"))
    for index in [(0, 0, 0), (1, 1, 1), tuple(n - 1 for n in grid.shape)]:
        there = image.TransformPhysicalPointToIndex(grid.index_to_world(index).tolist())
        assert image[there] == case.image.array[index]


@pytest.mark.parametrize("coding", ["explicit", "implicit", "deflated", "rle"])
def test_every_coding_decodes_to_the_same_hu(tmp_path, coding):
    case = case_on(SMALL)
    tags = pydicom.dcmread(write_series(case, tmp_path / "s", coding) / "0002.dcm")
    np.testing.assert_array_equal(tags.pixel_array.astype(int) + int(tags.RescaleIntercept), case.image.array[1])


def test_the_same_case_gives_the_same_files(tmp_path):
    first = write_series(case_on(SMALL), tmp_path / "a")
    second = write_series(case_on(SMALL), tmp_path / "b")
    for path in first.iterdir():
        assert path.read_bytes() == (second / path.name).read_bytes()


def test_uids_are_valid_and_differ_between_slices_and_cases(tmp_path):
    uids = set()
    for name in ("one", "two"):
        for path in write_series(case_on(SMALL, case_id=name), tmp_path / name).iterdir():
            tags = pydicom.dcmread(path)
            uids |= {tags.SOPInstanceUID, tags.SeriesInstanceUID, tags.StudyInstanceUID}
            assert tags.SOPInstanceUID == tags.file_meta.MediaStorageSOPInstanceUID
    assert len(uids) == 2 * (3 + 1 + 1)
    assert all(uid.is_valid for uid in uids)


@pytest.mark.parametrize(("name", "kept"), [("1.2.840.1", True), ("LIDC-1", False), ("1.02", False), ("7", False)])
def test_a_case_id_that_is_a_uid_stays_the_series_uid(name, kept):
    assert (uid_of(name) == name) is kept
    assert uid_of(name).is_valid


def test_values_beyond_the_range_are_clipped_and_floats_rounded(tmp_path):
    hu = np.full(SMALL.shape, -2000.0, np.float32)
    hu[0, 0, :3] = [40.6, 99999, -1024]
    tags = pydicom.dcmread(write_series(Case("a", "p", ArrayImage(SMALL, hu)), tmp_path / "s") / "0001.dcm")
    assert (tags.pixel_array.astype(int) - 1024)[0, :4].tolist() == [41, 32767, -1024, -1024]


def test_only_an_empty_folder_is_written_to(tmp_path):
    (tmp_path / "old.txt").write_text("x")
    with pytest.raises(LesionkitError, match="the folder for a new series must be empty"):
        write_series(case_on(SMALL), tmp_path)
    assert [p.name for p in tmp_path.iterdir()] == ["old.txt"]


def test_a_picture_is_no_series(tmp_path):
    picture = ArrayImage(Grid.upright((2, 2), (1, 1)), np.zeros((2, 2), np.int16))
    with pytest.raises(LesionkitError, match=r"a CT series is 3-D, got an image of shape \(2, 2\)"):
        write_series(Case("a", "p", picture), tmp_path / "s")
