import dataclasses
import os
import shutil

import numpy as np
import pydicom
import pytest

from lesionkit.core.image import ArrayImage
from lesionkit.read.dicom.folder import scan_folder
from lesionkit.write.dicom import write_series


@pytest.fixture
def patient(scan, tmp_path):
    """patient(number, uid, up): twelve slices of P1, P2 …, `up` mm higher, whose pixels tell the number."""

    def make(number, uid, up=0.0, patient=None):
        grid = dataclasses.replace(scan.image.grid, origin_mm=(-10, 20, -300 + up))
        image = ArrayImage(grid, scan.image.array + np.int16(number))
        case = dataclasses.replace(scan, case_id=uid, patient_id=patient or f"P{number}", image=image)
        folder = write_series(case, tmp_path / f"made-{number}-{up}")
        for path in folder.glob("*.dcm"):
            tags = pydicom.dcmread(path)
            tags.SOPInstanceUID = tags.file_meta.MediaStorageSOPInstanceUID = f"1.9.{number}.{tags.InstanceNumber}"
            tags.save_as(path)
        return sorted(folder.glob("*.dcm"))

    return make


def deal(files, folder_of):
    """Copy files into folders by their number."""
    for number, path in enumerate(files):
        folder = folder_of(number)
        folder.mkdir(parents=True, exist_ok=True)
        shutil.copy(path, folder / f"IM{number:05d}")


def found(folder):
    return {(s.case_id, s.patient_id): s.slices for s in scan_folder(folder).series}


LAYOUTS = {
    "flat": lambda n: "all",
    "a file each": lambda n: f"{n * 37 % 64:02x}/{n:04x}",
    "buckets": lambda n: f"{n // 20:03d}",
    "halves": lambda n: f"half-{n % 2}/deep",
}


@pytest.mark.parametrize("layout", LAYOUTS)
def test_any_layout_gives_the_same_scans(patient, tmp_path, layout):
    files = [path for number in (1, 2, 3) for path in patient(number, f"1.2.{number}")]
    deal(files, lambda n: tmp_path / "data" / LAYOUTS[layout](n))
    assert found(tmp_path / "data") == {(f"1.2.{n}", f"P{n}"): 12 for n in (1, 2, 3)}


@pytest.mark.parametrize("layout", LAYOUTS)
@pytest.mark.parametrize("up", [0.0, 1.0])
def test_patients_who_share_a_series_uid_are_kept_apart_wherever_their_slices_lie(patient, tmp_path, layout, up):
    deal([*patient(1, "1.2.9"), *patient(2, "1.2.9", up)], lambda n: tmp_path / "data" / LAYOUTS[layout](n))
    assert found(tmp_path / "data") == {("P1-1.2.9", "P1"): 12, ("P2-1.2.9", "P2"): 12}


def test_without_uids_patients_give_the_names(patient, tmp_path, change):
    for number in (1, 2):
        deal(patient(number, "1.2.9"), lambda n, number=number: tmp_path / f"data/{number}")
    for path in (tmp_path / "data").rglob("IM*"):
        tags = pydicom.dcmread(path)
        tags.SeriesInstanceUID = ""
        tags.save_as(path)
    assert found(tmp_path / "data") == {("P1", "P1"): 12, ("P2", "P2"): 12}


@pytest.mark.parametrize("up", [0.0, 1.0])
def test_who_shares_even_the_patient_is_told_by_the_folder(patient, tmp_path, up):
    """Numbers or places that come twice cannot be of one scan."""
    deal(patient(1, "1.2.9", patient="P"), lambda n: tmp_path / "data/a")
    deal(patient(2, "1.2.9", up, patient="P"), lambda n: tmp_path / "data/b")
    series = scan_folder(tmp_path / "data").series
    assert [(s.case_id, s.slices, s.place.name) for s in series] == [("1.2.9", 12, "a"), ("1.2.9", 12, "b")]


def test_a_series_whose_slices_have_one_number_may_still_be_spread(patient, tmp_path):
    deal(patient(1, "1.2.9"), lambda n: tmp_path / "data" / f"{n // 6}")
    for path in (tmp_path / "data").rglob("IM*"):
        tags = pydicom.dcmread(path)
        tags.InstanceNumber = 1
        tags.save_as(path)
    assert found(tmp_path / "data") == {("1.2.9", "P1"): 12}


def test_some_files_that_are_there_twice_are_no_second_scan(patient, tmp_path):
    files = patient(1, "1.2.9")
    deal(files, lambda n: tmp_path / "data/all")
    deal(files[:3], lambda n: tmp_path / "data/key images")
    assert found(tmp_path / "data") == {("1.2.9", "P1"): 15}


@pytest.mark.parametrize("tag", ["FrameOfReferenceUID", "StudyInstanceUID", "PatientID"])
def test_a_tag_that_some_slices_lack_does_not_tear_a_scan(patient, tmp_path, tag):
    deal(patient(1, "1.2.9"), lambda n: tmp_path / "data")
    for path in sorted((tmp_path / "data").iterdir())[:5]:
        tags = pydicom.dcmread(path)
        setattr(tags, tag, "")
        tags.save_as(path)
    assert list(found(tmp_path / "data").values()) == [12]


def test_frames_of_reference_and_studies_of_one_uid_are_scans_of_their_own(patient, tmp_path):
    for number in (1, 2):
        deal(patient(number, "1.2.9", patient="P"), lambda n, number=number: tmp_path / f"data/{number}")
        for path in (tmp_path / f"data/{number}").iterdir():
            tags = pydicom.dcmread(path)
            tags.FrameOfReferenceUID = f"1.5.{number}"
            tags.save_as(path)
    assert found(tmp_path / "data") == {("1.2.9", "P"): 12, ("1.2.9-2", "P"): 12}


def test_links_are_followed_and_loops_end(patient, tmp_path):
    deal(patient(1, "1.2.1"), lambda n: tmp_path / "real/study/series")
    deal(patient(2, "1.2.2"), lambda n: tmp_path / "data/P2")
    (tmp_path / "data/P1").symlink_to(tmp_path / "real")
    (tmp_path / "data/P2/loop").symlink_to(tmp_path / "data")
    assert found(tmp_path / "data") == {("1.2.1", "P1"): 12, ("1.2.2", "P2"): 12}


def test_a_changed_folder_is_looked_at_again(patient, tmp_path):
    files = patient(1, "1.2.1")
    deal(files[:11], lambda n: tmp_path / "data")
    assert found(tmp_path / "data") == {("1.2.1", "P1"): 11}
    shutil.copy(files[11], tmp_path / "data/last")
    assert found(tmp_path / "data") == {("1.2.1", "P1"): 12}
    os.remove(tmp_path / "data/last")  # noqa: PTH107
    assert found(tmp_path / "data") == {("1.2.1", "P1"): 11}
