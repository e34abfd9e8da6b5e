import shutil
from dataclasses import replace

import numpy as np
import pydicom
import pytest

from lesionkit.core.case import Case
from lesionkit.core.errors import LesionkitError
from lesionkit.read.scan import ScanOptions, files_of_scan, find_scans, open_scan, survey_scans
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


def three_series(scan, tmp_path, change):
    """Two CT series and a PET of one patient in one folder, and an MR of another patient in a folder of its own."""
    for number, (uid, folder) in enumerate([("1.1", "s"), ("1.2", "s"), ("1.3", "s"), ("1.4", "m")]):
        facts = {**scan.facts, "series_number": number + 1}
        made = write_series(replace(scan, case_id=uid, facts=facts), tmp_path / f"made/{uid}")
        if number > 1:
            change(made, lambda tags, number=number: setattr(tags, "Modality", ("PT", "MR")[number - 2]))
        if number == 3:
            change(made, lambda tags: setattr(tags, "PatientID", "another"))
        (tmp_path / "all" / folder).mkdir(parents=True, exist_ok=True)
        for path in made.iterdir():
            path.rename(tmp_path / "all" / folder / f"{uid}-{path.name}")
    return tmp_path / "all"


def test_series_that_share_a_folder_are_scans_of_their_own(scan, tmp_path, change):
    folder = three_series(scan, tmp_path, change)
    survey = survey_scans(folder)
    assert list(survey.scans) == [folder / "s/1.1", folder / "s/1.2"]
    assert [open_scan(path).case_id for path in survey.scans] == ["1.1", "1.2"]
    assert open_scan(folder / "s/1.2").facts["warnings"] == []
    assert len(files_of_scan(folder / "s/1.2")) == 12


def test_what_is_passed_over_is_told_and_a_patient_without_a_scan_counts_as_unused(scan, tmp_path, change):
    survey = survey_scans(three_series(scan, tmp_path, change))
    assert survey.notes == ("1 series were passed over: modality PT, not CT",)
    assert next(iter(survey.unused.values())).endswith("skipped: modality MR, not CT (1.4)")


@pytest.mark.parametrize("wanted", ["1.2", "2", ".2"])
def test_one_series_of_a_folder_may_be_asked_for(scan, tmp_path, change, wanted):
    folder = three_series(scan, tmp_path, change)
    assert list(survey_scans(folder, ScanOptions(series=wanted)).scans) == [folder / "s"]
    assert open_scan(folder / "s", ScanOptions(series=wanted)).case_id == "1.2"


def test_a_series_that_is_not_there_is_refused_with_those_that_are(scan, tmp_path, change):
    with pytest.raises(LesionkitError, match=r"there is no series '7'; choose one of series 1.*series 2"):
        survey_scans(three_series(scan, tmp_path, change), ScanOptions(series="7"))


def test_a_series_of_few_slices_is_no_scan_that_is_lost_silently(scan, folder):
    for path in sorted(folder.glob("*.dcm"))[3:]:
        path.unlink()
    write_series(replace(scan, case_id="1.9"), folder / "whole")
    few, whole = survey_scans(folder).scans
    assert (few, whole) == (folder / "1.2.3.40", folder / "whole")
    with pytest.raises(LesionkitError, match="a CT volume needs at least 10 slices, got 3"):
        open_scan(few)


def test_a_dicomdir_stands_for_its_folder(scan, folder):
    (folder / "DICOMDIR").write_bytes(b"\0" * 128 + b"DICM")
    assert find_scans(folder / "DICOMDIR") == [folder]
    np.testing.assert_array_equal(open_scan(folder / "DICOMDIR").image.array, scan.image.array)
    assert open_scan(folder).facts["warnings"] == []


def test_documents_beside_slices_are_no_damage(folder):
    for name in ("reading.xml", "report.pdf", "README", "autorun.inf", "VERSION"):
        (folder / name).write_text("words")
    assert open_scan(folder).facts["warnings"] == []
    assert survey_scans(folder).unused == {}


def test_damaged_images_are_counted_wherever_they_lie(folder):
    (folder / "more").mkdir()
    for name in ("a.dcm", "IM00001", "b.ima"):
        (folder / "more" / name).write_bytes(b"")
    ((where, why),) = survey_scans(folder).unused.items()
    assert where == str(folder / "more")
    assert why.startswith(f"{where}: 3 files are no readable DICOM images, first 'IM00001'")


def test_an_evil_uid_leads_nowhere(scan, tmp_path):
    for uid in ("../../evil", "1.2"):
        made = write_series(scan, tmp_path / f"made-{len(uid)}")
        for path in made.iterdir():
            tags = pydicom.dcmread(path)
            tags["SeriesInstanceUID"] = pydicom.DataElement("SeriesInstanceUID", "LO", uid)
            (tmp_path / "all").mkdir(exist_ok=True)
            tags.save_as(tmp_path / "all" / f"{len(uid)}-{path.name}")
    assert [path.name for path in find_scans(tmp_path / "all")] == [".._.._evil", "1.2"]
    assert open_scan(tmp_path / "all/.._.._evil").case_id == "../../evil"


def test_a_path_that_is_too_long_is_one_sentence(tmp_path):
    with pytest.raises(LesionkitError, match="cannot be read: File name too long"):
        open_scan(tmp_path / ("x" * 300 + ".nii"))
