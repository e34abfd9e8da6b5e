import os

import numpy as np
import pandas as pd
import pytest

from lesionkit.core.case import Case
from lesionkit.core.errors import LesionkitError
from lesionkit.core.image import ArrayImage, upright
from lesionkit.core.lesion import Lesion
from lesionkit.read.catalogue import (
    COLUMNS,
    build_catalogue,
    content_hash,
    describe_scan,
    load_case,
    read_catalogue,
    update_catalogue,
    write_catalogue,
)
from lesionkit.write.dicom import write_series
from lesionkit.write.truth import write_annotations, write_patients, write_series_list
from lesionkit.write.volume import write_volume

INSIDE = Lesion((-95, 55, 15), 6.0)


@pytest.fixture
def variant(big):
    """variant(number): a scan unlike the others."""

    def make(number):
        array = big.array.copy()
        array[0, 0, 0] = number
        return ArrayImage(big.grid, array)

    return make


@pytest.fixture
def data_set(variant, tmp_path):
    """Scans a (one nodule), b (looked at, healthy) and c (nobody looked)."""
    for number, name in enumerate("abc"):
        write_volume(variant(number), tmp_path / f"scans/{name}.nii.gz")
    write_annotations(tmp_path / "annotations.csv", {"a": [INSIDE]})
    write_annotations(tmp_path / "annotations_excluded.csv", {"b": [Lesion((-96, 56, 16), 0.0)]})
    write_series_list(tmp_path / "seriesuids.csv", ["a", "b"])
    write_patients(tmp_path / "patients.csv", {"a": "P1", "b": "P1", "c": "P2"})
    return tmp_path


def row(frame, case_id):
    return frame[frame["case_id"] == case_id].iloc[0]


def test_one_row_tells_what_is_known_of_a_case(data_set):
    frame = build_catalogue(data_set)
    assert list(frame.columns) == COLUMNS.names
    a = row(frame, "a")
    assert a["patient_id"] == "P1"
    assert a["path"] == str(data_set / "scans/a.nii.gz")
    assert (a["format"], a["shape"], a["spacing_mm"], a["origin_mm"]) == (
        "nifti",
        [12, 12, 12],
        [2, 1, 1],
        [-100, 50, 7],
    )
    assert a["direction"] == [0, 0, 1, 0, 1, 0, 1, 0, 0]
    assert a["lesion_count"] == 1
    assert a["failure"] is None
    assert np.isnan(a["lung_cover_ratio"])


def test_cases_come_with_their_truth(data_set):
    frame = build_catalogue(data_set)
    a, b, c = (load_case(row(frame, name)) for name in "abc")
    assert a.truth[0].centre_mm == INSIDE.centre_mm
    assert a.truth[0].facts == {"row": 2}
    assert b.truth == ()
    assert b.excluded[0].centre_mm == (-96, 56, 16)
    assert c.truth is None
    assert (a.patient_id, c.patient_id) == ("P1", "P2")


def test_parquet_gives_the_table_back(data_set, tmp_path):
    frame = build_catalogue(data_set)
    again = read_catalogue(write_catalogue(frame, tmp_path / "out/catalogue.parquet"))
    pd.testing.assert_frame_equal(again, frame)


def test_later_stages_fill_in_their_columns(data_set):
    frame = build_catalogue(data_set)
    updated = update_catalogue(frame, "b", lung_cover_ratio=0.31, processing_seconds=1.5)
    assert row(updated, "b")["lung_cover_ratio"] == 0.31
    assert np.isnan(row(frame, "b")["lung_cover_ratio"])
    with pytest.raises(LesionkitError, match="the catalogue has no case 'z'; it has 3 cases"):
        update_catalogue(frame, "z", lung_cover_ratio=0.3)
    with pytest.raises(LesionkitError, match="the catalogue has no column colour"):
        update_catalogue(frame, "a", colour=1)


