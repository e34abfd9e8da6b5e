import shutil

import numpy as np
import pytest

from lesionkit.core.case import Case
from lesionkit.core.errors import LesionkitError
from lesionkit.read.scan import ScanOptions, find_scans, open_scan
from lesionkit.write.dicom import write_series
from lesionkit.write.volume import write_volume


def test_every_format_opens_to_the_same_samples(big, tmp_path):
    case = Case("1.2", "p", big)
    paths = [write_series(case, tmp_path / "dicom")]
    paths += [write_volume(big, tmp_path / f"a{s}") for s in (".mha", ".mhd", ".nii", ".nii.gz", ".nrrd")]
    for path in paths:
        image = open_scan(path).image
        np.testing.assert_array_equal(image.array, big.array)
        np.testing.assert_allclose(image.grid.affine, big.grid.affine, atol=1e-5)


def test_one_file_of_a_series_stands_for_its_series(scan, folder):
    case = open_scan(folder / "0003.dcm")
    assert case.case_id == scan.case_id
    assert case.image.grid.shape == (12, 6, 8)


def test_a_folder_with_one_volume_file_is_that_scan(big, tmp_path):
    (tmp_path / "one").mkdir()
    write_volume(big, tmp_path / "one" / "b.mha")
    assert open_scan(tmp_path / "one").case_id == "b"


def test_a_folder_with_several_volume_files_is_not_one_scan(big, tmp_path):
    for name in ("a.mha", "b.mha"):
        write_volume(big, tmp_path / name)
    with pytest.raises(LesionkitError, match="one scan is wanted, but the folder holds 2 volume files; give one"):
        open_scan(tmp_path)


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("photo.jpg", r"a CT is a DICOM folder or a .nii.gz, .*got a picture"),
        ("table.xlsx", "got a file of unknown kind"),
    ],
)
def test_files_that_are_no_scan_are_refused(tmp_path, name, message):
    (tmp_path / name).write_bytes(b"\xff\xd8\xff\xe0 something")
    with pytest.raises(LesionkitError, match=message):
        open_scan(tmp_path / name)


def test_a_missing_path_is_named(tmp_path):
    with pytest.raises(LesionkitError, match=r"nowhere: a CT is a DICOM folder or .*got nothing"):
        open_scan(tmp_path / "nowhere")
    with pytest.raises(LesionkitError, match=r"nowhere: there is no such file or folder"):
        find_scans(tmp_path / "nowhere")


def test_gaps_are_allowed_on_request(folder):
    (folder / "0005.dcm").unlink()
    assert open_scan(folder, ScanOptions(allow_gaps=True)).image.grid.shape == (12, 6, 8)


def test_a_radiograph_is_refused_by_its_modality(folder, change):
    change(folder, lambda tags: setattr(tags, "Modality", "DX"))
    with pytest.raises(LesionkitError, match="modality DX, not CT"):
        open_scan(folder)


def test_one_scan_is_found_as_itself(folder):
    assert find_scans(folder) == [folder]
    assert find_scans(folder / "0001.dcm") == [folder / "0001.dcm"]


def test_many_scans_are_found_below_a_folder(scan, big, tmp_path, change):
    write_volume(big, tmp_path / "all/b.nii.gz")
    write_volume(big, tmp_path / "all/deep/c.mhd")
    dicom = write_series(scan, tmp_path / "all/patient/study/series")
    pet = write_series(scan, tmp_path / "all/patient/study/pet")
    change(pet, lambda tags: setattr(tags, "Modality", "PT"))
    (tmp_path / "all/annotations.csv").write_text("seriesuid\n")
    assert find_scans(tmp_path / "all") == [tmp_path / "all/b.nii.gz", tmp_path / "all/deep/c.mhd", dicom]


def test_a_folder_of_other_modalities_is_still_found_so_that_its_error_is_shown(folder, change):
    change(folder, lambda tags: setattr(tags, "Modality", "MR"))
    assert find_scans(folder) == [folder]


def test_a_folder_without_any_scan_is_refused(tmp_path):
    (tmp_path / "a.txt").write_text("x")
    with pytest.raises(LesionkitError, match=r"the folder holds no scan \(DICOM slices or .nii.gz"):
        find_scans(tmp_path)


def test_hidden_files_are_no_scans(big, folder, tmp_path):
    shutil.copy(write_volume(big, tmp_path / "x.mha"), tmp_path / "series" / "._x.mha")
    assert find_scans(tmp_path / "series") == [folder]


def test_a_series_spread_over_folders_is_one_scan(scan, folder):
    for part in ("a", "b"):
        (folder / part).mkdir()
    for i, path in enumerate(sorted(folder.glob("*.dcm"))):
        path.rename(folder / "ab"[i // 6] / path.name)
    assert find_scans(folder) == [folder]
    np.testing.assert_array_equal(open_scan(folder).image.array, scan.image.array)


def test_copies_of_a_series_are_two_scans(scan, tmp_path):
    paths = [write_series(scan, tmp_path / name) for name in ("a", "b")]
    assert find_scans(tmp_path) == paths
