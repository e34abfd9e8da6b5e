import csv
import json
from dataclasses import replace

import numpy as np
import pytest

from lesionkit.core.errors import LesionkitError
from lesionkit.engine.map import EngineSettings
from lesionkit.phantoms.ct.chest import CtPhantomSettings
from lesionkit.phantoms.ct.nodule_bank import NoduleBank, save_bank
from lesionkit.phantoms.ct.real_nodule import RealNodule
from lesionkit.read.catalogue import build_catalogue, load_case
from lesionkit.read.scan import open_scan
from lesionkit.recipes.ct import phantom as subject
from lesionkit.recipes.ct.phantom import PhantomCt, insert_phantoms, make_phantoms

SMALL = PhantomCt(
    phantom=CtPhantomSettings(size="small", nodule_count=(2, 2), healthy_share=0.0),
    engine=EngineSettings(backend="here"),
)


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    out = tmp_path_factory.mktemp("phantoms") / "data"
    return out, make_phantoms(out, 2, 7, SMALL)


def rows(file):
    return list(csv.DictReader(file.read_text().splitlines()))


def test_a_data_set_has_scans_and_the_tables_of_luna16(made):
    out, summary = made
    assert sorted(p.name for p in (out / "scans").iterdir()) == ["ct-phantom-00007.mha", "ct-phantom-00008.mha"]
    assert (out / "seriesuids.csv").read_text().split() == ["ct-phantom-00007", "ct-phantom-00008"]
    annotations = rows(out / "annotations.csv")
    assert {"seriesuid", "coordX", "coordY", "coordZ", "diameter_mm", "texture"} <= annotations[0].keys()
    assert len(annotations) == summary.facts["nodules"] > 0
    assert (summary.cases, summary.failed) == (2, {})


def test_the_catalogue_reads_it_back_with_its_truth(made):
    out, summary = made
    cases = [load_case(row) for row in build_catalogue(out).to_dict("records")]
    assert sum(len(case.truth) for case in cases) == summary.facts["nodules"]
    assert all(case.image.grid.contains(lesion.centre_mm) for case in cases for lesion in case.truth)


def test_more_of_the_same_keeps_what_is_there(made, monkeypatch):
    out, _ = made
    before = (out / "scans" / "ct-phantom-00007.mha").stat().st_mtime_ns
    made_now = []

    def make_ct(seed, settings):
        made_now.append(seed)
        case = open_scan(out / "scans" / "ct-phantom-00008.mha")
        return replace(case, case_id=f"ct-phantom-{seed:05d}", truth=())

    monkeypatch.setattr(subject, "make_ct", make_ct)
    summary = make_phantoms(out, 3, 7, SMALL)
    assert made_now == [9]
    assert (summary.facts["scans"], summary.facts["healthy"]) == (3, 1)
    assert (out / "scans" / "ct-phantom-00007.mha").stat().st_mtime_ns == before
    (out / ".done" / "00009.json").unlink()
    (out / "scans" / "ct-phantom-00009.mha").unlink()
    make_phantoms(out, 2, 7, SMALL)


@pytest.mark.parametrize(
    ("seed", "settings", "sentence"),
    [
        (8, SMALL, "holds other phantoms: seed was 7 and is 8 now; name another --out"),
        (7, SMALL.model_copy(update={"format": "nrrd"}), "settings.format was mha and is nrrd now"),
    ],
)
def test_other_phantoms_in_the_folder_are_refused(made, seed, settings, sentence):
    with pytest.raises(LesionkitError, match=sentence):
        make_phantoms(made[0], 2, seed, settings)


def test_a_folder_with_something_else_is_refused(tmp_path):
    (tmp_path / "thesis.txt").write_text("")
    with pytest.raises(LesionkitError, match="holds something else than phantoms; name a new or an empty folder"):
        make_phantoms(tmp_path, 1, 0, SMALL)


def test_a_bad_scan_is_reported_and_the_rest_go_on(tmp_path, made, monkeypatch):
    def make_ct(seed, settings):
        if seed == 1:
            raise LesionkitError("no room for a nodule")
        case = open_scan(made[0] / "scans" / "ct-phantom-00007.mha")
        return replace(case, case_id=f"ct-phantom-{seed:05d}", truth=())

    monkeypatch.setattr(subject, "make_ct", make_ct)
    summary = make_phantoms(tmp_path / "data", 3, 0, SMALL)
    assert summary.failed == {"seed 1": "no room for a nodule"}
    assert (summary.facts["scans"], summary.cases) == (2, 3)


def test_patients_may_have_several_scans(tmp_path, made, monkeypatch):
    def make_ct(seed, settings):
        case = open_scan(made[0] / "scans" / "ct-phantom-00007.mha")
        return replace(case, case_id=f"ct-phantom-{seed:05d}", truth=())

    monkeypatch.setattr(subject, "make_ct", make_ct)
    make_phantoms(tmp_path / "data", 3, 0, SMALL.model_copy(update={"patients": 2}))
    assert [row["patient_id"][-1] for row in rows(tmp_path / "data" / "patients.csv")] == ["0", "1", "0"]


def test_nodules_are_inserted_into_a_real_scan_under_a_name_of_its_own(tmp_path, made):
    out = tmp_path / "data"
    before = rows(made[0] / "annotations.csv")
    summary = insert_phantoms(out, made[0], 2, 5, SMALL.model_copy(update={"format": "dicom"}))
    assert (summary.facts["scans"], summary.failed) == (2, {})
    assert 0 < summary.facts["nodules"] <= 4
    # What was known before counts neither way.
    assert len(rows(out / "annotations_excluded.csv")) >= len(before)
    for folder in (out / "scans").iterdir():
        assert open_scan(folder).case_id == folder.name
        assert folder.name in (out / "seriesuids.csv").read_text()
    assert {row["patient_id"] for row in rows(out / "patients.csv")} == {"phantom-00007", "phantom-00008"}


def test_the_settings_are_kept_beside_the_scans(made):
    about = json.loads((made[0] / "phantoms.json").read_text())
    assert about["asked"]["seed"] == 7
    assert about["asked"]["settings"]["phantom"]["size"] == "small"
    assert "engine" not in about["asked"]["settings"]


def test_real_nodules_of_a_bank_are_inserted_with_their_provenance_in_the_table(tmp_path, made):
    z, y, x = np.ogrid[:15, :15, :15]
    mask = (z - 7) ** 2 + (y - 7) ** 2 + (x - 7) ** 2 <= 9
    hu = np.where(mask, 30, -850).astype(np.int16)
    bank = save_bank(tmp_path / "bank", NoduleBank((RealNodule(hu, mask, 6.0, "LIDC-7", "P7", 5),)))
    summary = insert_phantoms(tmp_path / "out", made[0], 2, 5, SMALL, bank)
    annotations = rows(tmp_path / "out/annotations.csv")
    assert len(annotations) == summary.facts["nodules"] > 0
    assert {(row["nodule"], row["patient"]) for row in annotations} == {("LIDC-7", "P7")}