def test_the_same_series_in_another_format_or_slice_order_is_one_case(big, tmp_path):
    kept = write_series(Case("1.2.3", "P", big), tmp_path / "dicom")
    copy = write_volume(big, tmp_path / "copy.mha")
    turned = ArrayImage(big.grid.turned_upright(), upright(big).array)
    write_volume(turned, tmp_path / "again.nrrd")
    frame = build_catalogue(tmp_path)
    assert frame["case_id"].tolist() == ["1.2.3"]
    assert frame.loc[0, "path"] == str(kept)
    assert frame.loc[0, "duplicates"] == [str(tmp_path / "again.nrrd"), str(copy)]


def test_truth_may_name_a_series_by_the_name_of_its_copy(big, tmp_path):
    write_series(Case("1.2.3", "P", big), tmp_path / "dicom")
    write_volume(big, tmp_path / "copy.mha")
    write_annotations(tmp_path / "annotations.csv", {"copy": [INSIDE]})
    assert build_catalogue(tmp_path).loc[0, "lesion_count"] == 1


def test_the_content_hash_follows_samples_and_geometry(big, variant):
    moved = ArrayImage(big.grid.crop(tuple(slice(1, 13) for _ in range(3))), big.array)
    backward = ArrayImage(
        type(big.grid)(big.grid.shape, (2, 1, 1), (-100, 50, 29), ((0, 0, 1), (0, 1, 0), (-1, 0, 0))),
        np.ascontiguousarray(big.array[::-1]),
    )
    assert content_hash(backward) == content_hash(big)
    assert len({content_hash(image) for image in (big, moved, variant(1), variant(2))}) == 4


def test_a_bad_scan_is_a_row_with_its_reason_and_the_rest_go_on(data_set):
    (data_set / "scans/bad.mha").write_text("no image")
    frame = build_catalogue(data_set)
    assert len(frame) == 4
    bad = row(frame, "bad")
    assert "bad.mha: the file is truncated or damaged" in bad["failure"]
    with pytest.raises(LesionkitError, match=r"case 'bad' cannot be used: .*truncated or damaged"):
        load_case(bad)


def test_a_bad_dicom_series_keeps_its_uid(folder):
    (folder / "0006.dcm").unlink()
    found = describe_scan(folder)
    assert found["case_id"] == "1.2.3.40"
    assert "slice gap" in found["failure"]


def test_a_folder_of_many_series_is_loaded_as_it_was_catalogued(scan, big, tmp_path):
    write_series(scan, tmp_path / "s/one")
    write_series(Case("1.9", "P", big), tmp_path / "s/two")
    found = describe_scan(tmp_path / "s")
    assert load_case(found).case_id == found["case_id"]


def test_files_of_one_name_are_called_after_their_folders(variant, tmp_path):
    write_volume(variant(1), tmp_path / "p1/ct.mha")
    write_volume(variant(2), tmp_path / "p2/ct.mha")
    assert build_catalogue(tmp_path)["case_id"].tolist() == ["p1-ct", "p2-ct"]


def test_a_damaged_copy_of_a_series_does_not_take_its_name(scan, tmp_path):
    write_series(scan, tmp_path / "good")
    (write_series(scan, tmp_path / "bad") / "0006.dcm").unlink()
    frame = build_catalogue(tmp_path)
    assert row(frame, "1.2.3.40")["path"].endswith("good")
    assert len(frame) == 2


def test_patients_who_share_their_uids_are_called_apart(scan, big, tmp_path):
    write_series(scan, tmp_path / "a")
    write_series(Case(scan.case_id, "P", big), tmp_path / "b")
    frame = build_catalogue(tmp_path)
    assert frame["case_id"].tolist() == ["P-1.2.3.40", "patient 1-1.2.3.40"]
    assert [load_case(row).image.grid.shape for _, row in frame.iterrows()] == [(12, 12, 12), (12, 6, 8)]


def test_those_who_share_their_names_too_are_called_after_their_folders(scan, tmp_path):
    write_series(scan, tmp_path / "a/series")
    other = ArrayImage(scan.image.grid, scan.image.array - 5)
    write_series(Case(scan.case_id, scan.patient_id, other), tmp_path / "b/series")
    frame = build_catalogue(tmp_path)
    assert frame["case_id"].tolist() == ["a-1.2.3.40", "b-1.2.3.40"]
    assert load_case(frame.loc[1]).image.array[0, 0, 0] == -1005


