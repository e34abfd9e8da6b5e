import os
from dataclasses import replace
from pathlib import Path

import pytest

from lesionkit.core.errors import LesionkitError
from lesionkit.core.grid import Grid
from lesionkit.read.catalogue import build_catalogue
from lesionkit.read.scan import open_scan
from lesionkit.recipes.ct.search import Found
from lesionkit.recipes.ct.tables import tables_beside
from lesionkit.recipes.ct.truth import join_catalogue, join_tables, rows_by_path

DATA = Path(os.environ.get("LESIONKIT_DATA", Path(__file__).parents[2] / "../shared/data"))
HEADER = "seriesuid,coordX,coordY,coordZ,diameter_mm\n"
GRID = Grid.upright((20, 20, 20), (1, 1, 1))


def found(name: str, path: str = "scan.mha", **facts) -> Found:
    return Found(Path(path), name, name, GRID, facts=facts)


@pytest.fixture
def data(tmp_path):
    (tmp_path / "scans").mkdir()
    (tmp_path / "annotations.csv").write_text(HEADER + "a,5,5,5,6\na,9,9,9,4\n")
    (tmp_path / "annotations_excluded.csv").write_text(HEADER + "a,1,1,1,-1\n")
    (tmp_path / "seriesuids.csv").write_text("a\nb\n")
    (tmp_path / "patients.csv").write_text("seriesuid,patient_id\na,Anna\n")
    return tmp_path


@pytest.mark.parametrize("scans", [".", "scans", "scans/a.mha"])
def test_tables_are_found_beside_the_scans_and_above_them(data, scans):
    (data / "scans/a.mha").write_text("a scan")
    known = join_tables(found("a"), tables_beside(data / scans, None))
    assert [lesion.diameter_mm for lesion in known.truth] == [6, 4]
    assert [lesion.centre_mm for lesion in known.excluded] == [(1, 1, 1)]
    assert known.patient_id == "Anna"


def test_a_listed_scan_without_a_lesion_is_healthy_and_another_is_unknown(data):
    tables = tables_beside(data, None)
    assert join_tables(found("b"), tables).truth == ()
    assert join_tables(found("c"), tables).truth is None
    assert join_tables(found("b"), tables).patient_id == "b"


def test_a_given_table_is_used_with_what_lies_beside_it(data, tmp_path):
    other = tmp_path / "other"
    other.mkdir()
    (other / "mine.csv").write_text(HEADER + "b,5,5,5,6\n")
    tables = tables_beside(data, other / "mine.csv")
    assert join_tables(found("a"), tables).truth is None
    assert len(join_tables(found("b"), tables).truth) == 1


def test_a_lesion_outside_its_scan_is_named_by_file_and_row(data):
    with pytest.raises(LesionkitError, match=r"annotations_excluded.csv: row 2: the lesion at .* outside its scan 'a'"):
        join_tables(replace(found("a"), grid=Grid.upright((9, 9, 9), (1, 1, 1), (7, 7, 7))), tables_beside(data, None))


def test_without_tables_nothing_is_known(tmp_path):
    assert join_tables(found("a"), tables_beside(tmp_path, None)).truth is None


def test_in_a_run_the_catalogue_tells_names_patients_and_truth(chests):
    table = build_catalogue(chests)
    row = table[table["case_id"] == "ct-phantom-00006"].iloc[0]
    known = join_catalogue(found("x", row["path"]), rows_by_path(table))
    assert (known.case_id, known.patient_id) == ("ct-phantom-00006", "phantom-patient-00001")
    assert len(known.truth) == row["lesion_count"]


@pytest.mark.skipif(not (DATA / "ct").is_dir(), reason="the real data (LESIONKIT_DATA) is not on this machine")
def test_an_lidc_reading_beside_a_dicom_folder_is_its_truth():
    folder = DATA / "ct/LIDC-IDRI-0001/dicom"
    case = open_scan(folder)
    scan = Found(folder, case.case_id, case.patient_id, case.image.grid, facts=dict(case.facts))
    known = join_tables(scan, tables_beside(folder, None))
    (lesion,) = known.truth
    assert lesion.facts["votes"] == 4
    assert lesion.diameter_mm == pytest.approx(23.4, abs=0.5)
    # Outlines are in rows and columns of the DICOM images, which another format may hold in another order.
    assert join_tables(replace(scan, facts={"format": "nifti"}), tables_beside(folder, None)).truth is None
