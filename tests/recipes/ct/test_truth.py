import json
import os
from pathlib import Path

import pytest

from lesionkit.core.errors import LesionkitError
from lesionkit.core.grid import Grid
from lesionkit.read.catalogue import build_catalogue
from lesionkit.read.scan import open_scan
from lesionkit.read.truth.beside import tables_beside
from lesionkit.recipes.base import Item
from lesionkit.recipes.ct import truth as subject
from lesionkit.recipes.ct.settings import CtNodule
from lesionkit.recipes.ct.truth import KnownScan, item_of_row, items_of, known_of, refuse_elsewhere

DATA = Path(os.environ.get("LESIONKIT_DATA", Path(__file__).parents[3] / "../shared/data"))
HEADER = "seriesuid,coordX,coordY,coordZ,diameter_mm\n"
GRID = Grid.upright((20, 20, 20), (1, 1, 1))


def known(name: str, tables) -> KnownScan:
    item = subject._item(Path("scan.mha"), name, tables)
    return known_of(item, GRID, "metaimage")


@pytest.fixture
def data(tmp_path):
    (tmp_path / "scans").mkdir()
    (tmp_path / "annotations.csv").write_text(HEADER + "a,5,5,5,6\na,9,9,9,4\n")
    (tmp_path / "annotations_excluded.csv").write_text(HEADER + "a,1,1,1,-1\n")
    (tmp_path / "seriesuids.csv").write_text("a\nb\n")
    (tmp_path / "patients.csv").write_text("seriesuid,patient_id\na,Anna\n")
    return tmp_path


def test_marks_of_a_viewer_that_are_given_are_truth_of_the_scans_they_are_called_after(data):
    for name in "ab":
        (data / f"scans/{name}.mha").write_text("a scan")
    marks = data / "marks"
    marks.mkdir()
    point = {"label": "F", "position": [5.0, 6.0, 7.0]}
    markup = {"type": "Fiducial", "coordinateSystem": "LPS", "controlPoints": [point]}
    (marks / "a.mrk.json").write_text(json.dumps({"markups": [markup]}))
    a, b = items_of(data / "scans", marks, CtNodule()).items
    assert [lesion.centre_mm for lesion in known_of(a, GRID, "metaimage").lesions] == [(5, 6, 7)]
    assert known_of(b, GRID, "metaimage").lesions is None
    alone = items_of(data / "scans/b.mha", marks / "a.mrk.json", CtNodule()).items[0]
    assert len(known_of(alone, GRID, "metaimage").lesions) == 1
    (data / "annotations.csv").unlink()
    (data / "scans/c.mrk.json").write_text((marks / "a.mrk.json").read_text())
    (other,) = items_of(data / "scans/b.mha", None, CtNodule()).items
    assert known_of(other, GRID, "metaimage").lesions is None
    (marks / "a.mrk.json").rename(marks / "c.mrk.json")
    listed = items_of(data / "scans", marks, CtNodule())
    assert listed.notes == [f"{marks} says nothing of any of the 2 scans, the first 'a'"]


def test_a_data_set_of_nnunet_is_searched_without_its_label_maps(tmp_path):
    told = {"channel_names": {"0": "CT"}, "labels": {"background": 0, "nodule": 1}}
    (tmp_path / "dataset.json").write_text(json.dumps(told))
    for file in ("imagesTr/a_0000.nii.gz", "imagesTr/b_0000.nii.gz", "labelsTr/a.nii.gz"):
        (tmp_path / file).parent.mkdir(exist_ok=True)
        (tmp_path / file).write_text("no volume")
    a, b = items_of(tmp_path, None, CtNodule()).items
    assert ([a.case_id, b.case_id], b.known) == (["a", "b"], None)
    found = known_of(a, GRID, "nifti")
    assert (found.lesions, "the label map was left out" in found.warnings[0]) == (None, True)


@pytest.mark.parametrize("scans", [".", "scans", "scans/a.mha"])
def test_tables_are_found_beside_the_scans_and_above_them(data, scans):
    (data / "scans/a.mha").write_text("a scan")
    (item,) = items_of(data / scans, None, CtNodule()).items
    found = known_of(item, GRID, "metaimage")
    assert [lesion.diameter_mm for lesion in found.lesions] == [6, 4]
    assert [lesion.centre_mm for lesion in found.excluded] == [(1, 1, 1)]
    assert (item.case_id, item.patient_id) == ("a", "Anna")


def test_a_listed_scan_without_a_lesion_is_healthy_and_another_is_unknown(data):
    tables = tables_beside(data, None)
    assert known("b", tables).lesions == ()
    assert known("c", tables).lesions is None


def test_a_given_table_is_used_with_what_lies_beside_it(data, tmp_path):
    other = tmp_path / "other"
    other.mkdir()
    (other / "mine.csv").write_text(HEADER + "b,5,5,5,6\n")
    tables = tables_beside(data, other / "mine.csv")
    assert known("a", tables).lesions is None
    assert len(known("b", tables).lesions) == 1


def test_a_lesion_outside_its_scan_is_named_by_file_and_row(data):
    item = subject._item(Path("scan.mha"), "a", tables_beside(data, None))
    with pytest.raises(LesionkitError, match=r"annotations_excluded.csv: row 2: the lesion at .* outside its scan 'a'"):
        refuse_elsewhere(item, Grid.upright((9, 9, 9), (1, 1, 1), (7, 7, 7)))
    refuse_elsewhere(item, GRID)


def test_without_tables_nothing_is_known(tmp_path):
    assert known("a", tables_beside(tmp_path, None)) == KnownScan(None)


def test_in_a_run_the_catalogue_tells_names_patients_and_truth(chests):
    table = build_catalogue(chests)
    row = table[table["case_id"] == "ct-phantom-00006"].iloc[0]
    item = item_of_row(row)
    assert (item.case_id, item.patient_id) == ("ct-phantom-00006", "phantom-patient-00001")
    assert len(known_of(item, GRID, "metaimage").lesions) == row["lesion_count"]


@pytest.mark.skipif(not (DATA / "ct").is_dir(), reason="the real data (LESIONKIT_DATA) is not on this machine")
def test_an_lidc_reading_beside_a_dicom_folder_is_its_truth():
    folder = DATA / "ct/LIDC-IDRI-0001/dicom"
    case = open_scan(folder)
    item = Item(case.case_id, folder)
    (lesion,) = known_of(item, case.image.grid, "dicom").lesions
    assert lesion.facts["votes"] == 4
    assert lesion.diameter_mm == pytest.approx(23.4, abs=0.5)
    # Outlines are in rows and columns of the DICOM images, which another format may hold in another order.
    assert known_of(item, case.image.grid, "nifti").lesions is None


def test_what_is_known_names_its_file(data):
    tables = tables_beside(data / "scans", None)
    assert known("a", tables).source == str(data / "annotations.csv")
    assert known("c", tables).source == ""


def test_what_no_scan_could_be_made_of_is_left_out_with_its_reason(data, chests):
    (data / "scans/gone").symlink_to("nowhere")
    (data / "scans/a.mha").write_bytes(sorted((chests / "scans").glob("*.mha"))[0].read_bytes())
    listed = items_of(data / "scans", None, CtNodule())
    assert [item.case_id for item in listed.items] == ["a"]
    gone = data / "scans/gone"
    assert listed.left_out == {
        str(gone): f"{gone}: it cannot be read: the link leads nowhere (No such file or directory)"
    }