def test_what_is_no_scan_is_a_row_with_its_reason(data_set, scan, change):
    mr = write_series(scan, data_set / "scans/mr")
    change(mr, lambda tags: setattr(tags, "Modality", "MR"))
    (data_set / "scans/damaged").mkdir()
    (data_set / "scans/damaged/1.dcm").write_bytes(b"no image")
    (data_set / "scans/gone").symlink_to("nowhere")
    failures = " | ".join(build_catalogue(data_set)["failure"].dropna())
    assert "modality MR, not CT" in failures
    assert "1 files are no readable DICOM images, first '1.dcm'" in failures
    assert "the link leads nowhere" in failures


def test_names_of_any_bytes_survive_the_table(variant, tmp_path):
    odd = tmp_path / "data" / os.fsdecode(b"M\xfcller")
    write_volume(variant(1), tmp_path / "a.nii.gz")
    odd.mkdir(parents=True)
    (tmp_path / "a.nii.gz").rename(odd / os.fsdecode(b"\xe4.nii.gz"))
    again = read_catalogue(write_catalogue(build_catalogue(tmp_path / "data"), tmp_path / "c.parquet"))
    assert again["case_id"].tolist() == ["ä"]
    assert load_case(again.loc[0]).image.grid.shape == (12, 12, 12)


def test_the_folds_of_luna16_are_kept(variant, tmp_path):
    write_volume(variant(1), tmp_path / "subset0/a.mhd")
    write_volume(variant(2), tmp_path / "subset9/b.mhd")
    assert build_catalogue(tmp_path)["fold"].tolist() == ["subset0", "subset9"]


def test_another_map_may_do_the_reading_in_any_order(data_set):
    def backward(function, paths):
        return [function(path) for path in reversed(paths)]

    pd.testing.assert_frame_equal(build_catalogue(data_set, each=backward), build_catalogue(data_set))


def test_a_lesion_outside_its_scan_is_refused_with_its_row(data_set):
    write_annotations(data_set / "annotations.csv", {"a": [INSIDE, Lesion((95, -55, 15), 6.0)]})
    message = (
        r"annotations.csv: row 3: the lesion at \(95.0, -55.0, 15.0\) mm lies outside its scan 'a' \(index \[4.0, -105"
    )
    with pytest.raises(LesionkitError, match=message):
        build_catalogue(data_set)


def test_truth_for_a_series_that_is_not_there_is_refused_unless_the_set_is_partial(data_set):
    write_annotations(data_set / "annotations.csv", {"a": [INSIDE], "gone": [INSIDE]})
    with pytest.raises(
        LesionkitError, match=r"annotations.csv: row 3 names series 'gone', which is not among the scans"
    ):
        build_catalogue(data_set)
    assert len(build_catalogue(data_set, partial=True)) == 3


def test_a_listed_series_that_is_not_there_is_refused_unless_the_set_is_partial(data_set):
    write_series_list(data_set / "seriesuids.csv", ["a", "gone"])
    with pytest.raises(LesionkitError, match=r"seriesuids.csv: series 'gone' is not among the scans"):
        build_catalogue(data_set)
    assert row(build_catalogue(data_set, partial=True), "b")["looked_at"] == np.False_


def test_what_is_no_catalogue_is_refused(tmp_path):
    (tmp_path / "c.parquet").write_text("x")
    with pytest.raises(LesionkitError, match="a catalogue must be a Parquet file"):
        read_catalogue(tmp_path / "c.parquet")
    pd.DataFrame({"case_id": ["a"]}).to_parquet(tmp_path / "d.parquet")
    with pytest.raises(
        LesionkitError, match="a catalogue needs the column patient_id, got case_id; index the data again"
    ):
        read_catalogue(tmp_path / "d.parquet")


def test_lidc_readings_beside_a_scan_become_its_truth(data):
    frame = build_catalogue(data / "ct/LIDC-IDRI-0001")
    assert frame.loc[0, "patient_id"] == "LIDC-IDRI-0001"
    assert frame.loc[0, "lesion_count"] == 1
    assert frame.loc[0, "looked_at"]
    case = load_case(frame.loc[0])
    assert case.truth[0].facts["votes"] == 4
    assert len(case.excluded) == 22
