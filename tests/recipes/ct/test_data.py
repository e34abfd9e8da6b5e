import json
import shutil

import pytest

from lesionkit.core.errors import LesionkitError
from lesionkit.recipes.ct.data import catalogue, index, scan_splits
from lesionkit.recipes.ct.settings import CtNodule
from lesionkit.runs.run_folder import open_run
from lesionkit.runs.settings_file import change

SETTINGS = change(CtNodule(), {"engine": {"backend": "here"}})


@pytest.fixture
def data(chests, tmp_path):
    return shutil.copytree(chests, tmp_path / "data")


def test_the_index_counts_scans_patients_and_lesions(data, tmp_path):
    summary = index(data, tmp_path / "c.parquet", SETTINGS)
    assert {k: summary.facts[k] for k in ("cases", "patients", "cases with known truth", "lesions")} == {
        **{"cases": 6, "patients": 5, "cases with known truth": 6, "lesions": 8}
    }
    assert (summary.failed, summary.cases) == ({}, 6)


def test_a_scan_that_cannot_be_read_is_named_with_its_reason(data, tmp_path):
    (data / "scans/ct-phantom-00002.mha").write_bytes(b"no scan")
    summary = index(data, tmp_path / "c.parquet", SETTINGS)
    assert list(summary.failed) == ["ct-phantom-00002"]


def test_scans_of_one_patient_are_on_one_side(data, tmp_path):
    with open_run(tmp_path / "r", "ct-nodule", SETTINGS, {"data": data}) as run:
        splits = scan_splits(run, data, catalogue(run, data, SETTINGS), SETTINGS)
    part = {case: name for name, cases in splits.parts.items() for case in cases}
    assert len(part) == 6
    assert part["ct-phantom-00001"] == part["ct-phantom-00006"]


def test_given_splits_are_kept_and_a_wrong_name_is_refused(data, tmp_path):
    (data / "splits.json").write_text(json.dumps({"train": ["ct-phantom-00001", "nobody"]}))
    with open_run(tmp_path / "r", "ct-nodule", SETTINGS, {"data": data}) as run:
        table = catalogue(run, data, SETTINGS)
        with pytest.raises(LesionkitError, match="nobody"):
            scan_splits(run, data, table, SETTINGS)
